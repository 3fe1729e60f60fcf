#include "amortisation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace prestamos {
namespace {

constexpr int kRandomLoans = 5000;

Terms random_terms(std::mt19937_64& dice, Method method) {
  const auto from = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(dice);
  };
  // Amounts of every size alike.
  const std::int64_t digits = from(0, 4);
  std::int64_t most = kLeastPrincipal * 10;
  for (std::int64_t turn = 0; turn < digits; ++turn) most *= 10;
  return {.principal = from(kLeastPrincipal, std::min(most, kMostPrincipal)),
          .annual_rate_bp = static_cast<int>(from(0, 9) == 0 ? 0 : from(1, kMostRateBp)),
          .months = static_cast<int>(from(1, kMostMonths)),
          .method = method};
}

std::string told(const Terms& terms) {
  return std::to_string(terms.principal) + " cents at " + std::to_string(terms.annual_rate_bp) + " bp in " +
         std::to_string(terms.months) + " months, " + std::string(name_of(terms.method));
}

// P·i / (1 − (1+i)^−n), not rounded.
long double exact_instalment(const Terms& terms) {
  const auto principal = static_cast<long double>(terms.principal);
  if (terms.annual_rate_bp == 0) return principal / terms.months;
  const long double rate = terms.annual_rate_bp / 120'000.0L;
  return principal * rate / -std::expm1(-terms.months * std::log1p(rate));
}

void expect_sound(const Terms& terms, const std::vector<Instalment>& instalments) {
  ASSERT_FALSE(instalments.empty());
  ASSERT_LE(instalments.size(), static_cast<std::size_t>(terms.months));
  Cents balance = terms.principal;
  Cents repaid = 0;
  for (std::size_t turn = 0; turn < instalments.size(); ++turn) {
    const Instalment& one = instalments[turn];
    EXPECT_EQ(one.number, static_cast<int>(turn) + 1);
    EXPECT_EQ(one.paid.interest, interest_of(balance, terms.annual_rate_bp));
    EXPECT_GT(one.paid.principal, 0);
    balance -= one.paid.principal + one.early;
    repaid += one.paid.principal + one.early;
    ASSERT_EQ(one.balance, balance);
    ASSERT_EQ(balance == 0, turn + 1 == instalments.size());
  }
  ASSERT_EQ(repaid, terms.principal);
}

}  // namespace

TEST(Interest, is_rounded_half_up_to_the_cent) {
  EXPECT_EQ(interest_of(100'000, 1200), 1000);
  EXPECT_EQ(interest_of(50, 1200), 1);   // half a cent
  EXPECT_EQ(interest_of(49, 1200), 0);   // 0.49
  EXPECT_EQ(interest_of(150, 1200), 2);  // 1.5
  EXPECT_EQ(interest_of(kMostPrincipal, kMostRateBp), 8'333'333'3);
  EXPECT_EQ(interest_of(1'000'000, 0), 0);
}

TEST(French, is_the_known_instalment_of_textbook_loans) {
  // 1,000 at 12 % in 12 months: 88.85; 200,000 at 6 % in 360 months: 1,199.10; both from the closed form.
  EXPECT_EQ(constant_part({.principal = 100'000, .annual_rate_bp = 1200, .months = 12, .method = Method::french}),
            88'85);
  EXPECT_EQ(constant_part({.principal = 200'000'00, .annual_rate_bp = 600, .months = 360, .method = Method::french}),
            1'199'11);  // 1,199.101…: 1,199.10 would leave some of it after 360 months
  EXPECT_EQ(constant_part({.principal = 100'000, .annual_rate_bp = 0, .months = 7, .method = Method::french}), 142'86);
}

// Each interest is rounded by half a cent at most, so what is least enough is within half a cent of the exact one
// before it is rounded up to a whole cent.
TEST(French, is_within_its_bound_of_the_closed_form) {
  std::mt19937_64 dice(1);
  for (int turn = 0; turn < kRandomLoans; ++turn) {
    const Terms terms = random_terms(dice, Method::french);
    const auto instalment = static_cast<long double>(constant_part(terms));
    const long double exact = exact_instalment(terms);
    ASSERT_GE(instalment, exact - 0.5L - 1e-6L) << told(terms);
    ASSERT_LT(instalment, exact + 1.5L + 1e-6L) << told(terms);
  }
}

TEST(French, repays_every_loan_with_equal_instalments_and_a_last_one_that_is_not_larger) {
  std::mt19937_64 dice(2);
  for (int turn = 0; turn < kRandomLoans; ++turn) {
    const Terms terms = random_terms(dice, Method::french);
    const std::vector<Instalment> instalments = schedule(terms);
    SCOPED_TRACE(told(terms));
    expect_sound(terms, instalments);
    const Cents constant = constant_part(terms);
    for (std::size_t one = 0; one + 1 < instalments.size(); ++one) ASSERT_EQ(instalments[one].paid.total(), constant);
    ASSERT_LE(instalments.back().paid.total(), constant);
    if (HasFatalFailure() || testing::Test::HasFailure()) break;
  }
}

TEST(French, has_no_smaller_instalment_that_would_do) {
  std::mt19937_64 dice(3);
  for (int turn = 0; turn < kRandomLoans; ++turn) {
    const Terms terms = random_terms(dice, Method::french);
    const Cents less = constant_part(terms) - 1;
    Cents balance = terms.principal;
    for (int month = 1; month <= terms.months && balance > 0; ++month) {
      balance = std::min(balance + interest_of(balance, terms.annual_rate_bp) - less, 10 * kMostPrincipal);
    }
    ASSERT_GT(balance, 0) << told(terms);
  }
}

TEST(ConstantPrincipal, repays_the_same_part_each_month_and_the_rest_with_the_last) {
  std::mt19937_64 dice(4);
  for (int turn = 0; turn < kRandomLoans; ++turn) {
    const Terms terms = random_terms(dice, Method::constant_principal);
    const std::vector<Instalment> instalments = schedule(terms);
    SCOPED_TRACE(told(terms));
    expect_sound(terms, instalments);
    ASSERT_EQ(instalments.size(), static_cast<std::size_t>(terms.months));
    const Cents part = terms.principal / terms.months;
    for (std::size_t one = 0; one + 1 < instalments.size(); ++one) ASSERT_EQ(instalments[one].paid.principal, part);
    ASSERT_GE(instalments.back().paid.principal, part);
    ASSERT_LT(instalments.back().paid.principal, part + terms.months);
    if (testing::Test::HasFailure()) break;
  }
}

// The sum of i·(P − (k−1)·P/n) is i·P·(n+1)/2. What rounding a part down leaves in the balances is less than k−1 cents
// in month k, and each interest is rounded by half a cent at most.
TEST(ConstantPrincipal, costs_what_the_closed_form_says) {
  std::mt19937_64 dice(5);
  for (int turn = 0; turn < kRandomLoans; ++turn) {
    const Terms terms = random_terms(dice, Method::constant_principal);
    const long double rate = terms.annual_rate_bp / 120'000.0L;
    const long double months = terms.months;
    const long double exact = rate * static_cast<long double>(terms.principal) * (months + 1) / 2;
    const auto total = static_cast<long double>(total_interest(schedule(terms)));
    ASSERT_GE(total, exact - months / 2 - 1e-6L) << told(terms);
    ASSERT_LE(total, exact + months / 2 + rate * months * (months - 1) / 2 + 1e-6L) << told(terms);
  }
}

TEST(EarlyRepayment, shortens_the_term_and_never_costs_more) {
  std::mt19937_64 dice(6);
  for (int turn = 0; turn < kRandomLoans; ++turn) {
    const Terms terms = random_terms(dice, turn % 2 == 0 ? Method::french : Method::constant_principal);
    const EarlyRepayment early{.month = std::uniform_int_distribution(1, terms.months)(dice),
                               .amount = std::uniform_int_distribution<Cents>(1, terms.principal)(dice)};
    const std::vector<Instalment> agreed = schedule(terms);
    const std::vector<Instalment> shorter = schedule(terms, early);
    SCOPED_TRACE(told(terms) + ", early " + std::to_string(early.amount) + " in month " + std::to_string(early.month));
    expect_sound(terms, shorter);
    ASSERT_LE(shorter.size(), agreed.size());
    ASSERT_LE(total_interest(shorter), total_interest(agreed));
    for (std::size_t one = 0; one + 1 < shorter.size(); ++one) {
      ASSERT_EQ(shorter[one].paid.total() - shorter[one].paid.interest * (terms.method == Method::french ? 0 : 1),
                constant_part(terms));
    }
    if (testing::Test::HasFailure()) break;
  }
}

TEST(Account, takes_the_interest_first) {
  Account account({.principal = 100'000, .annual_rate_bp = 1200, .months = 12, .method = Method::french});
  EXPECT_EQ(account.due(), (Split{.interest = 1000, .principal = 7885}));
  EXPECT_EQ(account.pay(600), (Split{.interest = 600, .principal = 0}));
  EXPECT_EQ(account.due(), (Split{.interest = 400, .principal = 7885}));
  EXPECT_EQ(account.pay(500), (Split{.interest = 400, .principal = 100}));
  EXPECT_EQ(account.due(), (Split{.interest = 0, .principal = 7785}));
  EXPECT_EQ(account.state().month, 1);
  EXPECT_EQ(account.pay(7785), (Split{.interest = 0, .principal = 7785}));
  EXPECT_EQ(account.state().month, 2);
  EXPECT_EQ(account.state().balance, 100'000 - 7885);
}

TEST(Account, ends_with_the_payoff_in_any_month) {
  const Terms terms{.principal = 777'77, .annual_rate_bp = 999, .months = 30, .method = Method::constant_principal};
  for (int months = 0; months < 30; ++months) {
    Account account(terms);
    for (int month = 0; month < months; ++month) account.pay(account.due().total());
    const Cents payoff = account.payoff();
    EXPECT_EQ(account.pay(payoff).total(), payoff);
    EXPECT_TRUE(account.repaid());
  }
}

TEST(Account, is_repaid_exactly_whatever_is_paid_and_when) {
  std::mt19937_64 dice(7);
  for (int turn = 0; turn < kRandomLoans / 5; ++turn) {
    const Terms terms = random_terms(dice, turn % 2 == 0 ? Method::french : Method::constant_principal);
    Account account(terms);
    Split sum;
    for (int payments = 0; !account.repaid(); ++payments) {
      ASSERT_LT(payments, 10 * kMostMonths) << told(terms);
      const Cents due = account.due().total();
      const Cents most = std::min(account.payoff(), 2 * due);
      const Split paid = account.pay(std::uniform_int_distribution<Cents>(std::max<Cents>(1, due / 3), most)(dice));
      ASSERT_GE(paid.interest, 0);
      ASSERT_GE(paid.principal, 0);
      sum.interest += paid.interest;
      sum.principal += paid.principal;
      account = Account(terms, account.state());  // as it is kept between two payments
    }
    ASSERT_EQ(sum.principal, terms.principal) << told(terms);
  }
}

}  // namespace prestamos
