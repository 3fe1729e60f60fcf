#include "control/release_seats.h"

#include <gmock/gmock.h>

#include "model/release_seats.h"

namespace marea::control {
namespace {

using model::ReleasePhase;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kLadder = 2;

// A release that was created so many seconds after the first.
ReleaseEntry of(std::int64_t created, ReleasePhase phase, int step) {
  const std::string id = "s" + std::to_string(created) + "-00002";
  model::ReleasePolicy policy = model::default_policy(model::ReleaseStrategy::canary);
  policy.ladder = {{.weight = 1000}, {.weight = 5000}};
  store::ReleaseRecord record{.spec = {.id = id,
                                       .service = base::ServiceName("s" + std::to_string(created)),
                                       .stable = base::RevisionName("s-00001"),
                                       .canary = base::RevisionName(id),
                                       .policy = std::move(policy)},
                              .created_unix_ns = created * 1'000'000'000};
  record.state.phase = phase;
  record.state.step = step;
  record.state.weight = step < 0 ? 0 : 1000;
  return {std::move(record), {}, 0, base::Instant{}};
}

class Seats : public testing::Test {
 protected:
  void add(int many, ReleasePhase phase, int step) {
    for (int i = 0; i < many; ++i) entries.push_back(of(std::ssize(entries), phase, step));
  }
  std::vector<std::string> give() {
    std::vector<ReleaseEntry*> running;
    for (ReleaseEntry& each : entries) running.push_back(&each);
    std::vector<std::string> changed;
    for (const ReleaseEntry* each : give_seats(running)) changed.push_back(each->record().spec.service.str());
    return changed;
  }
  std::vector<std::string> waiting() const {
    std::vector<std::string> out;
    for (const ReleaseEntry& each : entries) {
      if (each.waits_for_seat()) out.push_back(each.record().spec.service.str());
    }
    return out;
  }
  static constexpr int kSeats = model::kReleaseSeats;
  std::vector<ReleaseEntry> entries;
};

TEST_F(Seats, as_many_as_there_are_wait_for_nothing) {
  add(kSeats, ReleasePhase::stepping, 0);
  EXPECT_THAT(give(), IsEmpty());
  EXPECT_THAT(waiting(), IsEmpty());
}

TEST_F(Seats, of_those_that_step_the_newest_waits_until_one_is_promoted) {
  add(kSeats, ReleasePhase::stepping, 0);
  add(1, ReleasePhase::paused, 1);
  EXPECT_THAT(give(), ElementsAre("s16"));
  EXPECT_THAT(give(), IsEmpty()) << "nothing has changed since";
  EXPECT_THAT(waiting(), ElementsAre("s16"));
  EXPECT_FALSE(entries.back().facts().counted);
  entries[3] = of(3, ReleasePhase::watching, kLadder);
  EXPECT_THAT(give(), ElementsAre("s3", "s16"));
  EXPECT_THAT(waiting(), ElementsAre("s3"));
  EXPECT_TRUE(entries.back().facts().counted);
}

TEST_F(Seats, watched_ones_give_way_those_first_that_have_been_watched_for_longest) {
  add(kSeats, ReleasePhase::watching, kLadder);
  add(2, ReleasePhase::stepping, 0);
  EXPECT_THAT(give(), ElementsAre("s0", "s1"));
}

TEST_F(Seats, who_compares_again_goes_before_those_that_are_only_watched) {
  add(1, ReleasePhase::comparing, kLadder);
  add(kSeats, ReleasePhase::watching, kLadder);
  EXPECT_THAT(give(), ElementsAre("s1"));
}

TEST_F(Seats, a_canary_that_has_no_requests_yet_needs_none) {
  add(kSeats, ReleasePhase::preparing, -1);
  add(kSeats, ReleasePhase::stepping, 0);
  EXPECT_THAT(give(), IsEmpty());
}

TEST(NoSeat, is_told_as_what_cannot_be_known) {
  EXPECT_EQ(no_seat(), "router counts 16 releases at a time; this one waits for a seat");
  EXPECT_EQ(no_seat_opinion().verdict, model::ReleaseVerdict::cannot_know);
}

}  // namespace
}  // namespace marea::control
