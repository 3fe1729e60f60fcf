#include "control/planner.h"

#include <algorithm>
#include <numeric>
#include <ranges>

namespace marea::control {
namespace {

constexpr std::uint32_t kWholeWeight = 10'000;

const RevisionFacts* find_ready(const ServiceFacts& facts, const std::string& name) {
  const auto found =
      std::ranges::find_if(facts.revisions, [&](const RevisionFacts& one) { return one.revision->name.str() == name; });
  if (found == facts.revisions.end() || found->result != store::RevisionResult::ready) return nullptr;
  return &*found;
}

void add_share(std::vector<model::RouteShare>& shares, const base::RevisionName& revision, std::uint32_t weight) {
  const auto found = std::ranges::find(shares, revision, &model::RouteShare::revision);
  if (found != shares.end()) {
    found->weight += weight;
  } else {
    shares.push_back({.revision = revision, .weight = weight});
  }
}

// The release that divides what the latest revision gets; null where nothing is to be divided: who gives other
// revisions requests by hand means the latest one when he says so.
const ReleaseFacts* dividing(const ServiceFacts& facts) {
  const RevisionFacts* latest = latest_ready(facts);
  const bool by_hand = std::ranges::any_of(
      facts.service->traffic, [](const model::TrafficTarget& each) { return !each.latest && each.weight > 0; });
  const bool of_latest =
      !by_hand && facts.release && latest != nullptr && facts.release->route.canary == latest->revision->name;
  return of_latest && find_ready(facts, facts.release->route.stable.str()) != nullptr ? &*facts.release : nullptr;
}

// Whom a tag or a rule reaches that names the latest revision; null: none is ready. The canary while it is released, so
// that it can be tried; not one that was taken back.
const RevisionFacts* named_latest(const ServiceFacts& facts) {
  const ReleaseFacts* release = dividing(facts);
  const bool back = release != nullptr && release->over && release->route.weight == 0;
  return back ? find_ready(facts, release->route.stable.str()) : latest_ready(facts);
}

void add_latest(std::vector<model::RouteShare>& shares, const ServiceFacts& facts, std::uint32_t weight) {
  const ReleaseFacts* release = dividing(facts);
  if (release == nullptr) {
    add_share(shares, latest_ready(facts)->revision->name, weight);
    return;
  }
  const std::uint32_t canary = weight * release->route.weight / kWholeWeight;
  const auto add = [&](const base::RevisionName& revision, std::uint32_t share) {
    if (share > 0 || !release->over) add_share(shares, revision, share);
  };
  add(release->route.stable, weight - canary);
  add(release->route.canary, canary);
}

// Users are divided by router itself where nothing else has a share.
std::optional<model::ReleaseRoute> release_of(const ServiceFacts& facts, const std::vector<model::RouteShare>& shares) {
  const ReleaseFacts* release = dividing(facts);
  if (release == nullptr || release->route.weight == 0) return std::nullopt;  // one that ended as it stands goes on so
  const auto weight_of = [&](const base::RevisionName& revision) {
    const auto found = std::ranges::find(shares, revision, &model::RouteShare::revision);
    return found == shares.end() ? 0U : found->weight;
  };
  const std::uint32_t canary = weight_of(release->route.canary);
  if (canary != release->route.weight || weight_of(release->route.stable) + canary != kWholeWeight) return std::nullopt;
  if (canary == kWholeWeight) return std::nullopt;
  std::optional<model::ReleaseRoute> out = release->route;
  if (!release->counted) out->id.clear();
  return out;
}

std::vector<model::RouteShare> shares_of(const ServiceFacts& facts, std::vector<std::string>& unmet) {
  std::vector<model::RouteShare> shares;
  const RevisionFacts* latest = latest_ready(facts);
  bool names_latest = false;
  std::uint32_t of_latest = 0;  // of all its targets together: it is divided once
  for (const model::TrafficTarget& target : facts.service->traffic) {
    const RevisionFacts* revision = target.latest ? latest : find_ready(facts, target.revision);
    if (revision == nullptr && !target.latest) unmet.push_back(target.revision);
    if (revision == nullptr || (target.weight == 0 && target.tag.empty())) continue;
    if (target.latest) {
      names_latest = true;
      of_latest += target.weight;
    } else {
      add_share(shares, revision->revision->name, target.weight);
    }
  }
  if (names_latest) add_latest(shares, facts, of_latest);
  for (const model::MatchRule& rule : facts.service->match_rules) {
    if (rule.target != model::MatchTarget::revision) continue;
    const RevisionFacts* revision = find_ready(facts, rule.to);
    if (revision != nullptr) add_share(shares, revision->revision->name, 0);
    if (revision == nullptr) unmet.push_back(rule.to);
  }
  const bool unshared = std::ranges::all_of(shares, [](const model::RouteShare& share) { return share.weight == 0; });
  if (unshared && latest != nullptr) add_latest(shares, facts, kWholeWeight);
  std::vector<std::uint32_t> weights;
  weights.reserve(shares.size());
  for (const model::RouteShare& share : shares) weights.push_back(share.weight);
  weights = scaled_weights(weights);
  for (std::size_t i = 0; i < shares.size(); ++i) shares[i].weight = weights[i];
  return shares;
}

// The experiment that is in force; null: there is none.
const ExperimentFacts* experimenting(const ServiceFacts& facts) {
  if (!facts.experiment || (dividing(facts) != nullptr && !facts.release->over)) return nullptr;
  const bool ready = std::ranges::all_of(facts.experiment->route.arms, [&](const model::ExperimentArmRoute& arm) {
    return find_ready(facts, arm.revision.str()) != nullptr;
  });
  return ready ? &*facts.experiment : nullptr;
}

// What has traffic otherwise is kept ready for the experiment's end.
std::vector<model::RouteShare> shares_of(const ExperimentFacts& experiment, std::vector<model::RouteShare> otherwise) {
  for (model::RouteShare& share : otherwise) share.weight = 0;
  for (const model::ExperimentArmRoute& arm : experiment.route.arms) add_share(otherwise, arm.revision, arm.weight);
  return otherwise;
}

std::vector<model::TagRoute> tags_of(const ServiceFacts& facts) {
  std::vector<model::TagRoute> out;
  for (const model::TrafficTarget& target : facts.service->traffic) {
    if (target.tag.empty()) continue;
    const RevisionFacts* revision = target.latest ? named_latest(facts) : find_ready(facts, target.revision);
    out.push_back({.host = model::tag_host(facts.service->name, target.tag),
                   .revision = revision == nullptr ? base::RevisionName() : revision->revision->name});
  }
  return out;
}

// Whom a rule means by an arm of a release that runs and divides nobody yet, or nobody any more; else router knows.
std::optional<base::RevisionName> named_arm(const ServiceFacts& facts, model::MatchTarget target) {
  const ReleaseFacts* release = dividing(facts);
  if (release == nullptr || release->over) return std::nullopt;
  if (release->route.weight != 0 && release->route.weight != kWholeWeight) return std::nullopt;
  if (target == model::MatchTarget::canary) return release->route.canary;
  if (target == model::MatchTarget::stable) return release->route.stable;
  return std::nullopt;
}

// A rule whose revision cannot serve is left out: its requests go the way of all others.
std::vector<model::RouteRule> rules_of(const ServiceFacts& facts) {
  std::vector<model::RouteRule> out;
  for (const model::MatchRule& rule : facts.service->match_rules) {
    model::RouteRule made{.name = rule.name, .conditions = rule.conditions, .target = rule.target, .revision = {}};
    const RevisionFacts* revision = nullptr;
    if (rule.target == model::MatchTarget::revision) revision = find_ready(facts, rule.to);
    if (rule.target == model::MatchTarget::tag) {
      const auto target = std::ranges::find(facts.service->traffic, rule.to, &model::TrafficTarget::tag);
      if (target == facts.service->traffic.end()) continue;
      revision = target->latest ? named_latest(facts) : find_ready(facts, target->revision);
      made.target = model::MatchTarget::revision;
    }
    if (const auto arm = named_arm(facts, rule.target)) {
      made.target = model::MatchTarget::revision;
      made.revision = *arm;
    } else if (made.target == model::MatchTarget::revision) {
      if (revision == nullptr) continue;
      made.revision = revision->revision->name;
    }
    out.push_back(std::move(made));
  }
  return out;
}

std::string why_unready(const ServiceFacts& facts) {
  if (facts.revisions.empty()) return "it has no revision";
  const RevisionFacts& newest = facts.revisions.back();
  const std::string name = newest.revision->name.str();
  if (newest.result == store::RevisionResult::failed) {
    return name + " is not ready: " + std::string(to_string(newest.reason));
  }
  return name + " is being deployed";
}

// Whoever a rollback would give all requests to must not start from nothing then.
bool kept_warm(const ServiceFacts& facts, const RevisionFacts& revision) {
  const ReleaseFacts* release = dividing(facts);
  return release != nullptr && release->warm && revision.revision->name == release->route.stable;
}

bool is_arm(const ExperimentFacts* experiment, const base::RevisionName& revision) {
  return experiment != nullptr &&
         std::ranges::find(experiment->route.arms, revision, &model::ExperimentArmRoute::revision) !=
             experiment->route.arms.end();
}

// `least`: instances that run in any case.
model::RevisionPlan plan_of(const RevisionFacts& facts, bool shared, int least) {
  const model::Template& spec = facts.revision->spec;
  model::RevisionPlan plan{.revision = *facts.revision};
  if (shared) {
    plan.min = least;
    plan.max = spec.max_scale;
    plan.wanted = least;
    plan.reason = least > 0 ? model::Reason::min_scale : model::Reason::none;
  } else if (facts.checking) {
    plan.max = std::max(1, spec.max_scale);
    plan.wanted = wanted_for_check(spec);
    plan.reason = model::Reason::deploy_check;
  } else if (facts.routed || facts.releasing) {
    plan.max = spec.max_scale;
  } else {
    plan.reason = model::Reason::revision_retired;
  }
  return plan;
}

}  // namespace

int wanted_for_check(const model::Template& spec) {
  return std::clamp(spec.initial_scale, 1, std::max(1, spec.max_scale));
}

std::vector<std::uint32_t> scaled_weights(const std::vector<std::uint32_t>& parts) {
  const std::uint64_t sum = std::accumulate(parts.begin(), parts.end(), std::uint64_t{0});
  if (sum == 0) return parts;
  std::vector<std::uint32_t> out;
  std::vector<std::pair<std::uint64_t, std::size_t>> remainders;
  std::uint32_t given = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::uint64_t scaled = std::uint64_t{parts[i]} * kWholeWeight;
    out.push_back(static_cast<std::uint32_t>(scaled / sum));
    given += out.back();
    remainders.emplace_back(scaled % sum, i);
  }
  // The largest remainders take what rounding left over; among equals the first.
  std::ranges::stable_sort(remainders, std::ranges::greater{}, [](const auto& one) { return one.first; });
  for (std::size_t i = 0; given < kWholeWeight; ++i, ++given) ++out[remainders[i].second];
  return out;
}

const RevisionFacts* latest_ready(const ServiceFacts& facts) {
  for (const RevisionFacts& one : facts.revisions | std::views::reverse) {
    if (one.result == store::RevisionResult::ready) return &one;
  }
  return nullptr;
}

model::RevisionRoute route_of(const model::Revision& revision) {
  const model::Template& spec = revision.spec;
  return {.name = revision.name,
          .service = revision.service,
          .port = spec.container.port,
          .concurrency = spec.concurrency,
          .target = spec.target,
          .min_scale = spec.min_scale,
          .max_scale = spec.max_scale,
          .scale_down_delay = spec.scale_down_delay,
          .timeout = spec.timeout,
          .idle_timeout = spec.idle_timeout,
          .startup = spec.container.startup,
          .has_liveness = spec.container.liveness.has_value(),
          .liveness = spec.container.liveness.value_or(model::Probe{}),
          .session_affinity = spec.session_affinity,
          .cpu_throttling = spec.cpu_throttling,
          .readiness = spec.container.readiness};
}

ServiceOutcome plan_service(const ServiceFacts& facts) {
  ServiceOutcome out;
  std::vector<model::RouteShare> shares;
  const ExperimentFacts* experiment = facts.deleting ? nullptr : experimenting(facts);
  if (!facts.deleting) {
    out.by_traffic = shares = shares_of(facts, out.unmet);
    if (experiment != nullptr) shares = shares_of(*experiment, std::move(shares));
    out.route = model::ServiceRoute{.name = facts.service->name,
                                    .hosts = facts.service->hosts,
                                    .shares = shares,
                                    .unready = {},
                                    .rate_limit = facts.service->rate_limit,
                                    .tags = tags_of(facts),
                                    .rules = rules_of(facts),
                                    .release = {},
                                    .experiment = {},
                                    .own_paths = facts.experimented};
    if (experiment != nullptr) {
      out.route->rules.insert(out.route->rules.end(), experiment->rules.begin(), experiment->rules.end());
      out.route->experiment = experiment->route;
    } else {
      out.route->release = release_of(facts, shares);
    }
    if (shares.empty()) out.route->unready = why_unready(facts);
  }
  for (RevisionFacts revision : facts.revisions) {
    const bool shared =
        std::ranges::find(shares, revision.revision->name, &model::RouteShare::revision) != shares.end();
    if (facts.deleting) revision.checking = false;
    if (revision.routed && !shared) out.lost.push_back(revision.revision->name);
    const bool known = shared || revision.checking || revision.routed || revision.releasing || revision.live > 0;
    if (!known || revision.revision->image.digest.empty()) continue;
    const int least = std::max({revision.revision->spec.min_scale, kept_warm(facts, revision) ? kWarmStable : 0,
                                is_arm(experiment, revision.revision->name) ? kWarmArm : 0});
    out.plans.push_back(plan_of(revision, shared, least));
    // The router keeps what it needs to finish the requests of a draining revision.
    out.revision_routes.push_back(route_of(*revision.revision));
    out.revision_routes.back().min_scale = least;
  }
  return out;
}

}  // namespace marea::control
