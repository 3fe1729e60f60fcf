#include "model/annotation_table.h"

#include <algorithm>
#include <array>
#include <span>

namespace marea::model {
namespace {

using enum Treatment;

constexpr std::string_view kScaling = "instances start when a request waits and stop when they are not needed";
constexpr std::string_view kNetwork = "there is no VPC; marea.dev/egress says what instances may reach";
constexpr std::string_view kAccess = "whoever reaches marea's HTTP address can call the service";
constexpr std::string_view kBuild = "marea builds with `marea up`";
constexpr std::string_view kKeys = "files of instances are in memory only";
constexpr Where kService = Where::service;
constexpr Where kTemplate = Where::revision_template;

// marea.dev/
constexpr std::array kMarea = {
    Annotation{"idle-timeout", Where::both, acts},    Annotation{"egress", Where::both, acts},
    Annotation{"capabilities", Where::both, acts},    Annotation{"hosts", kService, acts},
    Annotation{"rate-limit", kService, acts},         Annotation{"match", kService, acts},
    Annotation{"source-branch", kTemplate, record},   Annotation{"source-commit", kTemplate, record},
    Annotation{"source-modified", kTemplate, record}, Annotation{"release-policy", kService, acts},
    Annotation{"rollback", kTemplate, acts},          Annotation{"sticky", kService, acts},
};

// run.googleapis.com/
constexpr std::array kCloudRun = {
    Annotation{"ambient-networking", kTemplate, notice, kNetwork},
    Annotation{"ambient-scope", kTemplate, notice, kNetwork},
    Annotation{"base-images", Where::both, notice, kBuild},
    Annotation{"binary-authorization", kService, notice, "images are verified by digest"},
    Annotation{"binary-authorization-breakglass", kService, notice, "images are verified by digest"},
    Annotation{"build-base-image", kService, record},
    Annotation{"build-config", kTemplate, notice, kBuild},
    Annotation{"build-enable-automatic-updates", kService, notice, kBuild},
    Annotation{"build-environment-variables", kService, record},
    Annotation{"build-function-target", kService, record},
    Annotation{"build-id", kService, record},
    Annotation{"build-image-uri", kService, record},
    Annotation{"build-name", kService, record},
    Annotation{"build-service-account", kService, record},
    Annotation{"build-source-location", kService, record},
    Annotation{"build-worker-pool", kService, record},
    Annotation{"client-name", Where::both, record},
    Annotation{"client-version", Where::both, record},
    Annotation{"cloudsql-instances", kTemplate, blocks, "Cloud SQL sockets are not available to instances"},
    Annotation{"container-dependencies", kTemplate, acts},
    Annotation{"cpu-throttling", kTemplate, acts},
    Annotation{"creator", Where::both, record},
    Annotation{"creatorEmail", Where::both, record},
    Annotation{"custom-audiences", kService, notice, kAccess},
    Annotation{"default-url-disabled", kService, notice, "NAME.localhost always answers"},
    Annotation{"description", kService, record},
    Annotation{"encryption-key", kTemplate, notice, kKeys},
    Annotation{"encryption-key-shutdown-hours", kTemplate, notice, kKeys},
    Annotation{"execution-environment", kTemplate, notice, "every instance runs in marea's sandbox"},
    Annotation{"function-target", kService, record},
    Annotation{"gc-traffic-tags", kService, notice, "tags stay until they are removed"},
    Annotation{"gpu-zonal-redundancy-disabled", kTemplate, notice, "there are no zones"},
    Annotation{"health-check-disabled", kTemplate, notice, "a revision always proves that it starts"},
    Annotation{"iap-enabled", kService, notice, kAccess},
    Annotation{"identity", kTemplate, notice, "instances have no identity of their own"},
    Annotation{"identity-certificate-enabled", kTemplate, notice, "instances have no identity of their own"},
    Annotation{"identity-type", kTemplate, notice, "instances have no identity of their own"},
    Annotation{"ingress", kService, notice, kAccess},
    Annotation{"ingress-status", kService, record},
    Annotation{"invoker-iam-disabled", kService, notice, kAccess},
    Annotation{"lastModifier", Where::both, record},
    Annotation{"lastModifierEmail", Where::both, record},
    Annotation{"launch-stage", Where::both, record},
    Annotation{"manualInstanceCount", kService, notice, kScaling},
    Annotation{"max-surge", kService, notice, "rollouts come in a later version"},
    Annotation{"max-unavailable", kService, notice, "rollouts come in a later version"},
    Annotation{"maxScale", kService, notice, "write autoscaling.knative.dev/maxScale on the template"},
    Annotation{"mesh", kTemplate, notice, "there is no service mesh"},
    Annotation{"mesh-dataplane", kTemplate, notice, "there is no service mesh"},
    Annotation{"minScale", kService, notice, "write autoscaling.knative.dev/minScale on the template"},
    Annotation{"network-interfaces", kTemplate, notice, kNetwork},
    Annotation{"operation-id", Where::both, record},
    Annotation{"overflow-scaling", kTemplate, notice, kScaling},
    Annotation{"post-key-revocation-action-type", kTemplate, notice, kKeys},
    Annotation{"presets", kService, record},
    Annotation{"regions", kService, notice, "there is one machine"},
    Annotation{"scaling-concurrency-target", kTemplate, notice, kScaling},
    Annotation{"scaling-cpu-target", kTemplate, notice, kScaling},
    Annotation{"scalingMode", kService, notice, kScaling},
    Annotation{"secrets", kTemplate, acts},
    Annotation{"secure-session-agent", kTemplate, notice, "there is no such agent"},
    Annotation{"sessionAffinity", kTemplate, acts},
    Annotation{"sources", Where::both, notice, "what runs is in the image; `marea up` makes one of a folder"},
    Annotation{"startup-cpu-boost", kTemplate, acts},
    Annotation{"threat-detection", kService, notice, "there is no such agent"},
    Annotation{"urls", kService, record},
    Annotation{"vpc-access-connector", kTemplate, notice, kNetwork},
    Annotation{"vpc-access-egress", kTemplate, notice, kNetwork},
};

// autoscaling.knative.dev/
constexpr std::array kAutoscaling = {
    Annotation{"minScale", kTemplate, acts},
    Annotation{"min-scale", kTemplate, acts},
    Annotation{"maxScale", kTemplate, acts},
    Annotation{"max-scale", kTemplate, acts},
    Annotation{"class", kTemplate, notice, kScaling},
    Annotation{"metric", kTemplate, notice, kScaling},
    Annotation{"target", kTemplate, acts},
    Annotation{"window", kTemplate, notice, kScaling},
    Annotation{"initialScale", kTemplate, acts},
    Annotation{"initial-scale", kTemplate, acts},
    Annotation{"scaleDownDelay", kTemplate, acts},
    Annotation{"scale-down-delay", kTemplate, acts},
    Annotation{"targetUtilizationPercentage", kTemplate, acts},
    Annotation{"target-utilization-percentage", kTemplate, acts},
    Annotation{"targetBurstCapacity", kTemplate, notice, kScaling},
    Annotation{"target-burst-capacity", kTemplate, notice, kScaling},
    Annotation{"panicWindowPercentage", kTemplate, notice, kScaling},
    Annotation{"panic-window-percentage", kTemplate, notice, kScaling},
    Annotation{"panicThresholdPercentage", kTemplate, notice, kScaling},
    Annotation{"panic-threshold-percentage", kTemplate, notice, kScaling},
    Annotation{"activationScale", kTemplate, notice, kScaling},
    Annotation{"activation-scale", kTemplate, notice, kScaling},
    Annotation{"scaleToZeroPodRetentionPeriod", kTemplate, notice, kScaling},
    Annotation{"scale-to-zero-pod-retention-period", kTemplate, notice, kScaling},
    Annotation{"metricAggregationAlgorithm", kTemplate, notice, kScaling},
    Annotation{"metric-aggregation-algorithm", kTemplate, notice, kScaling},
};

// serving.knative.dev/
constexpr std::array kServing = {
    Annotation{"creator", Where::both, record},
    Annotation{"lastModifier", Where::both, record},
    Annotation{"lastPinned", Where::both, record},
    Annotation{"routes", Where::both, record},
    Annotation{"routingState", Where::both, record},
    Annotation{"routingStateModified", Where::both, record},
    Annotation{"forceUpgrade", Where::both, record},
    Annotation{"no-gc", Where::both, notice, "revisions stay until they are deleted"},
    Annotation{"rolloutDuration", Where::both, notice, "rollouts come in a later version"},
    Annotation{"rollout-duration", Where::both, notice, "rollouts come in a later version"},
    Annotation{"progress-deadline", Where::both, notice, "the startup probe bounds how long a start may take"},
    Annotation{"queueSidecarResourcePercentage", Where::both, record},
};

struct Domain {
  std::string_view prefix;
  std::span<const Annotation> annotations;
};

constexpr std::array kDomains = {
    Domain{"marea.dev/", kMarea},
    Domain{"run.googleapis.com/", kCloudRun},
    Domain{"autoscaling.knative.dev/", kAutoscaling},
    Domain{"serving.knative.dev/", kServing},
};

const Domain* domain_of(std::string_view name) {
  const auto found = std::ranges::find_if(kDomains, [&](const Domain& d) { return name.starts_with(d.prefix); });
  return found == kDomains.end() ? nullptr : &*found;
}

}  // namespace

const Annotation* find_annotation(std::string_view name) {
  const Domain* domain = domain_of(name);
  if (domain == nullptr) return nullptr;
  name.remove_prefix(domain->prefix.size());
  const auto found = std::ranges::find(domain->annotations, name, &Annotation::name);
  return found == domain->annotations.end() ? nullptr : &*found;
}

bool is_reserved(std::string_view name) {
  return domain_of(name) != nullptr;
}

std::vector<std::string> annotations_of_domain(std::string_view name) {
  std::vector<std::string> out;
  const Domain* domain = domain_of(name);
  if (domain == nullptr) return out;
  for (const Annotation& row : domain->annotations) out.push_back(std::string(domain->prefix) + std::string(row.name));
  return out;
}

}  // namespace marea::model
