// From what is desired and known of one service to what the router and the engine shall do about it. Pure: the same
// facts give the same outcome, so control recomputes it after every event and sends only what differs.
//
// The rules, in the order in which a deploy meets them:
//   - a revision that is being checked is known to the router (it finds readiness by connecting) and one instance of it
//     is wanted (DeployCheck); it gets no traffic yet;
//   - traffic goes to ready revisions only. A target that is not ready is left out and its share divided among the
//     others in proportion; when none is left, the latest ready revision takes everything;
//   - a revision that only a tag names is kept as one with traffic is, with a share of 0, and answers at the tag's
//   host;
//   - so is one that only a rule of marea.dev/match names; a rule whose revision is not ready is left out;
//   - the share of the latest revision is divided by its release (decide/release.h) while that says so: all to stable
//     before the first step and after a rollback. Both arms are kept while the release runs, whatever they have, and
//     one instance of stable at least runs, so that a rollback finds it warm; that says nothing of what is billed.
//     Router divides users itself (ReleaseRoute) where the latest revision has all the traffic;
//   - an experiment gives its arms what its weights say, whatever the traffic does; what has traffic otherwise is kept
//     at 0. Each arm has an instance, or users of a rare one would wait for starts that others do not see. Its rules
//     come after the service's own. While a release runs it has no effect: releases win;
//   - a revision that lost its share keeps its grant until the router routes without it (`releasing`), so that no
//     request is lost; then its maximum is 0 and the engine drains it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/plan.h"
#include "model/routes.h"
#include "model/service.h"
#include "store/records.h"

namespace marea::control {

// Instances of stable while its release runs, also through the watch and also without holdback: the first requests
// after a rollback need no start, and more of them start meanwhile.
inline constexpr int kWarmStable = 1;
inline constexpr int kWarmArm = 1;  // of an experiment

struct RevisionFacts {
  const model::Revision* revision = nullptr;  // never null; outlives the call
  store::RevisionResult result = store::RevisionResult::pending;
  model::Reason reason = model::Reason::none;  // of a failed one
  bool checking = false;                       // pending, image resolved: it shall prove now that it starts
  bool routed = false;                         // the newest published routes give it a share
  bool releasing = false;                      // it lost its share and the router may still use it
  int live = 0;                                // instances that have not ended
};

// The release of the newest ready revision.
struct ReleaseFacts {
  model::ReleaseRoute route;
  bool over = false;
  bool warm = false;  // stable has an instance in any case: while the release runs, and for a while after it went back
  bool counted = true;  // by router, which has a seat for it
};

// An experiment that runs.
struct ExperimentFacts {
  model::ExperimentRoute route;
  std::vector<model::RouteRule> rules;  // who belongs to which arm
};

struct ServiceFacts {
  const model::Service* service = nullptr;  // never null; outlives the call
  bool deleting = false;
  std::vector<RevisionFacts> revisions;       // oldest first
  std::optional<ReleaseFacts> release;        // one of another revision has no effect
  std::optional<ExperimentFacts> experiment;  // without effect while a release runs, or unless all its arms are ready
  bool experimented = false;                  // there is one, perhaps over: pages may still post its events
};

struct ServiceOutcome {
  std::optional<model::ServiceRoute> route;  // nothing: the service is not routed
  std::vector<model::RevisionRoute> revision_routes;
  std::vector<model::RevisionPlan> plans;
  std::vector<base::RevisionName> lost;       // had a share in the published routes, has none in these
  std::vector<std::string> unmet;             // revisions that traffic names and that cannot serve
  std::vector<model::RouteShare> by_traffic;  // who would serve without an experiment
  friend bool operator==(const ServiceOutcome&, const ServiceOutcome&) = default;
};

ServiceOutcome plan_service(const ServiceFacts& facts);

// The newest ready revision, or null.
const RevisionFacts* latest_ready(const ServiceFacts& facts);

// The instances with which a new revision proves that it starts.
int wanted_for_check(const model::Template& spec);

// What the router must know of a revision.
model::RevisionRoute route_of(const model::Revision& revision);

// `parts` scaled to a sum of 10,000 by largest remainder; all zero or empty stays so.
std::vector<std::uint32_t> scaled_weights(const std::vector<std::uint32_t>& parts);

}  // namespace marea::control
