#include "router/release_watch.h"

#include <algorithm>
#include <set>
#include <utility>

namespace marea::router {
namespace {

std::uint64_t failures_of(const model::ReleaseCounts& counts) {
  constexpr auto kApp = static_cast<std::size_t>(model::FailureCause::app);
  return counts.stable.failures[kApp] + counts.canary.failures[kApp];
}

bool is_counted(const model::ServiceRoute& service) {
  return service.release && !service.release->id.empty();
}

}  // namespace

ReleaseWatch::ReleaseWatch(World world) : world_(std::move(world)), timer_(world_.loop, [this] { look(); }) {}

void ReleaseWatch::set_routes(const model::Routes& routes) {
  std::set<std::string> running;
  for (const model::ServiceRoute& service : routes.services) {
    if (is_counted(service)) running.insert(service.release->id);
  }
  std::erase_if(releases_, [&](const auto& each) { return !running.contains(each.first); });
  for (const model::ServiceRoute& service : routes.services) {
    if (!is_counted(service)) continue;
    const auto found = releases_.find(service.release->id);
    if (found != releases_.end()) {
      found->second.route = *service.release;
    } else if (releases_.size() < kMostReleases) {
      begin(*service.release);
    }
  }
  if (releases_.empty()) {
    timer_.cancel();
  } else if (!timer_.armed()) {
    timer_.arm_in(model::kReleaseTick);
  }
}

void ReleaseWatch::begin(const model::ReleaseRoute& release) {
  if (!lanes_) lanes_ = std::make_unique<ReleaseLanes>(world_.workers, world_.secret);
  const base::Clock& clock = world_.loop.clock();
  const base::Duration since(std::max<std::int64_t>(0, clock.wall().unix_ns - release.began_unix_ns));
  Watched watched{.number = free_number(), .zero = clock.now() - since, .route = release};
  watched.first_tick = tick_at(watched, clock.now());
  watched.ledger = std::make_unique<decide::KeyLedger>(
      decide::KeyLedger::Options{.first_tick = watched.first_tick, .weight = release.weight, .step = release.step});
  watched.untold = {untold(watched, false), untold(watched, true)};
  // Differs from that of a router before this one, and of a release that went and came again.
  watched.memory = lanes_->fingerprint(release.id + ":" + std::to_string(clock.now().time_since_epoch().count()));
  releases_.emplace(release.id, std::move(watched));
}

// Those at one time differ in their remainders, by which lanes count what is untold.
std::uint32_t ReleaseWatch::free_number() {
  const auto taken = [&](std::uint32_t number) {
    return std::ranges::any_of(
        releases_, [&](const auto& each) { return each.second.number % kMostReleases == number % kMostReleases; });
  };
  while (next_number_ == 0 || taken(next_number_)) ++next_number_;
  return next_number_++;
}

RouteTable::ReleaseSeat ReleaseWatch::seat_of(const model::ReleaseRoute& release) const {
  const auto found = releases_.find(release.id);
  if (found == releases_.end()) return {};
  const Watched& watched = found->second;
  const auto zero_unix = std::chrono::nanoseconds(std::max<std::int64_t>(0, watched.route.began_unix_ns));
  return {.number = watched.number,
          .zero = watched.zero,
          .zero_unix_tick = static_cast<std::uint64_t>(zero_unix / model::kReleaseTick),
          .first_tick = watched.first_tick};
}

// A worker may have decided by other weights until now, by none later: the clock is read now, not at the turn's start.
void ReleaseWatch::adopted() {
  const base::Instant now = world_.loop.clock().now();
  for (auto& [id, watched] : releases_) {
    watched.ledger->change(tick_at(watched, now) + 1, watched.route.weight, watched.route.step);
  }
}

std::uint64_t ReleaseWatch::tick_at(const Watched& watched, base::Instant now) const {
  return static_cast<std::uint64_t>(std::max(base::Duration{0}, now - watched.zero) / model::kReleaseTick);
}

std::uint64_t ReleaseWatch::untold(const Watched& watched, bool canary) const {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes_->all()) sum += lane->untold(watched.number, canary);
  return sum;
}

// Every tick while a release runs.
void ReleaseWatch::look() {
  const base::Instant now = world_.loop.clock().now();
  for (auto& [id, watched] : releases_) watched.ledger->running(tick_at(watched, now));
  drain_lanes();
  for (auto& [id, watched] : releases_) settle_up(watched, now);
  timer_.arm_in(model::kReleaseTick);
}

void ReleaseWatch::drain_lanes() {
  Watched* last = nullptr;  // events come in runs of one release
  for (const auto& lane : lanes_->all()) {
    lane->drain([&](const ReleaseEvent& event) {
      if (last == nullptr || last->number != event.release) {
        const auto found =
            std::ranges::find_if(releases_, [&](const auto& each) { return each.second.number == event.release; });
        if (found == releases_.end()) return;  // it is over
        last = &found->second;
      }
      if (event.settled) {
        last->ledger->settled({.tick = event.tick,
                               .bucket = event.bucket,
                               .key = event.key,
                               .request = event.number,
                               .canary = event.canary,
                               .cause = event.outcome.cause,
                               .cold = event.outcome.cold,
                               .judged = event.outcome.judged,
                               .slow = event.outcome.slow,
                               .latency = event.outcome.latency});
      } else {
        last->ledger->admitted({.tick = event.tick,
                                .bucket = event.bucket,
                                .key = event.key,
                                .request = event.number,
                                .canary = event.canary,
                                .origin = event.origin});
      }
    });
  }
}

void ReleaseWatch::settle_up(Watched& watched, base::Instant now) {
  for (const bool canary : {false, true}) {
    std::uint64_t& counted = watched.untold.at(canary ? 1 : 0);
    const std::uint64_t all = untold(watched, canary);
    if (all > counted) watched.ledger->untold(canary, all - std::exchange(counted, all));
  }
  watched.ledger->advance(tick_at(watched, now));
  for (model::ReleaseTick& tick : watched.ledger->take_ticks()) watched.unseen.push_back(tick);
  while (watched.unseen.size() > kMostUnseen) {
    watched.unseen.pop_front();
    ++watched.lost;
  }
  for (const model::FirstRequests& firsts : watched.ledger->take_firsts()) watched.unseen_firsts.push_back(firsts);
  while (watched.unseen_firsts.size() > kMostUnseenFirsts) watched.unseen_firsts.pop_front();
  if (!watched.awaits_seen) tell(watched, now);
}

void ReleaseWatch::tell(Watched& watched, base::Instant now) {
  const decide::KeyLedger& ledger = *watched.ledger;
  model::ReleaseCounts counts{.release = watched.route.id,
                              .step = ledger.step(),
                              .closed = 0,
                              .open = ledger.open(),
                              .ticks = {},
                              .stable = ledger.totals(false),
                              .canary = ledger.totals(true),
                              .stable_shape = {},
                              .canary_shape = {},
                              .memory = watched.memory,
                              .lost = watched.lost,
                              .firsts = {}};
  const bool news = !watched.unseen.empty() || !watched.unseen_firsts.empty() || counts != watched.told;
  const bool urgent = failures_of(counts) > failures_of(watched.told) ||
                      std::ranges::any_of(watched.unseen_firsts, [&](const model::FirstRequests& firsts) {
                        return firsts.number >= watched.firsts_told && firsts.canary_failed > 0;
                      });
  if (!news || (!urgent && now - watched.told_at < kCountsEvery)) return;
  watched.told = counts;
  watched.told_at = now;
  const auto until = std::min(watched.unseen.size(), kMostTicksTold);
  counts.ticks.assign(watched.unseen.begin(), watched.unseen.begin() + static_cast<std::ptrdiff_t>(until));
  counts.closed = until < watched.unseen.size() ? watched.unseen[until].number : ledger.closed();
  counts.firsts.assign(watched.unseen_firsts.begin(), watched.unseen_firsts.end());
  if (!counts.firsts.empty()) watched.firsts_told = counts.firsts.back().number + 1;
  counts.stable_shape = ledger.shape(false);
  counts.canary_shape = ledger.shape(true);
  watched.awaits_seen = world_.send(counts);
}

void ReleaseWatch::control_linked() {
  for (auto& [id, watched] : releases_) {
    watched.awaits_seen = false;
    watched.told = {};
  }
}

void ReleaseWatch::seen(const net::msg::ReleaseCountsSeen& message) {
  const auto found = releases_.find(message.release);
  if (found == releases_.end()) return;
  std::deque<model::ReleaseTick>& unseen = found->second.unseen;
  while (!unseen.empty() && unseen.front().number < message.closed) unseen.pop_front();
  std::deque<model::FirstRequests>& firsts = found->second.unseen_firsts;
  while (!firsts.empty() && firsts.front().number < found->second.firsts_told) firsts.pop_front();
  found->second.awaits_seen = false;
}

}  // namespace marea::router
