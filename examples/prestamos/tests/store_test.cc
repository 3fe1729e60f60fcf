#include "store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "sample.h"

namespace prestamos {
namespace {

constexpr Instant kNow = 1'800'000'000;

Customer customer_named(const std::string& name, const std::string& tax_id) {
  return {.name = name, .tax_id = tax_id, .email = "", .phone = "", .monthly_income = 200'000, .created = kNow};
}

Application draft_of(Id customer, const std::string& purpose = "") {
  Application out;
  out.customer = customer;
  out.terms = {.principal = 100'000, .annual_rate_bp = 500, .months = 12, .method = Method::constant_principal};
  out.purpose = purpose;
  out.created = out.updated = kNow;
  return out;
}

std::vector<Id> ids_of(const std::vector<Application>& applications) {
  std::vector<Id> out;
  for (const Application& one : applications) out.push_back(one.id);
  return out;
}

}  // namespace

TEST(Store, gives_back_what_it_was_given) {
  Store store(":memory:");
  EXPECT_TRUE(store.empty());
  const Id customer = store.add(customer_named("Ana", "A-1")).id;
  Application loan = store.add(draft_of(customer, "a van"));
  loan.state = LoanState::disbursed;
  loan.disbursed = "2027-01-15";
  loan.account = {.month = 3, .balance = 80'000, .interest_paid = 12, .principal_paid = 7};
  loan.updated = kNow + 5;
  store.save(loan);
  const Application read = store.application(loan.id).value();
  EXPECT_EQ(read.customer_name, "Ana");
  EXPECT_EQ(read.terms, loan.terms);
  EXPECT_EQ(read.purpose, "a van");
  EXPECT_EQ(read.state, LoanState::disbursed);
  EXPECT_EQ(read.disbursed, "2027-01-15");
  EXPECT_EQ(read.updated, kNow + 5);
  EXPECT_EQ(read.account.month, 3);
  EXPECT_EQ(read.account.balance, 80'000);
  EXPECT_EQ(read.account.interest_paid, 12);
  EXPECT_EQ(read.account.principal_paid, 7);
  EXPECT_FALSE(store.application(loan.id + 1));
  EXPECT_FALSE(store.empty());
}

TEST(Store, keeps_moves_payments_and_documents_with_their_application) {
  Store store(":memory:");
  const Id customer = store.add(customer_named("Ana", "A-1")).id;
  const Id one = store.add(draft_of(customer)).id;
  const Id other = store.add(draft_of(customer)).id;
  store.add(one, Move{.from = LoanState::draft, .to = LoanState::submitted, .at = kNow, .note = "by phone"});
  store.add(Payment{.application = one, .split = {.interest = 3, .principal = 4}, .balance = 5, .at = kNow});
  store.add(Document{.application = one,
                     .kind = "payslip",
                     .name = "May",
                     .media_type = "text/plain",
                     .bytes = 9,
                     .sha256 = "ab",
                     .at = kNow});
  ASSERT_EQ(store.moves(one).size(), 1U);
  EXPECT_EQ(store.moves(one).front().note, "by phone");
  ASSERT_EQ(store.payments(one).size(), 1U);
  EXPECT_EQ(store.payments(one).front().split, (Split{.interest = 3, .principal = 4}));
  ASSERT_EQ(store.documents(one).size(), 1U);
  EXPECT_EQ(store.documents(one).front().name, "May");
  EXPECT_TRUE(store.moves(other).empty() && store.payments(other).empty() && store.documents(other).empty());
}

TEST(Store, pages_newest_first_without_a_gap_or_a_repeat) {
  Store store(":memory:");
  const Id ana = store.add(customer_named("Ana", "A-1")).id;
  const Id eva = store.add(customer_named("Eva", "E-1")).id;
  for (int turn = 0; turn < 45; ++turn) store.add(draft_of(turn % 3 == 0 ? eva : ana));
  std::vector<Id> seen;
  ApplicationQuery query{.customer = ana, .state = LoanState::draft, .text = "", .page = {.limit = 7, .before = {}}};
  for (;;) {
    const std::vector<Id> page = ids_of(store.applications(query));
    if (page.empty()) break;
    seen.insert(seen.end(), page.begin(), page.end());
    query.page.before = page.back();
  }
  EXPECT_EQ(seen.size(), 30U);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::ranges::greater_equal()));
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

TEST(Store, finds_by_state_and_by_words_taken_literally) {
  Store store(":memory:");
  const Id ana = store.add(customer_named("Ana 100%", "A-1")).id;
  const Id eva = store.add(customer_named("Eva", "E_1")).id;
  Application first = store.add(draft_of(ana, "kitchen"));
  const Application second = store.add(draft_of(eva, "a van"));
  first.state = LoanState::submitted;
  store.save(first);
  EXPECT_EQ(ids_of(store.applications({.customer = {}, .state = LoanState::submitted, .text = "", .page = {}})),
            std::vector{first.id});
  EXPECT_EQ(ids_of(store.applications({.customer = {}, .state = {}, .text = "van", .page = {}})),
            std::vector{second.id});
  EXPECT_EQ(ids_of(store.applications({.customer = {}, .state = {}, .text = "0%", .page = {}})), std::vector{first.id});
  EXPECT_EQ(store.customers({.text = "_", .page = {}}).size(), 1U);
  EXPECT_EQ(store.customers({.text = "-", .page = {}}).size(), 1U);
  EXPECT_EQ(store.customers({.text = "", .page = {}}).size(), 2U);
}

TEST(Store, undoes_a_transaction_that_was_not_committed) {
  Store store(":memory:");
  {
    const Transaction transaction(store.database());
    store.add(customer_named("Ana", "A-1"));
  }
  EXPECT_TRUE(store.empty());
}

TEST(Store, takes_no_second_customer_with_a_tax_id_and_no_loan_of_nobody) {
  Store store(":memory:");
  store.add(customer_named("Ana", "A-1"));
  EXPECT_THROW(store.add(customer_named("Eva", "A-1")), SqliteError);
  EXPECT_THROW(store.add(draft_of(99)), SqliteError);
}

TEST(Store, says_that_it_is_full_and_goes_on_answering) {
  Store store(":memory:");
  store.add(customer_named("Ana", "A-1"));
  store.database().run("PRAGMA max_page_count = 1");  // what is there already stays
  try {
    for (int turn = 0; turn < 1000; ++turn)
      store.add(customer_named(std::string(100, 'x'), "B-" + std::to_string(turn)));
    FAIL() << "a thousand more went in";
  } catch (const SqliteError& error) {
    EXPECT_TRUE(error.full()) << error.what();
  }
  EXPECT_EQ(store.customer(1).value().name, "Ana");
}

TEST(Store, is_there_after_a_restart_and_refuses_another_version) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("prestamos-" + std::to_string(::getpid()));
  Store(path).add(customer_named("Ana", "A-1"));
  EXPECT_EQ(Store(path).customer(1).value().tax_id, "A-1");
  Store(path).database().run("PRAGMA user_version = 7");
  EXPECT_THROW(Store{path}, SqliteError);
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + end);
}

TEST(Store, forgets_a_replay_after_a_day) {
  Store store(":memory:");
  store.add(Replay{.key = "a", .request = "r", .status = 201, .reply = "{}", .at = kNow});
  EXPECT_EQ(store.replay("a").value().status, 201);
  store.add(Replay{.key = "b", .request = "r", .status = 201, .reply = "{}", .at = kNow + kReplaySeconds + 1});
  EXPECT_FALSE(store.replay("a"));
  EXPECT_TRUE(store.replay("b"));
}

TEST(Sample, has_loans_in_every_state_whose_books_agree) {
  Store store(":memory:");
  add_sample(store, kNow);
  const std::vector<Application> all =
      store.applications({.customer = {}, .state = {}, .text = "", .page = {.limit = 100, .before = {}}});
  for (const LoanState state : kLoanStates) {
    EXPECT_TRUE(std::ranges::any_of(all, [state](const Application& one) { return one.state == state; }))
        << name_of(state);
  }
  for (const Application& loan : all) {
    if (loan.disbursed.empty()) continue;
    Cents repaid = 0;
    for (const Payment& payment : store.payments(loan.id)) repaid += payment.split.principal;
    EXPECT_EQ(loan.account.balance, loan.terms.principal - repaid) << loan.id;
    EXPECT_EQ(loan.state == LoanState::repaid, loan.account.balance == 0) << loan.id;
  }
}

}  // namespace prestamos
