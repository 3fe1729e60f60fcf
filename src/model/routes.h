// Routes: everything the router must know to serve a request, as one immutable value. control writes it, router swaps
// it whole between events. Configuration only: which instances exist is InstanceSet, written by engine's events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/strong_id.h"
#include "model/experiment_counts.h"
#include "model/service.h"

namespace marea::model {

// What the router must know of a revision.
struct RevisionRoute {
  base::RevisionName name;
  base::ServiceName service;
  std::uint16_t port = kDefaultPort;
  int concurrency = kDefaultConcurrency;
  int target = kDefaultConcurrency;
  int min_scale = 0;
  int max_scale = kDefaultMaxScale;
  Duration scale_down_delay{};
  Duration timeout = kDefaultTimeout;
  std::optional<Duration> idle_timeout;
  Probe startup;
  bool has_liveness = false;
  Probe liveness;
  bool session_affinity = false;
  bool cpu_throttling = false;
  std::optional<Probe> readiness;
  friend bool operator==(const RevisionRoute&, const RevisionRoute&) = default;
};

// A share of a service's traffic. Weights of a service sum to 10,000 (steps of 0.01 %), or the list is empty: then
// nothing can serve yet and requests get 503 with `unready`. A revision that only a tag names has the weight 0.
struct RouteShare {
  base::RevisionName revision;
  std::uint32_t weight = 0;
  friend bool operator==(const RouteShare&, const RouteShare&) = default;
};

// A host of its own for one revision; its requests are no part of the split.
struct TagRoute {
  std::string host;
  base::RevisionName revision;  // empty: the one that the tag names is not ready
  friend bool operator==(const TagRoute&, const TagRoute&) = default;
};

// A rule of marea.dev/match (match_rule.h) whose tag is resolved, or who belongs to an arm of the experiment.
struct RouteRule {
  std::string name;
  std::vector<MatchCondition> conditions;
  MatchTarget target = MatchTarget::revision;  // never tag
  base::RevisionName revision;                 // of MatchTarget::revision; its share may be 0
  std::int32_t arm = -1;                       // of the experiment, for which its requests count; -1: of none
  std::int32_t segment = -1;                   // of that arm; -1: of none
  friend bool operator==(const RouteRule&, const RouteRule&) = default;
};

enum class StickyKey : std::uint8_t { cookie, header, off };

// A running release: what no rule leads elsewhere is divided between two revisions by the bucket of its key
// (decide/split.h), and the shares are not looked at. Both arms must be among the routes' revisions, else there is no
// release.
struct ReleaseRoute {
  std::string id;    // another one begins anew with all counts; empty: it is not counted
  std::string salt;  // of the buckets; the same as long as the id is
  std::uint32_t step = 0;
  base::RevisionName stable;
  base::RevisionName canary;
  std::uint32_t weight = 0;  // of the canary, in 0.01 %
  Duration objective{};      // a request that takes longer is slow; zero: none is known yet
  StickyKey sticky = StickyKey::cookie;
  std::string header;              // of StickyKey::header: its value is the key; without it the cookie
  std::int64_t began_unix_ns = 0;  // when tick 0 began; wall time, so that the next router counts on
  friend bool operator==(const ReleaseRoute&, const ReleaseRoute&) = default;
};

struct ExperimentArmRoute {
  std::string name;
  base::RevisionName revision;
  std::uint32_t weight = 0;    // in 0.01 %; 0: only rules lead to it
  std::uint32_t segments = 0;  // so many rules lead to it by one
  friend bool operator==(const ExperimentArmRoute&, const ExperimentArmRoute&) = default;
};

struct ConversionRoute {
  OutcomeRoute route;
  std::string event;  // not empty: by this event alone
  friend bool operator==(const ConversionRoute&, const ConversionRoute&) = default;
};

// A running experiment: what no rule leads elsewhere is divided among the arms by the bucket of its key, and the shares
// are not looked at. All arms must be among the routes' revisions, else there is no experiment. A service has a release
// or an experiment, never both.
struct ExperimentRoute {
  std::string id;                        // another one begins anew with all counts
  std::string name;                      // of the experiment, for records
  std::string salt;                      // of the buckets; the same as long as the id is
  std::vector<ExperimentArmRoute> arms;  // weights sum to 10,000; the first takes the lowest buckets
  std::vector<ConversionRoute> conversions;
  std::vector<std::string> measures;  // by their events
  Duration objective{};               // a slower answer is slow; zero: nobody asks
  Duration window{};                  // from a key's first request to its conversions
  StickyKey sticky = StickyKey::cookie;
  std::string header;              // of StickyKey::header: its value is the key; who has none takes no part
  std::int64_t began_unix_ns = 0;  // keys that were made before are replaced
  // Who does not fulfil it takes no part: the control's revision, no cookie, no count.
  std::optional<MatchCondition> consent;
  friend bool operator==(const ExperimentRoute&, const ExperimentRoute&) = default;
};

struct ServiceRoute {
  base::ServiceName name;
  std::vector<std::string> hosts;  // lower case, without port
  std::vector<RouteShare> shares;
  std::string unready;  // why there is no share: told to callers in the 503
  RateLimit rate_limit;
  std::vector<TagRoute> tags;
  std::vector<RouteRule> rules;  // looked at in order, before release and shares
  std::optional<ReleaseRoute> release;
  std::optional<ExperimentRoute> experiment;
  bool own_paths = false;  // the service has an experiment, perhaps one that is over: /.marea/ is not the app's
  friend bool operator==(const ServiceRoute&, const ServiceRoute&) = default;
};

struct Routes {
  std::uint64_t version = 0;  // grows by one with each publication
  std::vector<ServiceRoute> services;
  std::vector<RevisionRoute> revisions;  // those with a share and those that are being checked
  friend bool operator==(const Routes&, const Routes&) = default;
};

}  // namespace marea::model
