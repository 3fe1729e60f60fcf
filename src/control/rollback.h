// Which revision a service goes back to, and how. Pure.
//
// Last known stable is, of the revisions that are there and ready: the newest that passed its own watch (the end
// `done` of its release); else the stable of the newest release; else the newest that is older than the one that
// serves. A rollback without a named revision goes to the same, the one that serves left out; while an experiment runs,
// to what its arms are compared with, and the experiment ends.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "control/command.h"
#include "model/release.h"

namespace marea::control {

struct RollbackRevision {
  base::RevisionName name;
  bool ready = false;
  bool forbids = false;  // it serves, and its release or its template says that it cannot be taken back by now
};

struct RollbackRelease {
  std::string id;
  base::RevisionName stable;  // empty: none
  base::RevisionName canary;
  model::ReleasePhase phase = model::ReleasePhase::preparing;
};

struct RollbackFacts {
  base::ServiceName service;
  std::vector<RollbackRevision> revisions;  // oldest first
  std::vector<RollbackRelease> releases;    // oldest first
  base::RevisionName serving;               // the newest with a share by traffic; empty: none has one
  bool serves_alone = false;                // nothing else has a share
  bool by_hand = false;                     // spec.traffic names revisions
  base::RevisionName control;               // an experiment runs: what its arms are compared with,
  base::RevisionName tried;                 // and the arm that has most users beside it
};

base::RevisionName last_known_stable(const RollbackFacts& facts);

struct RollbackPlan {
  base::RevisionName from;
  base::RevisionName to;
  bool aborts = false;      // the newest release runs: it is aborted
  bool undoes = false;      // it is done, and its stable is the target: it is taken back
  bool by_traffic = false;  // spec.traffic names the target from then on
  bool ends = false;        // the experiment that runs; alone where that gives the target everything
  friend bool operator==(const RollbackPlan&, const RollbackPlan&) = default;
};

// `wanted` is empty where none was named. What the machine of a release refuses is not told here.
std::expected<RollbackPlan, Refusal> plan_rollback(const RollbackFacts& facts, const base::RevisionName& wanted);

// The service's document with all requests to that revision, empty: the latest; tags stay what they are, without a
// share.
model::Json with_traffic_to(model::Json document, const base::RevisionName& revision);

}  // namespace marea::control
