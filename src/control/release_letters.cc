#include "control/release_letters.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/log.h"

namespace marea::control {
namespace {

constexpr int kIdLength = 20;  // characters of 31: as good as never twice

double percent_of(model::Weight weight) {
  return static_cast<double>(weight) / model::kOnePercent;
}

// What gates and notifications have in common.
model::Json body_of(const std::string& id, const char* kind, const store::ReleaseRecord& release) {
  const model::ReleaseSpec& spec = release.spec;
  const model::ReleaseState& state = release.state;
  model::Json verdict;
  model::Json evidence;
  if (state.opinion) {
    verdict = std::string(to_string(state.opinion->verdict));
    evidence = state.opinion->evidence;
  }
  return {{"id", id},
          {"kind", kind},
          {"release", spec.id},
          {"service", spec.service.str()},
          {"revision", spec.canary.str()},
          {"stable", spec.stable.str()},
          {"phase", std::string(to_string(state.phase))},
          {"step", state.step},
          {"weight", percent_of(state.weight)},
          {"verdict", std::move(verdict)},
          {"evidence", std::move(evidence)}};
}

}  // namespace

std::optional<webhook::Letter> letter_of_gate(const store::ReleaseRecord& release,
                                              std::span<const store::ReleaseAuditRecord> history) {
  const auto open = decide::open_gate_of(release.state);
  if (!open || *open >= release.spec.policy.gates.size()) return std::nullopt;
  const model::ReleaseGate& gate = release.spec.policy.gates[*open];
  if (gate.kind != model::GateKind::webhook) return std::nullopt;
  const auto line = std::ranges::find(history | std::views::reverse, model::ReleaseEvent::gate_opened,
                                      [](const store::ReleaseAuditRecord& each) { return each.audit.event; });
  const bool known = line != std::ranges::rend(history);
  const std::string& name = release.spec.id;
  const std::string id = "gate_" + name + "_" + std::to_string(known ? line->number : 0);
  model::Json body = body_of(id, "gate", release);
  const bool promotion = gate.before == model::kWholeWeight;
  body["gate"] = gate.name;
  body["before"] = promotion ? "promotion" : model::print_weight(gate.before);
  body["text"] = release.spec.service.str() + ": may " + release.spec.canary.str() + " " +
                 (promotion ? "be promoted" : "have " + model::print_weight(gate.before) + " of the requests") + "?";
  if (known) body["at"] = base::rfc3339(line->audit.unix_ns);
  return webhook::Letter{.id = id, .owner = name, .url = gate.url, .body = std::move(body)};
}

std::vector<store::NoticeRecord> notices_of(const store::ReleaseRecord& release,
                                            std::span<const decide::ReleaseAction> actions, std::int64_t unix_ns,
                                            base::Random& random) {
  std::vector<store::NoticeRecord> out;
  for (const decide::ReleaseAction& action : actions) {
    const auto* notify = std::get_if<decide::Notify>(&action);
    if (notify == nullptr) continue;
    for (const model::NotificationRule& rule : release.spec.policy.notifications) {
      const bool wanted = rule.of.empty() || std::ranges::find(rule.of, notify->notice) != rule.of.end();
      if (!wanted) continue;
      const std::string id = "note_" + random.suffix(kIdLength);
      model::Json body = body_of(id, "notification", release);
      body["notice"] = std::string(to_string(notify->notice));
      body["text"] = notify->text;
      body["at"] = base::rfc3339(unix_ns);
      out.push_back({.id = id,
                     .release = release.spec.id,
                     .url = rule.url,
                     .created_unix_ns = unix_ns,
                     .body = body.dump(-1, ' ', false, model::Json::error_handler_t::replace)});
    }
  }
  return out;
}

webhook::Letter letter_of(const store::NoticeRecord& notice) {
  model::Json body = model::Json::parse(notice.body, nullptr, false);
  if (!body.is_object()) body = {{"id", notice.id}, {"kind", "notification"}, {"release", notice.release}};
  return {.id = notice.id, .owner = notice.release, .url = notice.url, .body = std::move(body)};
}

}  // namespace marea::control
