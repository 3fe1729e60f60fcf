#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "store/sample_records_test.h"
#include "store/store.h"

namespace marea::store {
namespace {

using model::TimelineCause;

class TimelinesInStore : public testing::Test {
 protected:
  TimelinesInStore() : folder_(testing::TempDir() + "timeline-XXXXXX") {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    store = std::make_unique<Store>(*Store::open(folder_ + "/marea.db"));
  }
  ~TimelinesInStore() override { std::filesystem::remove_all(folder_); }

  static TimelineRecord record(const std::string& service, std::int64_t number, std::int64_t unix_ns,
                               TimelineCause cause = TimelineCause::deployed) {
    return {.line = {.service = base::ServiceName(service), .number = number, .unix_ns = unix_ns, .cause = cause}};
  }
  void put(std::vector<Change> changes) {
    const auto done = store->commit(changes);
    ASSERT_TRUE(done) << done.error().line();
  }
  Timeline read(const TimelineQuery& query) const {
    auto out = store->timeline(query);
    EXPECT_TRUE(out) << out.error().line();
    return out ? *std::move(out) : Timeline{};
  }
  std::vector<std::int64_t> numbers(const TimelineQuery& query) const {
    std::vector<std::int64_t> out;
    for (const auto& line : read(query).lines) out.push_back(line.number);
    return out;
  }

  std::unique_ptr<Store> store;

 private:
  std::string folder_;
};

TEST_F(TimelinesInStore, an_instant_finds_the_newest_line_of_its_time) {
  put({record("hola", 1, 10), record("hola", 2, 20, TimelineCause::deploy_asked), record("hola", 3, 30),
       record("other", 1, 25)});
  const base::ServiceName hola("hola");
  EXPECT_EQ(numbers({.service = hola, .until_unix_ns = 29, .most = 1}), std::vector<std::int64_t>{2});
  EXPECT_EQ(numbers({.service = hola, .until_unix_ns = 20, .most = 1}), std::vector<std::int64_t>{2});
  EXPECT_TRUE(numbers({.service = hola, .until_unix_ns = 9, .most = 1}).empty());
  EXPECT_EQ(numbers({.service = hola, .from_unix_ns = 20}), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(numbers({.service = hola, .cause = TimelineCause::deployed, .most = 1}), std::vector<std::int64_t>{3});
  EXPECT_EQ(numbers({.service = base::ServiceName("nobody")}), std::vector<std::int64_t>{});
}

TEST_F(TimelinesInStore, a_line_keeps_all_of_it_and_gets_the_time_of_its_confirmation) {
  TimelineRecord line = record("hola", 1, 10);
  line.line.who = "ana";
  line.line.serving.shares = {{.revision = base::RevisionName("hola-1"), .weight = 10'000, .digest = "sha256:aa"}};
  put({line});
  put({TimelineConfirmed{.service = line.line.service, .number = 1, .unix_ns = 12}});
  line.line.confirmed_unix_ns = 12;
  EXPECT_EQ(read({.service = line.line.service}).lines, std::vector<model::TimelineLine>{line.line});
}

TEST_F(TimelinesInStore, it_is_written_with_the_change_that_it_is_of_or_not_at_all) {
  std::vector<Change> changes{sample_service("hola")};
  std::vector<Change> more{record("hola", 1, 10)};
  const auto version = store->resource_version();
  ASSERT_TRUE(store->commit(changes, more));
  EXPECT_EQ(store->resource_version(), version + 1);
  EXPECT_EQ(numbers({.service = base::ServiceName("hola")}).size(), 1U);
  // A revision of a service that is not there is refused by the file itself.
  std::vector<Change> refused{sample_revision("x-1", "x")};
  more = {record("hola", 2, 20)};
  EXPECT_FALSE(store->commit(refused, more));
  EXPECT_EQ(numbers({.service = base::ServiceName("hola")}).size(), 1U);
}

TEST_F(TimelinesInStore, lines_alone_are_no_change_that_clients_watch) {
  const auto version = store->resource_version();
  put({record("hola", 1, 10), PlatformEventRecord{}});
  EXPECT_EQ(store->resource_version(), version);
}

TEST_F(TimelinesInStore, the_oldest_lines_go_and_it_is_seen_that_they_did) {
  std::vector<Change> many;
  for (std::int64_t i = 1; i <= kMostTimelineLines + 3; ++i) many.emplace_back(record("hola", i, i));
  put(std::move(many));
  const Timeline kept = read({.service = base::ServiceName("hola")});
  EXPECT_EQ(std::ssize(kept.lines), kMostTimelineLines);
  EXPECT_EQ(kept.first, 4);
  EXPECT_EQ(kept.lines.front().number, 4);
}

TEST_F(TimelinesInStore, a_deleted_service_leaves_its_timeline_and_too_many_of_them_leave_the_newest) {
  for (int i = 0; i <= kMostGoneTimelines; ++i) {
    const std::string name = "s" + std::to_string(i);
    put({sample_service(name), record(name, 1, 100 + i)});
    put({DropService{.name = base::ServiceName(name)}, record(name, 2, 1000 + i, TimelineCause::deleted)});
  }
  EXPECT_TRUE(numbers({.service = base::ServiceName("s0")}).empty());
  EXPECT_EQ(numbers({.service = base::ServiceName("s1")}), (std::vector<std::int64_t>{1, 2}));
  // One that is there again is no longer among those that are gone.
  put({sample_service("s1"), record("s1", 3, 2000)});
  for (const char* name : {"t1", "t2"}) {
    put({sample_service(name), record(name, 1, 3000)});
    put({DropService{.name = base::ServiceName(name)}});
  }
  EXPECT_EQ(numbers({.service = base::ServiceName("s1")}), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_TRUE(numbers({.service = base::ServiceName("s2")}).empty());
}

TEST_F(TimelinesInStore, events_of_the_platform_are_numbered_here_and_the_oldest_go) {
  std::vector<Change> many;
  for (std::int64_t i = 1; i <= kMostPlatformEvents + 2; ++i) {
    many.emplace_back(PlatformEventRecord{
        .event = {.unix_ns = i, .kind = model::PlatformEventKind::router_restarted, .detail = std::to_string(i)}});
  }
  put(std::move(many));
  const auto events = store->platform_events(0, kMostPlatformEvents);
  ASSERT_TRUE(events);
  EXPECT_EQ(events->front().detail, "3");
  EXPECT_EQ(events->front().number, 3);
  EXPECT_EQ(std::ssize(*events), kMostPlatformEvents - 2);
}

}  // namespace
}  // namespace marea::store
