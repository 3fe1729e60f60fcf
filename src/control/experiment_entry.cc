#include "control/experiment_entry.h"

#include <algorithm>
#include <utility>

#include "control/experiment_form.h"
#include "model/release_counts.h"

namespace marea::control {
namespace {

model::RouteRule rule_of(const model::ExperimentSpec& spec, std::size_t arm,
                         std::vector<model::MatchCondition> conditions) {
  return {.name = spec.name + "/" + spec.arms[arm].name,
          .conditions = std::move(conditions),
          .target = model::MatchTarget::revision,
          .revision = spec.arms[arm].revision,
          .arm = static_cast<std::int32_t>(arm)};
}

}  // namespace

ExperimentEntry::ExperimentEntry(store::ExperimentRecord record, decide::ExperimentData data)
    : record_(std::move(record)), data_(std::move(data)) {}

std::string ExperimentEntry::route_id() const {
  return record_.spec.name + "." + std::to_string(record_.created_unix_ns);
}

std::pair<base::RevisionName, base::RevisionName> ExperimentEntry::main_arms() const {
  const auto& arms = record_.spec.arms;
  const auto control = std::ranges::find_if(arms, [](const model::ExperimentArm& arm) { return arm.weight > 0; });
  const model::ExperimentArm* tried = nullptr;
  for (const model::ExperimentArm& arm : arms) {
    if (&arm == &*control) continue;
    if (tried == nullptr || arm.weight > tried->weight) tried = &arm;
  }
  return {control->revision, tried->revision};
}

ExperimentFacts ExperimentEntry::facts() const {
  const model::ExperimentSpec& spec = record_.spec;
  const bool header = spec.sticky.by == model::StickyRule::By::header;
  ExperimentFacts out{.route = {.id = route_id(),
                                .name = spec.name,
                                .salt = record_.salt,
                                .arms = {},
                                .conversions = {},
                                .measures = {},
                                .objective = model::slow_objective(spec),
                                .window = spec.window,
                                .sticky = header ? model::StickyKey::header : model::StickyKey::cookie,
                                .header = spec.sticky.header,
                                .began_unix_ns = record_.state.began_unix_ns,
                                .consent = spec.consent},
                      .rules = {}};
  for (const model::ExperimentArm& arm : spec.arms) {
    out.route.arms.push_back({.name = arm.name,
                              .revision = arm.revision,
                              .weight = arm.weight,
                              .segments = static_cast<std::uint32_t>(arm.segments.size())});
  }
  for (const model::Conversion& each : spec.conversions) {
    out.route.conversions.push_back({.route = each.route, .event = each.event});
  }
  for (const model::Measure& each : spec.measures) out.route.measures.push_back(each.event);
  // Who is named goes before who is described.
  for (std::size_t arm = 0; arm < spec.arms.size(); ++arm) {
    if (spec.arms[arm].customers) out.rules.push_back(rule_of(spec, arm, {*spec.arms[arm].customers}));
  }
  for (std::size_t arm = 0; arm < spec.arms.size(); ++arm) {
    for (std::size_t i = 0; i < spec.arms[arm].segments.size(); ++i) {
      const model::Segment& segment = spec.arms[arm].segments[i];
      model::RouteRule rule = rule_of(spec, arm, segment.conditions);
      if (!segment.name.empty()) rule.name += "/" + segment.name;
      rule.segment = static_cast<std::int32_t>(i);
      out.rules.push_back(std::move(rule));
    }
  }
  return out;
}

bool ExperimentEntry::count(const model::ExperimentCounts& counts, base::WallTime now) {
  if (counts.experiment != route_id()) return false;
  const auto age = std::chrono::nanoseconds(std::max<std::int64_t>(0, now.unix_ns - record_.state.began_unix_ns));
  if (!decide::feed(data_, record_.spec, counts, static_cast<std::uint64_t>(age / model::kReleaseTick))) return false;
  ++changes_;
  return true;
}

store::ExperimentRecord ExperimentEntry::whole() const {
  store::ExperimentRecord out = record_;
  out.data = experiment_to_text(data_);
  return out;
}

store::ExperimentRecord ExperimentEntry::ended(model::ExperimentEnd cause, std::string detail, std::string who,
                                               base::WallTime now) const {
  store::ExperimentRecord out = whole();
  out.state.phase = model::ExperimentPhase::ended;
  out.state.cause = cause;
  out.state.detail = std::move(detail);
  out.state.who = std::move(who);
  out.state.ended_unix_ns = now.unix_ns;
  return out;
}

}  // namespace marea::control
