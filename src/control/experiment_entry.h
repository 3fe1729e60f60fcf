// One experiment as control keeps it: what is stored of it, and what it has counted. Pure; control stores, then adopts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "control/planner.h"
#include "decide/experiment.h"
#include "store/records.h"

namespace marea::control {

class ExperimentEntry {
 public:
  ExperimentEntry(store::ExperimentRecord record, decide::ExperimentData data);

  const store::ExperimentRecord& record() const { return record_; }
  const model::ExperimentSpec& spec() const { return record_.spec; }
  const model::ExperimentState& state() const { return record_.state; }
  const decide::ExperimentData& data() const { return data_; }
  // Another number whenever something of it is another.
  std::uint64_t changes() const { return changes_; }
  decide::ExperimentReport report() const { return decide::report_of(data_, record_.spec); }
  decide::Summary summary(const decide::ExperimentReport& report) const {
    return decide::summary_of(report, record_.spec, record_.state);
  }
  // The revisions of the arm that all others are compared with, and of the one that has most users beside it.
  std::pair<base::RevisionName, base::RevisionName> main_arms() const;
  bool running() const { return record_.state.phase == model::ExperimentPhase::running; }

  // By which router knows it.
  std::string route_id() const;
  ExperimentFacts facts() const;
  // True: there was news.
  bool count(const model::ExperimentCounts& counts, base::WallTime now);
  // The record with what was counted by now.
  store::ExperimentRecord whole() const;
  // The same, ended.
  store::ExperimentRecord ended(model::ExperimentEnd cause, std::string detail, std::string who,
                                base::WallTime now) const;
  // True once in the life of this process.
  bool warn_once() { return !std::exchange(warned_, true); }
  void adopt(store::ExperimentRecord record) {
    record_ = std::move(record);
    ++changes_;
  }

 private:
  store::ExperimentRecord record_;
  decide::ExperimentData data_;
  std::uint64_t changes_ = 1;
  bool warned_ = false;
};

}  // namespace marea::control
