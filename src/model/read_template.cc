#include "model/annotations.h"
#include "model/names.h"
#include "model/readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

using std::chrono::seconds;

void read_template_metadata(Findings& findings, const Node& metadata, std::string_view service, Template& out) {
  if (!check_fields(findings, metadata, ObjectKind::metadata)) return;
  out.labels = read_labels(findings, metadata);
  out.annotations = read_annotations(findings, metadata, Level::revision_template);
  if (const auto name = metadata.member("name")) {
    out.revision_name = findings.text(*name).value_or("");
    if (out.revision_name.empty()) return;
    const std::string prefix = std::string(service) + "-";
    if (auto fault = label_fault(out.revision_name)) {
      findings.fault(*name, *fault);
    } else if (!service.empty() && (!out.revision_name.starts_with(prefix) || out.revision_name == prefix)) {
      findings.fault(*name, "must begin with the service's name and a hyphen, such as " + prefix +
                                suggest_label(out.revision_name) + ", or be left out");
    }
  }
}

void apply_settings(Findings& findings, const Node& metadata, Template& out) {
  const Settings settings = read_settings(findings, metadata, Level::revision_template);
  out.idle_timeout = settings.idle_timeout;
  out.egress = settings.egress.value_or(Egress::internet);
  out.capabilities = settings.capabilities.value_or(CapabilitySet::ordinary);
  out.session_affinity = settings.session_affinity;
  out.cpu_throttling = settings.cpu_throttling;
  out.startup_cpu_boost = settings.startup_cpu_boost;
  out.rollback_until = settings.rollback_until;
  if (const auto annotations = metadata.member("annotations")) {
    apply_scale(findings, *annotations, settings.scale, out);
    read_dependencies(findings, *annotations, out);
  }
}

void read_spec(Findings& findings, const Node& spec, Template& out) {
  if (!check_fields(findings, spec, ObjectKind::revision_spec)) return;
  if (const auto timeout = spec.member("timeoutSeconds")) {
    const std::int64_t most = std::chrono::duration_cast<seconds>(kMostTimeout).count();
    if (const auto value = findings.integer(*timeout, 1, most)) out.timeout = seconds(*value);
  }
  if (const auto concurrency = spec.member("containerConcurrency")) {
    const auto value = findings.integer(*concurrency, 0, kMostConcurrency);
    if (value && *value > 0) out.concurrency = static_cast<int>(*value);
  }
  if (const auto volumes = spec.member("volumes")) out.volumes = read_volumes(findings, *volumes);
  if (const auto containers = spec.member("containers")) {
    read_containers(findings, *containers, out);
  } else {
    findings.missing(spec, "containers", "a list with a container");
  }
  const auto security = spec.member("securityContext");
  if (security && check_fields(findings, *security, ObjectKind::pod_security)) {
    const auto user = security->member("runAsUser");
    const auto id = user ? findings.integer(*user, 0, kMostUserId) : std::nullopt;
    if (!out.container.run_as_user) out.container.run_as_user = id;
    for (Container& sidecar : out.sidecars) {
      if (!sidecar.run_as_user) sidecar.run_as_user = id;
    }
  }
}

}  // namespace

Template read_template(Findings& findings, const Node& node, std::string_view service) {
  Template out;
  if (!check_fields(findings, node, ObjectKind::revision_template)) return out;
  const auto metadata = node.member("metadata");
  if (metadata) read_template_metadata(findings, *metadata, service, out);
  if (const auto spec = node.member("spec")) {
    read_spec(findings, *spec, out);
  } else {
    findings.missing(node, "spec", "it has containers, a list with a container");
  }
  out.target = out.concurrency;
  if (metadata) apply_settings(findings, *metadata, out);
  return out;
}

}  // namespace marea::model
