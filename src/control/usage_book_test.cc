#include "control/usage_book.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace marea::control {
namespace {

using namespace std::chrono_literals;

UsageBook::Moment at(base::Duration since) {
  return {base::Instant(1h) + since, 1'700'000'000'000'000'000 + since.count()};
}

UsageBook::Account account(const std::string& id, std::uint64_t requests, base::Duration alive, bool ended = false) {
  return {.instance = base::InstanceId(id),
          .revision = base::RevisionName("web-00001"),
          .service = base::ServiceName("web"),
          .usage = {.requests = requests, .alive = alive, .billed = alive, .milli_cpu = 1000},
          .ended = ended};
}

// A store that is nothing but its rows.
struct Disk {
  std::map<base::InstanceId, store::UsageRecord> records;
  std::map<std::string, store::UsageTotal> totals;

  void commit(const std::vector<store::Change>& changes) {
    for (const store::Change& change : changes) {
      if (const auto* record = std::get_if<store::UsageRecord>(&change)) records[record->instance] = *record;
      if (const auto* total = std::get_if<store::UsageTotal>(&change)) totals[total->revision.str()] = *total;
      if (const auto* drop = std::get_if<store::DropUsage>(&change)) records.erase(drop->instance);
    }
  }
  UsageBook load(UsageBook::Moment moment) const {
    std::vector<store::UsageRecord> all;
    for (const auto& [id, record] : records) all.push_back(record);
    std::vector<store::UsageTotal> sums;
    for (const auto& [revision, total] : totals) sums.push_back(total);
    UsageBook book;
    book.load(std::move(all), std::move(sums), moment);
    return book;
  }
};

std::uint64_t requests(const UsageBook& book) {
  const auto lines = book.lines({});
  return lines.empty() ? 0 : lines.front().bill.requests;
}

TEST(UsageBook, adds_up_the_instances_of_a_revision) {
  UsageBook book;
  book.take(account("a", 3, 10s), at(10s));
  book.take(account("b", 4, 5s), at(12s));
  book.take(account("a", 5, 20s), at(20s));
  const auto lines = book.lines(base::ServiceName("web"));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].bill.requests, 9U);
  EXPECT_EQ(lines[0].bill.instances, 2U);
  EXPECT_EQ(lines[0].bill.billable, 25s);
  EXPECT_EQ(lines[0].since_unix_ns, at(0s).unix_ns);
  EXPECT_EQ(lines[0].until_unix_ns, at(20s).unix_ns);
  EXPECT_TRUE(book.lines(base::ServiceName("other")).empty());
}

TEST(UsageBook, an_instance_is_told_to_be_kept_once_its_last_account_is_stored_and_not_before) {
  UsageBook book;
  book.take(account("a", 3, 10s), at(10s));
  EXPECT_EQ(book.changes(at(10s).now).size(), 1U);
  EXPECT_TRUE(book.written().empty());
  book.take(account("a", 4, 11s, true), at(11s));
  EXPECT_EQ(book.changes(at(11s).now).size(), 1U);
  EXPECT_EQ(book.changes(at(11s).now).size(), 1U) << "the store refused it: it is tried again";
  EXPECT_EQ(book.written(), std::vector{base::InstanceId("a")});
  EXPECT_TRUE(book.changes(at(12s).now).empty());
  book.take(account("a", 4, 11s, true), at(13s));  // told again: the answer was lost
  book.changes(at(13s).now);
  EXPECT_EQ(book.written(), std::vector{base::InstanceId("a")});
  EXPECT_EQ(requests(book), 4U);
}

TEST(UsageBook, one_whose_app_never_ran_is_kept_without_a_row) {
  UsageBook book;
  book.take(account("a", 0, 0s, true), at(1s));
  EXPECT_TRUE(book.changes(at(1s).now).empty());
  EXPECT_EQ(book.written(), std::vector{base::InstanceId("a")});
  EXPECT_TRUE(book.lines({}).empty());
}

TEST(UsageBook, what_a_new_engine_does_not_name_has_ended_with_what_was_told_last) {
  UsageBook book;
  book.take(account("a", 3, 10s), at(10s));
  book.take(account("b", 4, 10s), at(10s));
  book.changes(at(10s).now);
  book.written();
  book.begin_listing();
  book.named(base::InstanceId("b"));
  book.finish_listing(at(11s));
  ASSERT_EQ(book.living().size(), 1U);
  EXPECT_EQ(book.living()[0]->instance, base::InstanceId("b"));
  EXPECT_EQ(requests(book), 7U);
}

TEST(UsageBook, ended_instances_are_summed_up_after_a_day_and_change_no_number_by_it) {
  UsageBook book;
  Disk disk;
  book.take(account("a", 3, 10s, true), at(10s));
  book.take(account("b", 4, 20s), at(20s));
  disk.commit(book.changes(at(20s).now));
  book.written();
  const auto before = book.lines({}).at(0).bill;
  disk.commit(book.changes(at(10s + kUsageApart).now));
  book.written();
  EXPECT_EQ(disk.records.size(), 1U);
  EXPECT_EQ(disk.totals.at("web-00001").bill.requests, 3U);
  EXPECT_EQ(book.lines({}).at(0).bill, before);
  EXPECT_EQ(disk.load(at(48h)).lines({}).at(0).bill, before);
}

TEST(UsageBook, no_more_than_the_limit_stay_apart) {
  UsageBook book;
  Disk disk;
  for (std::size_t i = 0; i < kMostUsageApart + 5; ++i) {
    book.take(account("i" + std::to_string(i), 1, 1s, true), at(10s));
  }
  for (int i = 0; i < 2; ++i) {
    disk.commit(book.changes(at(11s).now));
    book.written();
  }
  EXPECT_EQ(disk.records.size(), kMostUsageApart);
  EXPECT_EQ(disk.totals.at("web-00001").bill.requests, 5U);
  EXPECT_EQ(requests(book), kMostUsageApart + 5);
}

// Accounts come late, twice, out of order; the store refuses; control dies before or after a commit and loses what it
// had not stored; engine tells the last account again until it hears that it is kept.
TEST(UsageBook, nothing_is_lost_or_counted_twice_whatever_dies) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    base::SeededRandom random(seed);
    Disk disk;
    UsageBook book;
    std::map<std::string, std::uint64_t> lives;
    std::set<std::string> untold;  // ended, and engine has not heard that it is kept
    std::uint64_t served = 0;
    base::Duration time{};
    const auto relink = [&] {
      book.begin_listing();
      for (const auto& [id, count] : lives) book.named(base::InstanceId(id));
      for (const std::string& id : untold) book.take(account(id, 7, 5s, true), at(time));
      book.finish_listing(at(time));
    };
    const auto settle = [&] {
      disk.commit(book.changes(at(time).now));
      const bool lost = random.next() % 4 == 0;  // with the link
      for (const base::InstanceId& id : book.written()) {
        if (!lost || random.next() % 2 == 0) untold.erase(id.str());
      }
      if (lost) relink();
    };
    for (int step = 0; step < 200; ++step) {
      time += std::chrono::minutes(random.next() % 60);
      switch (random.next() % 8) {
        case 0: lives["i" + std::to_string(step)] = 0; break;
        case 1:
        case 2:
          for (auto& [id, count] : lives) {
            if (count == 7 || random.next() % 2 == 0) continue;
            ++count;
            ++served;
            book.take(account(id, count, 1s), at(time));
          }
          break;
        case 3:
          if (!lives.empty()) {
            const auto [id, count] = *lives.begin();
            served += 7 - count;
            lives.erase(id);
            untold.insert(id);
            if (random.next() % 2 == 0) book.take(account(id, 7, 5s, true), at(time));
          }
          break;
        case 4: settle(); break;
        case 5: book.changes(at(time).now); break;  // refused by the store
        case 6:
          if (random.next() % 2 == 0) disk.commit(book.changes(at(time).now));  // it died before it could say so
          book = disk.load(at(time));
          relink();
          break;
        default: relink();
      }
    }
    for (auto& [id, count] : lives) book.take(account(id, count, 1s), at(time));
    for (const std::string& id : untold) book.take(account(id, 7, 5s, true), at(time));
    settle();
    ASSERT_EQ(requests(disk.load(at(time))), served) << "seed " << seed;
  }
}

}  // namespace
}  // namespace marea::control
