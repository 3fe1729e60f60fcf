#include "router/rate_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace marea::router {
namespace {

using namespace std::chrono_literals;

constexpr model::RateLimit kLimit{.interval = 1s, .burst = 5};
constexpr std::uint64_t kService = 11;
const base::Instant kNow(1h);

int admitted(RateTable& table, ClientKey client, int tries, base::Instant now = kNow) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += table.admit(kLimit, client, kService, now) == 0ns ? 1 : 0;
  return count;
}

TEST(RateTable, each_client_has_its_own_bucket_of_each_service) {
  RateTable table(7);
  EXPECT_EQ(admitted(table, 1, 10), 5);
  EXPECT_EQ(admitted(table, 2, 10), 5);
  EXPECT_EQ(table.admit(kLimit, 1, kService + 1, kNow), 0ns);
  EXPECT_EQ(table.admit(kLimit, 1, kService, kNow), 1s) << "told when it may come again";
  EXPECT_EQ(admitted(table, 1, 10, kNow + 2s), 2);
}

TEST(RateTable, threads_at_once_get_no_more_than_the_burst) {
  RateTable table(7);
  std::atomic<int> count{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (ClientKey client = 0; client < 200; ++client) count += admitted(table, client, 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 200 * 5);
}

TEST(RateTable, a_flood_of_other_clients_gives_nobody_a_fresh_bucket) {
  RateTable table(7);
  ASSERT_EQ(admitted(table, 1, 10), 5);
  for (ClientKey other = 2; other < 200'000; ++other) table.admit(kLimit, other, kService, kNow);
  EXPECT_EQ(admitted(table, 1, 10), 0);
}

TEST(RateTable, those_without_a_place_share_one_bucket_until_places_are_free_again) {
  RateTable table(7);
  int count = 0;
  for (ClientKey client = 0; client < 200'000; ++client) count += admitted(table, client, 1);
  EXPECT_LE(count, static_cast<int>(RateTable::kSets * RateTable::kPlaces) + kLimit.burst);
  EXPECT_GT(count, static_cast<int>(RateTable::kSets * RateTable::kPlaces) / 10 * 9);
  EXPECT_EQ(admitted(table, 1'000'000, 10, kNow + 10s), 5) << "all buckets are full again";
}

}  // namespace
}  // namespace marea::router
