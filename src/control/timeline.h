// The lines of a service's history that a change of what is stored deserves. What a service serves follows from its
// stored records alone, so the line is known before the change is: it is stored with it, and neither is there without
// the other. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "control/planner.h"
#include "model/timeline.h"
#include "store/records.h"

namespace marea::control {

inline constexpr std::size_t kMostNamedChanges = 20;  // of a deploy, in its line
inline constexpr std::size_t kMostWhyBytes = 500;     // of a line

// One service's; all outlive the value.
struct ServiceRecords {
  const store::ServiceRecord* service = nullptr;        // null: there is none
  std::vector<const store::RevisionRecord*> revisions;  // oldest first
  std::vector<const store::ReleaseRecord*> releases;    // oldest first
  const store::ExperimentRecord* experiment = nullptr;  // that runs; null: none does
};

// Who is behind a change that does not say it itself.
struct Author {
  model::ReleaseActor actor = model::ReleaseActor::platform;
  std::string who;
  std::string why;
  base::RevisionName undoes = {};  // a change of spec.traffic that takes it back; else empty
};

struct LineMoment {
  Author author;
  std::int64_t unix_ns = 0;
  const model::TimelineLine* last = nullptr;   // of the service; null: there is none
  const model::TimelineLine* asked = nullptr;  // its newest that asked for a deploy
};

// Services of which the changes may change what serves, or deserve a line all the same.
std::set<base::ServiceName> services_in(std::span<const store::Change> changes);

// As they will be; points into both.
ServiceRecords with_changes(const ServiceRecords& now, std::span<const store::Change> changes,
                            const base::ServiceName& name);

model::Serving serving_of(const ServiceRecords& records);
// The same of what was planned.
model::Serving serving_in(const ServiceFacts& facts, const ServiceOutcome& outcome);

// In their order and numbered; all of them say what serves afterwards.
std::vector<model::TimelineLine> lines_for(const ServiceRecords& before, const ServiceRecords& after,
                                           std::span<const store::Change> changes, const LineMoment& moment);

// Of what serves although no line says so.
model::TimelineLine found_line(const base::ServiceName& name, model::Serving serving, const LineMoment& moment);

}  // namespace marea::control
