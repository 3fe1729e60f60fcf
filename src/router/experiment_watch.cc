#include "router/experiment_watch.h"

#include <algorithm>
#include <set>
#include <utility>

namespace marea::router {

ExperimentWatch::ExperimentWatch(World world) : world_(std::move(world)), timer_(world_.loop, [this] { look(); }) {}

void ExperimentWatch::set_routes(const model::Routes& routes) {
  std::set<std::string> running;
  for (const model::ServiceRoute& service : routes.services) {
    if (service.experiment) running.insert(service.experiment->id);
  }
  std::erase_if(experiments_, [&](const auto& each) { return !running.contains(each.first); });
  for (const model::ServiceRoute& service : routes.services) {
    if (!service.experiment || experiments_.contains(service.experiment->id)) continue;
    if (experiments_.size() < kMostExperiments) begin(*service.experiment);
  }
  if (experiments_.empty()) {
    timer_.cancel();
  } else if (!timer_.armed()) {
    timer_.arm_in(model::kReleaseTick);
  }
}

void ExperimentWatch::begin(const model::ExperimentRoute& experiment) {
  if (!lanes_) lanes_ = std::make_unique<ExperimentLanes>(world_.workers, world_.secret);
  const base::Clock& clock = world_.loop.clock();
  std::vector<std::size_t> segments;
  segments.reserve(experiment.arms.size());
  for (const model::ExperimentArmRoute& arm : experiment.arms) segments.push_back(arm.segments);
  Watched watched{.number = free_number(), .zero = clock.now(), .zero_unix_ns = clock.wall().unix_ns};
  watched.ledger = std::make_unique<decide::ExperimentLedger>(
      decide::ExperimentLedger::Options{.arms = experiment.arms.size(),
                                        .conversions = experiment.conversions.size(),
                                        .measures = experiment.measures.size(),
                                        .segments = std::move(segments),
                                        .window = experiment.window});
  watched.untold = untold(watched);
  // Differs from that of a router before this one, and of an experiment that went and came again.
  watched.memory = lanes_->fingerprint(experiment.id + ":" + std::to_string(clock.now().time_since_epoch().count()));
  experiments_.emplace(experiment.id, std::move(watched));
}

// Those at one time differ in their remainders, by which lanes count what is untold.
std::uint32_t ExperimentWatch::free_number() {
  const auto taken = [&](std::uint32_t number) {
    return std::ranges::any_of(experiments_, [&](const auto& each) {
      return each.second.number % kMostExperiments == number % kMostExperiments;
    });
  };
  while (next_number_ == 0 || taken(next_number_)) ++next_number_;
  return next_number_++;
}

RouteTable::ExperimentSeat ExperimentWatch::seat_of(const model::ExperimentRoute& experiment) const {
  const auto found = experiments_.find(experiment.id);
  if (found == experiments_.end()) return {};
  const auto zero_unix = std::chrono::nanoseconds(std::max<std::int64_t>(0, found->second.zero_unix_ns));
  const auto began_unix = std::chrono::nanoseconds(std::max<std::int64_t>(0, experiment.began_unix_ns));
  return {.number = found->second.number,
          .zero = found->second.zero,
          .zero_unix_tick = static_cast<std::uint64_t>(zero_unix / model::kReleaseTick),
          .began_unix_tick = static_cast<std::uint64_t>(began_unix / model::kReleaseTick)};
}

std::uint64_t ExperimentWatch::untold(const Watched& watched) const {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes_->all()) sum += lane->untold(watched.number);
  return sum;
}

void ExperimentWatch::look() {
  const base::Instant now = world_.loop.clock().now();
  drain_lanes(now);
  for (auto& [id, watched] : experiments_) {
    const std::uint64_t all = untold(watched);
    watched.ledger->untold(all - std::exchange(watched.untold, all));
    watched.ledger->advance(now - watched.zero);
    tell(id, watched, now);
  }
  timer_.arm_in(model::kReleaseTick);
}

void ExperimentWatch::drain_lanes(base::Instant now) {
  using Kind = ExperimentEvent::Kind;
  std::uint32_t number = 0;  // events come in runs of one experiment
  const Watched* last = nullptr;
  const auto watched = [&](const ExperimentEvent& event) {
    if (last == nullptr || number != event.experiment) {
      number = event.experiment;
      const auto found =
          std::ranges::find_if(experiments_, [&](const auto& each) { return each.second.number == number; });
      last = found == experiments_.end() ? nullptr : &found->second;
    }
    return last;  // null: it is over
  };
  const auto use = [](decide::ExperimentLedger& ledger, const ExperimentEvent& event) {
    if (event.kind == Kind::post) {
      ledger.posted(event.posted);
    } else {
      ledger.request(event.request);
    }
  };
  const std::vector<ExperimentEvent> before = std::exchange(early_, {});
  for (const auto& lane : lanes_->all()) {
    lane->drain([&](const ExperimentEvent& event) {
      const Watched* of = watched(event);
      if (of == nullptr) return;
      if (event.kind == Kind::enter) {
        of->ledger->enter(event.entrant, now - of->zero);
      } else if (of->ledger->knows(event.kind == Kind::post ? event.posted.key : event.request.key)) {
        use(*of->ledger, event);
      } else {
        early_.push_back(event);
      }
    });
  }
  for (const ExperimentEvent& event : before) {
    if (const Watched* of = watched(event)) use(*of->ledger, event);
  }
}

void ExperimentWatch::tell(const std::string& id, Watched& watched, base::Instant now) {
  if (now - watched.told_at < kExperimentToldEvery) return;
  watched.told_at = now;
  model::ExperimentCounts counts = watched.ledger->counts();
  counts.experiment = id;
  counts.memory = watched.memory;
  if (counts != watched.told && world_.send(counts)) watched.told = std::move(counts);
}

void ExperimentWatch::control_linked() {
  for (auto& [id, watched] : experiments_) watched.told = {};
}

}  // namespace marea::router
