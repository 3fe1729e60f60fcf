// What a user deploys, as typed values: the parts of a Knative/Cloud Run `Service` (serving.knative.dev/v1) that marea
// acts on. The whole document, with everything that marea only keeps, travels beside it as ServiceDocument
// (model/manifest.h). These values exist only validated: parse_manifest() is the one way to make them from text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "model/match_rule.h"
#include "model/probe.h"
#include "model/rate_limit.h"
#include "model/volume.h"
#include "model/weight.h"

namespace marea::model {

using base::Duration;

// Defaults are Cloud Run's, so that the same manifest means the same here and there.
inline constexpr int kDefaultConcurrency = 80;
inline constexpr int kMostConcurrency = 1000;
inline constexpr int kDefaultMaxScale = 100;
inline constexpr int kMostScale = 1000;
inline constexpr std::uint16_t kDefaultPort = 8080;
inline constexpr std::int64_t kDefaultMemoryBytes = 512LL << 20;
inline constexpr std::int64_t kLeastMemoryBytes = 16LL << 20;  // below it no runtime starts
inline constexpr int kDefaultMilliCpu = 1000;
inline constexpr Duration kDefaultTimeout = std::chrono::seconds(300);
inline constexpr Duration kMostTimeout = std::chrono::seconds(3600);

enum class Egress { internet, channels, none };  // marea.dev/egress
enum class CapabilitySet { ordinary, none };     // marea.dev/capabilities

struct Limits {
  std::int64_t memory_bytes = kDefaultMemoryBytes;
  int milli_cpu = kDefaultMilliCpu;
  friend bool operator==(const Limits&, const Limits&) = default;
};

// A container of a template, as the user wrote it: empty command, args or working_dir mean "what the image says".
struct Container {
  std::string name;
  std::string image;  // reference as written: oci:DIR[:TAG][@sha256:…] or a name in marea's image store
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // in order of the manifest; names unique
  std::vector<EnvReference> env_references;
  std::string working_dir;
  std::uint16_t port = kDefaultPort;  // 0: of a sidecar, which gets no requests
  Limits limits;
  Probe startup = default_startup_probe();
  std::optional<Probe> liveness;
  std::optional<Probe> readiness;
  std::optional<std::int64_t> run_as_user;
  std::vector<VolumeMount> mounts;
  std::vector<std::string> starts_after;  // names of containers whose startup probe passes first
  friend bool operator==(const Container&, const Container&) = default;
};

// Periods may be 300 s and a thousand successes in a row be asked for; before the first one passes it is tried twice a
// second.
inline constexpr Duration kMostReadinessTime = std::chrono::seconds(600);

// How long an app whose startup probe passed may take until its readiness probe passes for the first time: as long as
// its start could have taken, at least what that probe's own numbers need, within reason.
inline Duration readiness_deadline(const Probe& startup, const std::optional<Probe>& readiness) {
  if (!readiness) return Duration{0};
  const Duration needed = std::min<Duration>(readiness->period * readiness->success_threshold, kMostReadinessTime);
  return std::max(startup.deadline(), readiness->initial_delay + needed);
}

// From the start of the app until it is given up.
inline Duration start_deadline(const Container& container) {
  return container.startup.deadline() + readiness_deadline(container.startup, container.readiness);
}

// What a revision is a snapshot of.
struct Template {
  std::string revision_name;  // metadata.name of the template; empty: marea names it
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  Container container;              // the one that gets the requests
  std::vector<Container> sidecars;  // the others, in order of the manifest; named
  std::vector<Volume> volumes;
  Duration timeout = kDefaultTimeout;
  int concurrency = kDefaultConcurrency;  // containerConcurrency; 0 in the manifest becomes the default
  int min_scale = 0;
  int max_scale = kDefaultMaxScale;
  int initial_scale = 1;                 // instances that a new revision proves itself with
  int target = kDefaultConcurrency;      // requests of one instance that are aimed at, 1 to concurrency
  Duration scale_down_delay{};           // nothing ends before it was unneeded for so long
  std::optional<Duration> idle_timeout;  // marea.dev/idle-timeout on template, else on service; else history decides
  Egress egress = Egress::internet;
  CapabilitySet capabilities = CapabilitySet::ordinary;
  std::optional<std::uint32_t> rollback_until;  // marea.dev/rollback: release_policy.h
  bool session_affinity = false;                // run.googleapis.com/sessionAffinity
  bool cpu_throttling = false;                  // run.googleapis.com/cpu-throttling: hardly any CPU outside of requests
  bool startup_cpu_boost = false;               // run.googleapis.com/startup-cpu-boost
  friend bool operator==(const Template&, const Template&) = default;
};

// Of all containers of an instance together.
Limits instance_limits(const Template& spec);

// How long the sidecars may take to start, one after the other in the worst case: for deadlines of a start.
Duration sidecar_startup_time(const Template& spec);

struct TrafficTarget {
  std::string revision;  // empty when latest
  bool latest = false;
  Weight weight = 0;
  std::string tag;
  friend bool operator==(const TrafficTarget&, const TrafficTarget&) = default;
};

struct Service {
  base::ServiceName name;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> hosts;  // NAME.localhost first, then those of marea.dev/hosts; lower case, no port
  Template revision_template;
  RateLimit rate_limit;                // marea.dev/rate-limit: of each client
  std::string release_policy;          // marea.dev/release-policy: a strategy, a ReleasePolicy's name, or empty
  std::vector<TrafficTarget> traffic;  // never empty: without one it is 100 % of the latest revision
  std::vector<MatchRule> match_rules;  // marea.dev/match, before any split
  friend bool operator==(const Service&, const Service&) = default;
};

// TAG---NAME.localhost, where the revision that the tag names answers whatever its share is.
std::string tag_host(const base::ServiceName& service, const std::string& tag);

// Every host of the service, those of its tags too.
std::vector<std::string> all_hosts(const Service& service);

}  // namespace marea::model
