#include "engine/local/engine_plan.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "model/names.h"
#include "model/quantity.h"
#include "model/readers.h"
#include "model/service.h"

namespace marea::engine::local {
namespace {

bool plain_path(std::string_view path) {
  return path.starts_with('/') && (path.find("/../") == std::string_view::npos) && !path.ends_with("/..");
}

bool plausible(const model::Probe& probe) {
  return probe.initial_delay >= base::Duration{0} && probe.initial_delay <= model::kMostTimeout &&
         probe.period > base::Duration{0} && probe.period <= model::kMostTimeout && probe.failure_threshold >= 1 &&
         probe.failure_threshold <= model::kMostScale;
}

std::string fault_in(const model::Container& container, const model::Image& image) {
  if (!plain_path(image.rootfs)) return "its root file system has no plain absolute path";
  if (container.limits.memory_bytes < model::kLeastMemoryBytes) return "its memory limit is below 16 MiB";
  if (container.limits.memory_bytes > model::kMostMemoryBytes) return "its memory limit is above 1 PiB";
  if (container.limits.milli_cpu <= 0) return "its CPU limit is not positive";
  if (container.limits.milli_cpu > model::kMostMilliCpu) return "its CPU limit is above 1000 CPUs";
  if (container.mounts.size() > model::kMostVolumeMounts) return "it mounts too many volumes";
  if (!plausible(container.startup)) return "its startup probe's times are not plausible";
  if (container.liveness && !plausible(*container.liveness)) return "its liveness probe's times are not plausible";
  return {};
}

// Of a volume: below that, its file system would have no bound at all.
bool plausible(const model::Volume& volume) {
  return !volume.size_bytes ||
         (*volume.size_bytes >= model::kLeastVolumeBytes && *volume.size_bytes <= model::kMostMemoryBytes);
}

// What concerns all containers: their sums do not overflow, and a name means one of them.
std::string fault_in(const model::Revision& revision) {
  const model::Template& spec = revision.spec;
  if (revision.sidecar_images.size() != spec.sidecars.size()) return "a sidecar has no image";
  if (spec.sidecars.size() >= model::kMostContainers) return "it has more than 10 containers";
  if (spec.volumes.size() > model::kMostVolumes) return "it has more than 100 volumes";
  std::set<std::string_view> names = {spec.container.name};
  for (std::size_t i = 0; i < spec.sidecars.size(); ++i) {
    if (!names.insert(spec.sidecars[i].name).second) return "two containers have one name";
    const std::string fault = fault_in(spec.sidecars[i], revision.sidecar_images[i]);
    if (!fault.empty()) return "of a sidecar, " + fault;
  }
  names.clear();
  for (const model::Volume& volume : spec.volumes) {
    if (!names.insert(volume.name).second) return "two volumes have one name";
    if (!plausible(volume)) return "the size of a volume is not between 64 KiB and 1 PiB";
  }
  return {};
}

bool in_scale(int count) {
  return count >= 0 && count <= model::kMostScale;
}

}  // namespace

std::string fault_in(const model::RevisionPlan& plan) {
  const model::Revision& revision = plan.revision;
  const model::Container& container = revision.spec.container;
  if (std::string fault = fault_in(revision); !fault.empty()) return fault;
  if (model::label_fault(revision.name.str())) return "its name is not a DNS label";
  if (model::label_fault(revision.service.str())) return "its service's name is not a DNS label";
  if (!in_scale(plan.min) || !in_scale(plan.max) || !in_scale(plan.wanted)) {
    return "its scale is not between 0 and " + std::to_string(model::kMostScale);
  }
  if (container.port == 0) return "its port is 0";
  if (revision.spec.timeout <= base::Duration{0} || revision.spec.timeout > model::kMostTimeout) {
    return "its request timeout is not between 0 and 3600 s";
  }
  return fault_in(container, revision.image);
}

std::string PlanInbox::take(const net::msg::PlanRevision& message) {
  if (message.number != staged_number_) {
    staged_number_ = message.number;
    staged_.clear();
  }
  const base::RevisionName& name = message.plan.revision.name;
  if (staged_.size() >= kMostPlannedRevisions && !staged_.contains(name)) return "the plan names too many revisions";
  std::string fault = fault_in(message.plan);
  if (fault.empty()) {
    staged_[name] = message.plan;
  } else if (const auto last = last_.find(name); last != last_.end()) {
    staged_[name] = last->second;
  }
  return fault;
}

std::optional<model::Plan> PlanInbox::commit(const net::msg::PlanCommit& message) {
  if (message.number <= committed_) return std::nullopt;
  if (staged_number_ != message.number) staged_.clear();  // a plan that names nothing
  committed_ = message.number;
  last_ = std::exchange(staged_, {});
  model::Plan plan{.number = message.number,
                   .grants_for = std::clamp(message.grants_for, base::Duration{0}, kMostGrant),
                   .revisions = {}};
  for (const auto& [name, each] : last_) plan.revisions.push_back(each);
  return plan;
}

void PlanInbox::restore(const model::Plan& plan) {
  for (const model::RevisionPlan& each : plan.revisions) last_.insert_or_assign(each.revision.name, each);
}

void PlanInbox::restart() {
  committed_ = staged_number_ = 0;
  staged_.clear();
}

}  // namespace marea::engine::local
