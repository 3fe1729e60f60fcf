// Annotations and labels: which ones Cloud Run, Knative and marea know, at which level, and the typed values of those
// that marea acts on. Names outside the reserved domains belong to the user and are kept without a word.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/findings.h"
#include "model/scale_annotations.h"
#include "model/service.h"

namespace marea::model {

enum class Level { service, revision_template };

// Instances that stay longer than this without a request should be kept with minScale.
inline constexpr Duration kMostIdleTimeout = std::chrono::hours(24);
inline constexpr std::size_t kMostHosts = 100;
inline constexpr std::size_t kMostAnnotationsBytes = 256U << 10U;  // Kubernetes' bound for all of one object

// What the annotations of one level say; absent where they say nothing.
struct Settings {
  ScaleSettings scale;
  std::optional<Duration> idle_timeout;
  std::optional<Egress> egress;
  std::optional<CapabilitySet> capabilities;
  std::vector<std::string> hosts;  // lower case
  std::optional<RateLimit> rate_limit;
  std::vector<MatchRule> match_rules;
  std::string release_policy;
  std::optional<std::uint32_t> rollback_until;
  bool session_affinity = false;
  bool cpu_throttling = false;
  bool startup_cpu_boost = false;
};

// The map of metadata.annotations; checks every name and value.
std::map<std::string, std::string> read_annotations(Findings& findings, const Node& metadata, Level level);
std::map<std::string, std::string> read_labels(Findings& findings, const Node& metadata);

Settings read_settings(Findings& findings, const Node& metadata, Level level);

}  // namespace marea::model
