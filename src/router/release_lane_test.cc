#include "router/release_lane.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <thread>

namespace marea::router {
namespace {

TEST(EventRing, what_is_written_is_read_in_order_by_another_thread) {
  constexpr int kEvents = 200'000;
  EventRing<int> ring(64);
  std::thread writer([&] {
    for (int event = 0; event < kEvents;) {
      if (ring.push(event)) {
        ++event;
      } else {
        std::this_thread::yield();
      }
    }
  });
  int next = 0;
  bool in_order = true;
  while (next < kEvents) {
    ring.drain([&](int event) { in_order = in_order && event == next++; });
  }
  writer.join();
  EXPECT_TRUE(in_order);
}

TEST(EventRing, a_full_one_refuses_and_loses_nothing) {
  EventRing<int> ring(4);
  for (int event = 0; event < 4; ++event) EXPECT_TRUE(ring.push(event));
  EXPECT_EQ(ring.free(), 0U);
  EXPECT_FALSE(ring.push(4));
  std::vector<int> read;
  ring.drain([&](int event) { read.push_back(event); });
  EXPECT_EQ(read, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_TRUE(ring.push(4));
}

// Nobody reads: what was told to begin can always be told to end, and the rest is counted.
TEST(ReleaseLane, who_finds_no_room_is_untold_and_every_end_of_the_others_fits) {
  ReleaseLane lane;
  Assignment request{.canary = true, .bucket = 7, .key = 9, .tick = 11};
  std::array<std::size_t, 3> told_of{};
  std::size_t told = 0;
  for (std::uint32_t release = 0; release < 3; ++release) {
    request.release = release;
    std::uint64_t untold = 0;
    for (std::size_t n = 0; n < kLaneEvents; ++n) ++(lane.admit(request) ? told_of.at(release) : untold);
    EXPECT_EQ(told_of.at(release) + untold, kLaneEvents);
    EXPECT_EQ(lane.untold(release, true), untold);
    EXPECT_EQ(lane.untold(release, false), 0U);
    told += told_of.at(release);
  }
  EXPECT_EQ(told_of[0], kMostOpen) << "one release leaves room to the others";
  EXPECT_EQ(told_of[1], kMostOpen);
  EXPECT_EQ(told, kLaneEvents / 2) << "then the lane is full";
  for (std::uint32_t release = 0; release < 3; ++release) {
    request.release = release;
    for (std::size_t n = 0; n < told_of.at(release); ++n) lane.settle(request, {.cause = model::FailureCause::app});
  }
  std::size_t admitted = 0;
  std::size_t settled = 0;
  lane.drain([&](const ReleaseEvent& event) {
    EXPECT_EQ(event.key, 9U);
    EXPECT_EQ(event.tick, 11U);
    ++(event.settled ? settled : admitted);
  });
  EXPECT_EQ(admitted, told);
  EXPECT_EQ(settled, told);
  EXPECT_TRUE(lane.admit(request));
}

TEST(ReleaseLanes, fingerprints_differ_and_depend_on_the_secret) {
  const ReleaseLanes lanes(1, 42);
  const ReleaseLanes others(1, 43);
  std::set<std::uint64_t> prints;
  for (std::uint64_t n = 0; n < 10'000; ++n) prints.insert(lanes.fingerprint(std::to_string(n)));
  EXPECT_EQ(prints.size(), 10'000U);
  EXPECT_NE(lanes.fingerprint("a"), others.fingerprint("a"));
  EXPECT_NE(lanes.fingerprint(""), 0U);
  EXPECT_NE(lanes.fingerprint(std::string(1, '\0')), lanes.fingerprint(std::string(2, '\0')));
}

}  // namespace
}  // namespace marea::router
