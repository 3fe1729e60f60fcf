// What is said of a service and its revisions: Knative's conditions, computed from the same facts as the plan. Pure.
//
// A revision is Ready when it has proven that it starts and its newest start did not fail since. A service is Ready
// when its newest revision is (ConfigurationsReady) and every router worker routes as the service says (RoutesReady).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "control/deploy_check.h"
#include "model/routes.h"
#include "store/records.h"

namespace marea::control {

enum class Truth { yes, no, unknown };
std::string_view to_string(Truth truth);  // "True", "False", "Unknown": Kubernetes' spelling

struct Condition {
  std::string type;
  Truth status = Truth::unknown;
  std::string reason;  // of model::Reason, or Knative's "NoTraffic"
  std::string message;
  std::int64_t since_unix_ns = 0;
  friend bool operator==(const Condition&, const Condition&) = default;
};

struct RevisionStatus {
  std::vector<Condition> conditions;  // Ready first
  std::string error_code;             // empty: nothing failed
  int actual_replicas = 0;
  int desired_replicas = 0;
  friend bool operator==(const RevisionStatus&, const RevisionStatus&) = default;
};

struct RevisionStatusFacts {
  const store::RevisionRecord* record = nullptr;  // never null
  bool checking = false;
  bool routed = false;
  int up = 0;
  int wanted = 0;
  // The newest instance's failure, when no instance is up; null otherwise.
  const Failure* failing = nullptr;
  std::int64_t failing_since_unix_ns = 0;
};

RevisionStatus revision_status(const RevisionStatusFacts& facts);

struct ServiceStatus {
  int observed_generation = 0;
  std::string latest_created;
  std::string latest_ready;
  std::vector<model::RouteShare> shares;  // as routed; weights of 10,000
  std::vector<Condition> conditions;      // Ready, ConfigurationsReady, RoutesReady
  std::string error_code;
};

struct ServiceStatusFacts {
  const store::ServiceRecord* record = nullptr;  // never null
  const store::RevisionRecord* newest = nullptr;
  RevisionStatus newest_status;
  std::string latest_ready;
  std::vector<model::RouteShare> shares;
  std::vector<std::string> unmet;  // revisions that traffic names and that cannot serve
  bool routes_applied = false;     // every router worker routes by these shares
};

ServiceStatus service_status(const ServiceStatusFacts& facts);

// The condition of that type; `conditions` has it.
const Condition& condition(const std::vector<Condition>& conditions, std::string_view type);

}  // namespace marea::control
