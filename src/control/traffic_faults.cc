#include "control/traffic_faults.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "control/control.h"
#include "model/release_policy.h"

namespace marea::control {
namespace {

constexpr std::size_t kMostReadyNamed = 10;
constexpr std::size_t kMostFaults = 100;  // more than anybody mends at once

// Null: it is not there.
const model::Json* member_of(const model::Json* object, const char* name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &*found;
}

std::string text_of_value(const model::Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// Null: it does not exist, or not for long.
const ServiceState* service_in(const Control& control, const base::ServiceName& name) {
  const auto found = control.services().find(name);
  return found == control.services().end() || found->second.record.deleting ? nullptr : &found->second;
}

// Why the revision cannot have requests of the service; empty: it can.
std::string why_not(const Control& control, const base::ServiceName& service, const base::RevisionName& name) {
  const RevisionState* one = control.revision(name);
  if (one == nullptr) return "there is no revision " + name.str();
  if (one->record.revision.service != service) {
    return "revision " + name.str() + " is of service " + one->record.revision.service.str();
  }
  switch (one->record.result) {
    case store::RevisionResult::ready: return {};
    case store::RevisionResult::pending: return "revision " + name.str() + " is not ready yet: it is being deployed";
    case store::RevisionResult::failed: break;
  }
  const std::string& message = one->record.message;  // of some lines: the last ones of its log
  std::string why = "revision " + name.str() + " is not ready, it failed: " + message.substr(0, message.find('\n'));
  while (why.ends_with('.')) why.pop_back();
  return why;
}

// What can be named, the newest first.
std::string what_is_ready(const ServiceState* service, const base::ServiceName& name) {
  std::vector<std::string> ready;
  if (service != nullptr) {
    for (const RevisionState& one : service->revisions | std::views::reverse) {
      if (one.record.result == store::RevisionResult::ready) ready.push_back(one.record.revision.name.str());
    }
  }
  if (ready.empty()) {
    return "; no revision of " + name.str() + " is ready: write latestRevision: true, or name the revision that this " +
           "manifest makes (spec.template.metadata.name)";
  }
  std::string out = "; ready: ";
  for (const std::string& one : ready | std::views::take(kMostReadyNamed))
    out += (&one == &ready.front() ? "" : ", ") + one;
  if (ready.size() > kMostReadyNamed) out += " and " + std::to_string(ready.size() - kMostReadyNamed) + " more";
  return out + " (marea revisions list --service " + name.str() + ")";
}

bool is_named_already(const ServiceState* service, const model::TrafficTarget& target) {
  return service != nullptr &&
         std::ranges::any_of(service->record.service.traffic, [&](const model::TrafficTarget& before) {
           return before.revision == target.revision && before.tag == target.tag && before.weight >= target.weight;
         });
}

}  // namespace

TrafficWish traffic_wish(const model::Service& wanted) {
  return {.service = wanted.name, .targets = wanted.traffic, .makes = wanted.revision_template.revision_name};
}

TrafficWish traffic_wish(const model::Json& document) {
  const model::Json* spec = member_of(&document, "spec");
  TrafficWish out{.service = base::ServiceName(text_of_value(member_of(member_of(&document, "metadata"), "name"))),
                  .targets = {},
                  .makes = text_of_value(member_of(member_of(member_of(spec, "template"), "metadata"), "name"))};
  const model::Json* traffic = member_of(spec, "traffic");
  if (traffic == nullptr || !traffic->is_array()) return out;
  for (const model::Json& each : *traffic) {
    model::TrafficTarget target{.revision = text_of_value(member_of(&each, "revisionName")),
                                .tag = text_of_value(member_of(&each, "tag"))};
    target.latest = target.revision.empty();
    const model::Json* percent = member_of(&each, "percent");
    if (percent != nullptr) target.weight = model::weight_of_number(*percent).value_or(0);
    out.targets.push_back(std::move(target));
  }
  return out;
}

model::Faults traffic_faults(const Control& control, const TrafficWish& wish) {
  model::Faults out;
  if (wish.service.empty()) return out;
  const ServiceState* service = service_in(control, wish.service);
  std::size_t more = 0;
  for (std::size_t i = 0; i < wish.targets.size(); ++i) {
    const model::TrafficTarget& target = wish.targets[i];
    if (target.latest || target.revision == wish.makes) continue;
    const std::string why = why_not(control, wish.service, base::RevisionName(target.revision));
    if (why.empty() || is_named_already(service, target)) continue;
    if (out.size() == kMostFaults) {
      ++more;
      continue;
    }
    out.push_back({.path = "spec.traffic[" + std::to_string(i) + "].revisionName",
                   .message = why + what_is_ready(service, wish.service)});
  }
  if (more > 0) {
    out.push_back({.path = "spec.traffic", .message = "names " + std::to_string(more) + " more of this kind"});
  }
  return out;
}

}  // namespace marea::control
