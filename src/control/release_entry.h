// One release as control keeps it: what is stored of it, its judge, and the clock of its age. Pure: it says what is to
// be stored and done next; control stores it first, then adopts it and carries it out.
//
//   if (auto opinion = entry.count(counts)) inputs.push_back(*opinion);     // router told
//   ReleaseEntry::Next next = entry.step(inputs, now, wall, salt);
//   if (!next.urgent || store(next)) entry.adopt(std::move(next));  // what is not urgent is stored now and then
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/planner.h"
#include "control/release_evidence.h"
#include "decide/judge.h"
#include "decide/release.h"
#include "store/records.h"

namespace marea::control {

class ReleaseEntry {
 public:
  struct Next {
    store::ReleaseRecord record;
    std::vector<store::ReleaseAuditRecord> audit;
    std::vector<decide::ReleaseAction> actions;
    std::vector<store::NoticeRecord> notices;  // of the actions; control adds them
    std::string refused;                       // why a command changed nothing
    bool urgent = false;  // there is more to it than time and counts: store it before anything else happens
    base::Instant at{};
  };

  // The first state of a release that is not stored yet.
  static Next begin(const model::ReleaseSpec& spec, std::string salt, base::Instant now, base::WallTime wall);

  // `lines`: of its history, that are stored. Its age goes on from `now`. `judge` is of no use to one that is over.
  ReleaseEntry(store::ReleaseRecord record, decide::JudgeState judge, std::int64_t lines, base::Instant now);

  // Nothing: the counts are of another attempt or another release, or older than what was judged. Of one that a person
  // ended: what was on its way then, once, if it is bad.
  std::optional<model::JudgeOpinion> count(const model::ReleaseCounts& counts);
  // `salt`: for the keys of a new attempt, if there comes one. Instants never go back.
  Next step(std::span<const decide::ReleaseInput> inputs, base::Instant now, base::WallTime wall,
            const std::string& salt) const;
  // A line of its history that changes nothing else; its age and its instant are set here.
  Next note(model::ReleaseAudit line, base::Instant now, base::WallTime wall) const;
  void adopt(Next next);
  // Nothing could be observed since the last step: its age stands still.
  void skip(base::Instant now) { seen_ = std::max(seen_, now); }
  // Whether counts came since they were shown, which is `pace` ago at least; then shown() grows.
  bool show(base::Instant now, base::Duration pace);
  std::uint64_t shown() const { return shown_; }
  // Router has no seat to count it in (release_seats.h): nothing is learnt of it.
  bool waits_for_seat() const { return waits_; }
  void let_wait_for_seat(bool waits);

  // Without what the judge knows.
  const store::ReleaseRecord& record() const { return record_; }
  const model::ReleaseState& state() const { return record_.state; }
  bool over() const { return model::is_over(record_.state.phase); }
  // The record with what the judge knows by now; of one that is over, with its evidence.
  store::ReleaseRecord whole() const;
  // By which router knows this attempt.
  std::string route_id() const;
  std::uint64_t judged() const { return judge_ ? judge_->state().closed : 0; }
  // Of one that runs.
  const decide::Judge& judge() const { return *judge_; }
  ReleaseEvidence evidence() const;
  ReleaseFacts facts() const;

 private:
  // It is over: nothing but what is shown is kept.
  void rest();
  std::optional<model::JudgeOpinion> late(const model::ReleaseCounts& counts);

  store::ReleaseRecord record_;
  std::unique_ptr<decide::Judge> judge_;  // null: it is over,
  std::optional<ReleaseEvidence> last_;   // and this is what was known
  std::unique_ptr<decide::Judge> late_;   // a person ended it, and the counts that were on their way did not come yet
  std::int64_t lines_ = 0;
  base::Instant seen_{};                   // when the age was record_.age
  std::optional<ReleaseTraffic> traffic_;  // nothing: router told nothing to this control, or of this attempt
  bool told_ = false;                      // counts came since they were shown
  base::Instant shown_at_{};
  std::uint64_t shown_ = 0;
  bool waits_ = false;
};

}  // namespace marea::control
