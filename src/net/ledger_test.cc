#include "net/ledger.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace marea::net {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant at(base::Duration since) {
  return base::Instant(1h) + since;
}

const std::uint64_t kMark = mark_of(base::InstanceId("web-00001-abcde"));

struct OwnSlot {
  LedgerSlot slot;
};
struct Seat : OwnSlot, LedgerSeat {
  explicit Seat(int lane = 0) : LedgerSeat(slot, lane, kMark) { make_ready(); }
  LedgerReading reading(base::Duration since) const { return read(slot, kMark, at(since)); }
};

TEST(Ledger, a_slot_gives_as_many_places_as_its_concurrency_and_none_while_it_is_unready_or_drains) {
  Seat seat;
  EXPECT_TRUE(seat.claim(2, at(0s)));
  EXPECT_TRUE(seat.claim(2, at(0s)));
  EXPECT_FALSE(seat.claim(2, at(0s)));
  EXPECT_TRUE(seat.make_unready());
  EXPECT_FALSE(seat.make_unready());
  EXPECT_FALSE(seat.release(at(1s), true));
  EXPECT_FALSE(seat.claim(2, at(1s)));
  EXPECT_TRUE(seat.make_ready());
  EXPECT_TRUE(seat.claim(2, at(1s)));
  EXPECT_FALSE(seat.drain());
  EXPECT_FALSE(seat.release(at(1s), true));
  EXPECT_FALSE(seat.claim(2, at(1s)));
  EXPECT_TRUE(seat.release(at(1s), true));
  EXPECT_EQ(seat.in_flight(), 0);
}

TEST(Ledger, an_instance_without_a_request_is_quiet_at_once_and_says_so_once) {
  Seat seat;
  EXPECT_TRUE(seat.drain());
  EXPECT_FALSE(seat.drain());
}

TEST(Ledger, the_sum_of_both_lanes_is_what_concurrency_bounds) {
  Seat seat(0);
  LedgerSeat other(seat.slot, 1, kMark);
  other.make_ready();
  EXPECT_TRUE(seat.claim(3, at(0s)));
  EXPECT_TRUE(other.claim(3, at(0s)));
  EXPECT_TRUE(other.claim(3, at(0s)));
  EXPECT_FALSE(seat.claim(3, at(0s)));
  EXPECT_FALSE(other.claim(3, at(0s)));
  EXPECT_EQ(seat.in_flight(), 3);
  EXPECT_FALSE(seat.drain());
  EXPECT_TRUE(seat.release(at(1s), true)) << "each lane says for itself that nothing is left";
  EXPECT_TRUE(other.claim(3, at(1s))) << "the other router has not heard of it yet";
}

TEST(Ledger, who_still_holds_a_request_of_the_last_tenant_does_not_touch_the_next_one) {
  Seat seat;
  EXPECT_TRUE(seat.claim(5, at(0s)));
  LedgerSeat next(seat.slot, 0, mark_of(base::InstanceId("web-00001-fghij")));
  next.make_ready();
  EXPECT_EQ(next.in_flight(), 0);
  EXPECT_TRUE(next.claim(1, at(1s)));
  EXPECT_FALSE(seat.release(at(2s), true));
  EXPECT_EQ(next.in_flight(), 1);
  EXPECT_EQ(next.requests(), 0U);
  EXPECT_FALSE(seat.claim(5, at(2s)));
  EXPECT_FALSE(seat.ready());
  EXPECT_FALSE(seat.drain());
  EXPECT_TRUE(next.ready());
}

TEST(Ledger, an_instance_that_is_named_again_keeps_its_counts) {
  Seat seat;
  EXPECT_TRUE(seat.claim(5, at(0s)));
  LedgerSeat again(seat.slot, 0, kMark);
  EXPECT_FALSE(again.ready());
  EXPECT_EQ(again.in_flight(), 1);
  seat.release(at(1s), true);
  EXPECT_EQ(again.in_flight(), 0);
  EXPECT_EQ(again.requests(), 1U);
}

TEST(Ledger, busy_is_the_time_with_at_least_one_request_and_billed_goes_in_steps) {
  Seat seat;
  seat.claim(10, at(0ms));
  seat.claim(10, at(50ms));
  seat.release(at(120ms), true);
  EXPECT_EQ(seat.reading(200ms), (LedgerReading{.requests = 1, .in_flight = 1, .busy = 200ms, .billed = 200ms}));
  seat.release(at(230ms), true);
  EXPECT_EQ(seat.reading(10s), (LedgerReading{.requests = 2, .in_flight = 0, .busy = 230ms, .billed = 300ms}));
  seat.claim(10, at(20s));
  seat.release(at(20s + 1ms), true);
  EXPECT_EQ(seat.reading(30s), (LedgerReading{.requests = 3, .in_flight = 0, .busy = 231ms, .billed = 400ms}));
}

TEST(Ledger, nobody_pays_twice_for_the_same_step) {
  Seat seat;
  for (int i = 0; i < 100; ++i) {  // a millisecond of every ten, for a second
    seat.claim(1, at(i * 10ms));
    seat.release(at(i * 10ms + 1ms), true);
  }
  EXPECT_EQ(seat.reading(1s).busy, 100ms);
  EXPECT_EQ(seat.reading(1s).billed, 1s);
}

TEST(Ledger, a_start_is_billed_and_the_first_request_goes_on_from_there) {
  Seat seat;
  seat.bill(at(0ms), at(430ms));
  seat.claim(1, at(430ms));
  seat.release(at(480ms), true);
  EXPECT_EQ(seat.reading(1s).billed, 500ms);
}

TEST(Ledger, what_was_only_claimed_is_no_request) {
  Seat seat;
  seat.claim(1, at(0s));
  seat.release(at(0s), false);
  EXPECT_EQ(seat.reading(1s).requests, 0U);
}

TEST(Ledger, a_reader_sees_nothing_of_another_instance) {
  Seat seat;
  seat.claim(1, at(0s));
  EXPECT_EQ(read(seat.slot, kMark + 1, at(1s)), LedgerReading{});
}

TEST(Ledger, workers_that_claim_at_once_never_exceed_the_concurrency_and_lose_no_request) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  constexpr int kConcurrency = 3;
  Seat seat(0);
  LedgerSeat other(seat.slot, 1, kMark);
  other.make_ready();
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      LedgerSeat& mine = thread % 2 == 0 ? seat : other;
      for (int i = 0; i < kRounds; ++i) {
        if (!mine.claim(kConcurrency, at(std::chrono::microseconds(i)))) continue;
        const int now = ++inside;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
        ++served;
        mine.release(at(std::chrono::microseconds(i + 1)), true);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, kConcurrency);
  EXPECT_GT(served, kRounds / 2);
  EXPECT_EQ(seat.requests(), static_cast<std::uint64_t>(served));
  EXPECT_EQ(seat.in_flight(), 0);
  EXPECT_EQ(seat.slot.busy_since.load(), 0);
}

TEST(Ledger, a_drain_among_requests_is_told_exactly_once) {
  constexpr int kRounds = 2'000;
  for (int round = 0; round < kRounds; ++round) {
    Seat seat;
    std::atomic<int> told{0};
    std::thread worker([&] {
      while (seat.claim(1, at(0s))) told += seat.release(at(0s), true) ? 1 : 0;
    });
    told += seat.drain() ? 1 : 0;
    worker.join();
    ASSERT_EQ(told, 1) << "in round " << round;
  }
}

TEST(Ledger, a_new_router_takes_the_lane_of_a_dead_one_and_leaves_that_of_one_that_lives) {
  const base::Fd file = *Ledger::make();
  const auto die_with_two_requests = [&] {
    const pid_t child = ::fork();
    if (child == 0) {
      base::Result<Ledger> mine = Ledger::attach(file.duplicate(), at(0s));
      if (!mine || mine->lane() != 0) ::_exit(1);
      LedgerSeat seat(*mine->slot(7), mine->lane(), kMark);
      seat.make_ready();
      seat.claim(5, at(0s));
      seat.claim(5, at(1s));
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  };
  ASSERT_EQ(die_with_two_requests(), 0);
  const base::Result<Ledger> engine = Ledger::view(file.duplicate());
  EXPECT_EQ(read(*engine->slot(7), kMark, at(2s)).in_flight, 2);
  EXPECT_EQ(read(*engine->slot(7), kMark, at(2s)).busy, 2s);

  base::Result<Ledger> next = Ledger::attach(file.duplicate(), at(3s));
  ASSERT_TRUE(next) << next.error().line();
  EXPECT_EQ(next->lane(), 0);
  EXPECT_EQ(read(*engine->slot(7), kMark, at(9s)),
            (LedgerReading{.requests = 2, .in_flight = 0, .busy = 3s, .billed = 3s}));
  LedgerSeat seat(*next->slot(7), next->lane(), kMark);
  seat.make_ready();
  seat.claim(5, at(10s));

  const pid_t child = ::fork();
  if (child == 0) {
    base::Result<Ledger> third = Ledger::attach(file.duplicate(), at(11s));
    ::_exit(third ? 10 + third->lane() : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 11) << "lane 0 is in use";
  EXPECT_EQ(seat.in_flight(), 1);
}

TEST(Ledger, a_file_of_another_size_is_refused_and_its_own_cannot_change) {
  const base::Fd file = *Ledger::make();
  EXPECT_NE(::ftruncate(file.get(), 1), 0);
  const base::Fd other(::dup(STDERR_FILENO));
  EXPECT_FALSE(Ledger::view(other.duplicate()));
  base::Result<Ledger> mapped = Ledger::attach(file.duplicate(), at(0s));
  EXPECT_EQ(mapped->slot(-1), nullptr);
  EXPECT_EQ(mapped->slot(1'000'000), nullptr);
}

}  // namespace
}  // namespace marea::net
