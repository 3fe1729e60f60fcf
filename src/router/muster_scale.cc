// How many instances router asks for and lets go, and what callers and control hear of it.
#include <algorithm>
#include <utility>

#include "decide/scale.h"
#include "router/muster.h"

namespace marea::router {

namespace msg = net::msg;
using model::Reason;

void Muster::somebody_waits(const std::shared_ptr<Revision>& revision, base::Instant now) {
  revision->asked();
  Kind* const kind = find_kind(revision->name());
  if (kind == nullptr || kind->live != revision) {
    // Its routes went away while the request was on its way here.
    const auto why = std::make_shared<const Refusal>(
        Refusal{.status = 503, .retry_after = std::chrono::seconds(1), .why = "the revision was just replaced"});
    for (const Revision::Waiter& waiter : revision->refuse(why)) actions_.emplace_back(act::Refuse{waiter, why});
    return;
  }
  settle(*kind, now);
  wake(now);
}

// What engine was asked for and has not opened yet counts as starting; after a while it is asked for again.
decide::ScaleWish Muster::wish(Kind& kind, const std::vector<std::shared_ptr<Instance>>& instances, const Away& away,
                               base::Instant now) {
  std::vector<decide::ScaleInstance> seen;
  for (const std::shared_ptr<Instance>& each : instances) {
    // Where nobody waits, one whose readiness probe fails is an idle one like others: it ends like others.
    const bool available = !members_.at(each->id()).unavailable;
    const bool ready = each->ready() || !available;
    const base::Instant since = ready ? each->idle_since() : members_.at(each->id()).asked_at;
    seen.push_back({.ready = ready, .in_flight = each->in_flight(), .since = since, .available = available});
  }
  if (now - kind.asked_at < kAskAgain) {
    while (std::ssize(seen) < kind.asked - away.instances) seen.push_back({.since = kind.asked_at});
  }
  const model::RevisionRoute& route = kind.route;
  decide::ScaleWish wish = kind.scale.look({.concurrency = route.concurrency,
                                            .target = route.target,
                                            .min = std::max(0, route.min_scale - away.instances),
                                            .max = std::max(0, route.max_scale - away.instances),
                                            .scale_down_delay = route.scale_down_delay,
                                            .idle_timeout = route.idle_timeout},
                                           {.waiting = kind.live->waiting(),
                                            .in_flight_away = away.in_flight,
                                            .instances = seen,
                                            .ended = kind.live->requests.load(std::memory_order_relaxed),
                                            .cpu_saturation = machine_.busy_permille / 1000.0},
                                           now);
  wish.wanted += away.instances;
  return wish;
}

void Muster::settle(Kind& kind, base::Instant now) {
  std::vector<std::shared_ptr<Instance>> instances = kind.live->instances();
  std::erase_if(instances, [](const auto& each) { return each->draining(); });
  const bool waiting = kind.live->waiting() > 0;
  Away away;
  std::erase_if(instances, [&](const auto& each) {
    const std::optional<std::string>& why = members_.at(each->id()).unavailable;
    if (!waiting || !why) return false;
    ++away.instances;
    away.in_flight += each->in_flight();
    away.why = *why;
    return true;
  });
  const decide::ScaleWish wish = this->wish(kind, instances, away, now);
  if (wish.reason == Reason::max_scale) {
    kind.live->limit_by_max_scale(away.why, away.instances > 0 && instances.empty());
  }
  if (kind.live->waiting() == 0) kind.live->limit = Reason::none;
  for (const decide::Retirement& each : wish.retire) {
    const Instance& instance = *instances.at(static_cast<std::size_t>(each.index));
    Member& member = members_.at(instance.id());
    if (now - member.retire_asked < kAskAgain) continue;
    member.retire_asked = now;
    to_engine(msg::Retire{instance.id(), each.reason});
  }
  // The minimum is kept by engine, also while router is away.
  if (wish.reason != Reason::request_waiting || now < kind.refused_until) return;
  if (wish.wanted <= kind.asked && now - kind.asked_at < kAskAgain) return;
  kind.asked = wish.wanted;
  kind.asked_at = now;
  to_engine(msg::Demand{kind.route.name, wish.wanted, wish.reason});
}

void Muster::starts_failing(const msg::StartsFailing& message, base::Instant now) {
  Kind* const kind = find_kind(message.revision);
  if (kind == nullptr) return;
  if (message.failures == 0) {
    kind->refusal.reset();
    kind->refused_until = {};
    kind->live->refuse(nullptr);
    settle(*kind, now);
    return;
  }
  const std::string times =
      message.failures == 1 ? "the last start" : "the last " + std::to_string(message.failures) + " starts";
  std::string why = times + " of " + message.revision.str() + " failed: " + std::string(to_string(message.reason));
  if (!message.detail.empty()) why += ": " + message.detail;
  refuse(*kind, {.status = 503, .retry_after = message.retry_after, .why = std::move(why)}, now + message.retry_after,
         now);
}

void Muster::demand_refused(const msg::DemandRefused& message, base::Instant now) {
  Kind* const kind = find_kind(message.revision);
  if (kind == nullptr) return;
  kind->live->limit = message.reason;
  if (message.granted > 0) return;
  if (message.reason == Reason::grant_expired) {
    refuse(*kind,
           {.status = 503,
            .retry_after = kAskAgain,
            .why = "marea's control process, which says what may run, has been away for too long"},
           now + kAskAgain, now);
  }
  // Neither routes nor plan have it any more. With routes it is only that the plan comes later than they.
  if (message.reason == Reason::revision_retired && kind->retired) {
    refuse(*kind, {.status = 503, .retry_after = kAskAgain, .why = "the revision was just replaced or deleted"},
           now + kAskAgain, now);
  }
  if (message.reason != Reason::machine_full) return;
  refuse(*kind,
         {.status = 429,
          .retry_after = kAskAgain,
          .why = "the machine has no memory left for an instance of " + message.revision.str()},
         now + kAskAgain, now);
}

void Muster::refuse(Kind& kind, Refusal refusal, base::Instant until, base::Instant now) {
  kind.refusal = std::make_shared<const Refusal>(std::move(refusal));
  kind.refused_until = until;
  kind.asked = 0;
  settle_refusal(kind, now);
  wake(now);
}

// As long as it lasts, and while there is no instance, those who wait and those who come are refused.
void Muster::settle_refusal(Kind& kind, base::Instant now) {
  const bool lasts = kind.refusal && now < kind.refused_until;
  if (!lasts) kind.refusal.reset();
  for (const Revision::Waiter& waiter : kind.live->refuse(kind.refusal)) {
    actions_.emplace_back(act::Refuse{waiter, kind.refusal});
  }
}

void Muster::report(bool all) {
  std::map<const Revision*, int> in_flight;
  for (auto& [id, member] : members_) {
    const int now = member.shared->in_flight();
    in_flight[member.revision.get()] += now;
    if (!all && now == member.reported && member.availability_told) continue;
    member.reported = now;
    member.availability_told = true;
    to_control(msg::InstanceLoad{id, now, !member.unavailable, member.unavailable.value_or("")});
  }
  for (auto& [name, kind] : kinds_) {
    const msg::RevisionLoad load{.revision = name,
                                 .in_flight = in_flight[kind.live.get()],
                                 .waiting = kind.live->waiting(),
                                 .requests = kind.live->requests.load(std::memory_order_relaxed),
                                 .failed = kind.live->failed.load(std::memory_order_relaxed)};
    const msg::RevisionLoad& last = kind.reported;
    const bool same = last.in_flight == load.in_flight && last.waiting == load.waiting &&
                      last.requests == load.requests && last.failed == load.failed;
    if (!all && same) continue;
    kind.reported = load;
    to_control(load);
  }
}

}  // namespace marea::router
