// The parts of a manifest, each read by one function: from a Node to a typed value, every fault into Findings.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/findings.h"
#include "model/service.h"

namespace marea::model {

// Cloud Run's bounds, so that what runs here runs there.
inline constexpr std::int64_t kMostStartupSeconds = 240;    // initial delay, period and all of a startup probe
inline constexpr std::int64_t kMostLivenessSeconds = 3600;  // initial delay and period of a liveness probe
inline constexpr std::int64_t kMostReadinessSeconds = 300;  // period and timeout of a readiness probe
inline constexpr std::int64_t kMostProbeFailures = 1000;
inline constexpr std::size_t kMostProbeHeaders = 100;
inline constexpr std::size_t kMostEnv = 1000;
inline constexpr std::size_t kMostEnvFrom = 100;
inline constexpr std::size_t kMostEnvValueBytes = 32'768;
inline constexpr std::size_t kMostArguments = 1000;
inline constexpr std::size_t kMostImageBytes = 4096;
inline constexpr std::int64_t kMostUserId = 2'147'483'647;  // Kubernetes' bound
inline constexpr std::size_t kMostTrafficTargets = 1000;    // as many as a service can have revisions on Cloud Run

inline constexpr std::size_t kMostContainers = 10;      // Cloud Run's bound
inline constexpr std::size_t kMostVolumes = 100;        // of an instance
inline constexpr std::size_t kMostVolumeMounts = 100;   // of a container
inline constexpr std::size_t kMostVolumeItems = 1000;   // keys of one source
inline constexpr std::size_t kMostVolumeSources = 100;  // of a projected volume
inline constexpr std::int64_t kLeastVolumeBytes = 64 << 10;

enum class ProbeUse { startup, liveness, readiness };

// `port_name` is the name of the container's port, which a probe may use instead of a number.
Probe read_probe(Findings& findings, const Node& node, ProbeUse use, std::string_view port_name);

// env and envFrom, into `out`.
void read_environment(Findings& findings, const Node& container, Container& out);

Container read_container(Findings& findings, const Node& node);

// spec.containers: which one gets the requests, and the names of all.
void read_containers(Findings& findings, const Node& list, Template& out);

// run.googleapis.com/container-dependencies; after the containers.
void read_dependencies(Findings& findings, const Node& annotations, Template& out);

// spec.volumes
std::vector<Volume> read_volumes(Findings& findings, const Node& list);

// volumeMounts of one container, each of one of `volumes`.
std::vector<VolumeMount> read_volume_mounts(Findings& findings, const Node& list, const std::vector<Volume>& volumes);

// spec.template; `service` is the service's name, which names of revisions begin with.
Template read_template(Findings& findings, const Node& node, std::string_view service);

// spec.traffic; never empty.
std::vector<TrafficTarget> read_traffic(Findings& findings, const Node& spec, const base::ServiceName& service);

// A list, as `services list -o yaml` and kubectl print it, stands for its items; anything else for itself.
std::vector<Node> objects_in(Findings& findings, const Node& node);

// The whole object, its apiVersion and kind included.
Service read_service(Findings& findings, const Node& node);

}  // namespace marea::model
