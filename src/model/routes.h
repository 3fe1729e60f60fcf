// Routes: everything the router must know to serve a request, as one immutable value. control writes it, router swaps
// it whole between events. Configuration only: which instances exist is InstanceSet, written by engine's events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/strong_id.h"
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

struct ServiceRoute {
  base::ServiceName name;
  std::vector<std::string> hosts;  // lower case, without port
  std::vector<RouteShare> shares;
  std::string unready;  // why there is no share: told to callers in the 503
  RateLimit rate_limit;
  std::vector<TagRoute> tags;
  friend bool operator==(const ServiceRoute&, const ServiceRoute&) = default;
};

struct Routes {
  std::uint64_t version = 0;  // grows by one with each publication
  std::vector<ServiceRoute> services;
  std::vector<RevisionRoute> revisions;  // those with a share and those that are being checked
  friend bool operator==(const Routes&, const Routes&) = default;
};

}  // namespace marea::model
