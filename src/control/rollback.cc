#include "control/rollback.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace marea::control {
namespace {

using Position = std::vector<RollbackRevision>::const_iterator;

Position find(const RollbackFacts& facts, const base::RevisionName& name) {
  return std::ranges::find(facts.revisions, name, &RollbackRevision::name);
}

bool can_serve(const RollbackFacts& facts, const base::RevisionName& name) {
  const auto found = find(facts, name);
  return found != facts.revisions.end() && found->ready;
}

base::RevisionName stable_but(const RollbackFacts& facts, const base::RevisionName& not_this) {
  const auto fits = [&](const base::RevisionName& name) { return name != not_this && can_serve(facts, name); };
  for (const RollbackRelease& each : facts.releases | std::views::reverse) {
    if (each.phase == model::ReleasePhase::done && fits(each.canary)) return each.canary;
  }
  if (!facts.releases.empty() && fits(facts.releases.back().stable)) return facts.releases.back().stable;
  const auto serving = find(facts, facts.serving);
  if (serving == facts.revisions.end()) return {};
  for (const RollbackRevision& each : std::ranges::subrange(facts.revisions.begin(), serving) | std::views::reverse) {
    if (fits(each.name)) return each.name;
  }
  return {};
}

std::unexpected<Refusal> cannot(const RollbackFacts& facts, std::string why, std::string remedy = {}) {
  return refuse(base::ErrorCode::conflict, "cannot roll back " + facts.service.str(), std::move(why),
                std::move(remedy));
}

std::unexpected<Refusal> bad_revision(const RollbackFacts& facts, std::string message) {
  Refusal refusal;
  refusal.error = {.code = base::ErrorCode::manifest_invalid, .what = "cannot roll back " + facts.service.str()};
  refusal.faults.push_back({.path = "revision", .message = std::move(message)});
  return std::unexpected<Refusal>(std::move(refusal));
}

// What lies between the target and what serves would be taken back with it.
const RollbackRevision* forbidding(const RollbackFacts& facts, const base::RevisionName& to) {
  const auto target = find(facts, to);
  const auto serving = find(facts, facts.serving);
  if (target >= serving || serving == facts.revisions.end()) return nullptr;
  const auto found = std::find_if(target + 1, serving + 1, [](const RollbackRevision& one) { return one.forbids; });
  return found == serving + 1 ? nullptr : &*found;
}

}  // namespace

base::RevisionName last_known_stable(const RollbackFacts& facts) {
  return stable_but(facts, {});
}

std::expected<RollbackPlan, Refusal> plan_rollback(const RollbackFacts& facts, const base::RevisionName& wanted) {
  const RollbackRelease* newest = facts.releases.empty() ? nullptr : &facts.releases.back();
  const bool runs = newest != nullptr && !model::is_over(newest->phase);
  RollbackPlan plan{.from = runs ? newest->canary : facts.serving, .to = wanted, .aborts = runs};
  if (!wanted.empty() && find(facts, wanted) == facts.revisions.end()) {
    return bad_revision(facts, facts.service.str() + " has no revision " + wanted.str());
  }
  if (!wanted.empty() && !can_serve(facts, wanted)) return bad_revision(facts, wanted.str() + " is not ready");
  if (runs && wanted == newest->canary) {
    return cannot(facts, wanted.str() + " is what release " + newest->id + " brings",
                  "Leave the revision out to abort that release");
  }
  plan.ends = !facts.control.empty();
  if (plan.ends) plan.from = facts.tried;
  if (plan.to.empty() && plan.ends) plan.to = facts.control;
  const bool back = !runs && newest != nullptr && newest->phase != model::ReleasePhase::done &&
                    newest->phase != model::ReleasePhase::superseded && newest->stable == facts.serving;
  if (plan.to.empty() && back && facts.serves_alone) {
    return cannot(facts,
                  newest->canary.str() + " was taken back already, and " + facts.serving.str() + " has all requests",
                  "To go further back name the revision: marea rollback " + facts.service.str() + " REVISION");
  }
  if (plan.to.empty()) plan.to = runs ? newest->stable : stable_but(facts, facts.serving);
  if (plan.to.empty()) {
    return cannot(facts, "there is no earlier revision that is ready",
                  "Deploy one, or name a later one: marea rollback " + facts.service.str() + " REVISION");
  }
  if (runs && plan.to == newest->stable) return plan;
  if (!runs && plan.to == facts.serving && facts.serves_alone) {
    if (plan.ends) return plan;
    return cannot(facts, plan.to.str() + " has all requests already");
  }
  plan.undoes = !runs && newest != nullptr && newest->phase == model::ReleasePhase::done && !facts.by_hand &&
                newest->canary == facts.serving && newest->stable == plan.to;
  plan.by_traffic = !plan.undoes;
  if (const RollbackRevision* by = forbidding(facts, plan.to); by != nullptr && plan.by_traffic) {
    return cannot(facts, by->name.str() + " forbids to be taken back by now (marea.dev/rollback, or its policy)",
                  "Deploy a revision that mends it");
  }
  return plan;
}

model::Json with_traffic_to(model::Json document, const base::RevisionName& revision) {
  model::Json all =
      revision.empty() ? model::Json{{"latestRevision", true}} : model::Json{{"revisionName", revision.str()}};
  all["percent"] = 100;
  model::Json traffic = model::Json::array({std::move(all)});
  model::Json& spec = document["spec"];
  if (spec.contains("traffic") && spec["traffic"].is_array()) {
    for (model::Json target : spec["traffic"]) {
      if (!target.is_object() || !target.contains("tag")) continue;
      target["percent"] = 0;
      traffic.push_back(std::move(target));
    }
  }
  spec["traffic"] = std::move(traffic);
  return document;
}

}  // namespace marea::control
