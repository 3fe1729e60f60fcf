#include "router/route_table.h"

#include <algorithm>
#include <array>

#include "net/http/codec.h"

namespace marea::router {

RouteTable::RouteTable(const model::Routes& routes, const Live& live, const Seats& seats, const RouteTable* before)
    : version_(routes.version) {
  ByName by_name;
  revisions_.reserve(routes.revisions.size());
  for (const model::RevisionRoute& route : routes.revisions) {
    const auto index = static_cast<std::uint32_t>(revisions_.size());
    revisions_.push_back({.live = live(route), .timeout = route.timeout, .index = index});
    by_name.emplace(route.name.str(), &revisions_.back());
  }
  std::size_t entries = 0;  // they must not move: the hosts point to them
  for (const model::ServiceRoute& route : routes.services) entries += 1 + route.tags.size();
  services_.reserve(entries);
  for (const model::ServiceRoute& route : routes.services) {
    ServiceEntry& service = services_.emplace_back(ServiceEntry{.name = route.name,
                                                                .shares = {},
                                                                .unready = route.unready,
                                                                .rate_limit = route.rate_limit,
                                                                .hash = std::hash<std::string>{}(route.name.str())});
    std::uint32_t until = 0;
    for (const model::RouteShare& share : route.shares) {
      const auto found = by_name.find(share.revision.str());
      if (found == by_name.end() || share.weight == 0) continue;
      until += share.weight;
      service.shares.push_back({.until = until, .revision = found->second});
      service.affine = service.affine || found->second->live->affinity() != 0;
    }
    service.steering = steering_of(route, by_name, seats, before);
    if (service.steering) {
      std::vector<const RevisionEntry*> led = service.steering->targets;
      if (const auto& release = service.steering->release) led.insert(led.end(), {release->stable, release->canary});
      if (const auto& experiment = service.steering->experiment) {
        led.insert(led.end(), experiment->arms.begin(), experiment->arms.end());
      }
      service.affine = service.affine || std::ranges::any_of(led, [](const RevisionEntry* each) {
                         return each != nullptr && each->live->affinity() != 0;
                       });
    }
    for (const std::string& host : route.hosts) hosts_.emplace(host, &service);
    for (const model::TagRoute& tag : route.tags) {
      ServiceEntry& entry = services_.emplace_back(ServiceEntry{.name = route.name,
                                                                .shares = {},
                                                                .unready = "the revision of this tag is not ready",
                                                                .rate_limit = route.rate_limit,
                                                                .hash = service.hash});
      const auto found = by_name.find(tag.revision.str());
      if (found != by_name.end()) {
        entry.shares.push_back({.until = 1, .revision = found->second});
        entry.affine = found->second->live->affinity() != 0;
      }
      hosts_.emplace(tag.host, &entry);
    }
  }
}

// Nothing where an arm cannot serve: then the shares decide.
std::optional<RouteTable::Experiment> RouteTable::experiment_of(const model::ServiceRoute& route,
                                                                const ByName& revisions, const Seats& seats) {
  Experiment out{.route = std::make_shared<const model::ExperimentRoute>(*route.experiment),
                 .arms = {},
                 .until = {},
                 .split = decide::Split(route.experiment->salt),
                 .seat = seats.of_experiment ? seats.of_experiment(*route.experiment) : ExperimentSeat{}};
  std::uint32_t until = 0;
  for (const model::ExperimentArmRoute& arm : out.route->arms) {
    const auto found = revisions.find(arm.revision.str());
    if (found == revisions.end()) return std::nullopt;
    out.arms.push_back(found->second);
    out.until.push_back(until += arm.weight);
  }
  if (out.arms.empty()) return std::nullopt;
  const auto control = std::ranges::find_if(out.route->arms, [](const auto& arm) { return arm.weight > 0; });
  if (control != out.route->arms.end()) out.control = static_cast<std::size_t>(control - out.route->arms.begin());
  if (const auto& consent = out.route->consent) {
    model::RouteRule rule{.name = "consent", .conditions = {*consent}, .revision = {}};
    out.consent = std::make_shared<const RuleSet>(std::vector{std::move(rule)});
  }
  return out;
}

std::unique_ptr<const RouteTable::Steering> RouteTable::steering_of(const model::ServiceRoute& route,
                                                                    const ByName& revisions, const Seats& seats,
                                                                    const RouteTable* before) {
  const auto entry = [&](const base::RevisionName& name) -> const RevisionEntry* {
    const auto found = revisions.find(name.str());
    return found == revisions.end() ? nullptr : found->second;
  };
  const RevisionEntry* const stable = route.release ? entry(route.release->stable) : nullptr;
  const RevisionEntry* const canary = route.release ? entry(route.release->canary) : nullptr;
  const bool releasing = stable != nullptr && canary != nullptr;
  if (route.rules.empty() && !route.release && !route.experiment && !route.own_paths) return nullptr;
  auto out = std::make_unique<Steering>();
  out->key_cookie = (route.release && route.release->sticky != model::StickyKey::off) || route.experiment;
  out->own_paths = route.own_paths || route.experiment;
  if (releasing) {
    out->release.emplace(Release{.stable = stable,
                                 .canary = canary,
                                 .weight = route.release->weight,
                                 .split = decide::Split(route.release->salt),
                                 .objective = route.release->objective,
                                 .sticky = route.release->sticky,
                                 .header = route.release->header,
                                 .seat = seats.of_release ? seats.of_release(*route.release) : ReleaseSeat{}});
  }
  if (route.experiment) out->experiment = experiment_of(route, revisions, seats);
  if (route.rules.empty()) return out;
  const ServiceEntry* old = before == nullptr || route.hosts.empty() ? nullptr : before->find(route.hosts.front());
  const bool same =
      old != nullptr && old->steering && old->steering->rules && old->steering->rules->rules() == route.rules;
  out->rules = same ? old->steering->rules : std::make_shared<const RuleSet>(route.rules);
  const auto target = [&](const model::RouteRule& rule) -> const RevisionEntry* {
    switch (rule.target) {
      case model::MatchTarget::revision: return entry(rule.revision);
      case model::MatchTarget::stable: return releasing ? stable : nullptr;
      case model::MatchTarget::canary: return releasing ? canary : nullptr;
      case model::MatchTarget::tag: break;  // control says the revision
    }
    return nullptr;
  };
  for (const model::RouteRule& rule : route.rules) {
    out->targets.push_back(target(rule));
    out->usable.push_back(out->targets.back() != nullptr);
  }
  return out;
}

const RouteTable::ServiceEntry* RouteTable::find(std::string_view host) const {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::array<char, net::http::kMostHostBytes> lower;
  if (host.size() > lower.size()) return nullptr;
  std::transform(host.begin(), host.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  const auto found = hosts_.find(std::string_view(lower.data(), host.size()));
  return found == hosts_.end() ? nullptr : found->second;
}

const RouteTable::RevisionEntry* RouteTable::pick(const ServiceEntry& service, std::uint64_t affinity,
                                                  std::uint64_t random) {
  if (affinity != 0) {
    for (const Share& share : service.shares) {
      if (share.revision->live->affinity() == affinity) return share.revision;
    }
  }
  return pick(service, random);
}

const RouteTable::RevisionEntry* RouteTable::pick(const ServiceEntry& service, std::uint64_t random) {
  if (service.shares.empty()) return nullptr;
  if (service.shares.size() == 1) return service.shares.front().revision;
  // The high half of the product is uniform below the total (Lemire, "Fast Random Integer Generation", 2019).
  const std::uint64_t total = service.shares.back().until;
  const auto point = static_cast<std::uint32_t>(((random >> 32U) * total) >> 32U);
  for (const Share& share : service.shares) {
    if (point < share.until) return share.revision;
  }
  return service.shares.back().revision;
}

}  // namespace marea::router
