#include "sim/scale/plant.h"

#include <algorithm>

namespace marea::sim::scale {
namespace {

double seconds(base::Duration duration) {
  return static_cast<double>(duration.count()) * 1e-9;
}

}  // namespace

Plant::Plant(const LoadedService& service, base::Instant horizon, std::uint64_t seed)
    : service_(&service), horizon_(horizon), starts_(seed), spread_(seed + 1), cold_(service.requests.size()) {}

double Plant::request_seconds(base::Instant now) const {
  return request_seconds_ + in_system_ * seconds(now - counted_at_);
}

void Plant::count(int change) {
  request_seconds_ = request_seconds(now_);
  counted_at_ = now_;
  in_system_ += change;
}

void Plant::add(base::Instant at, What what, std::size_t which, std::size_t request) {
  events_.push({at, order_++, what, which, request});
}

Account Plant::run(Scaler& scaler) {
  if (!service_->requests.empty()) add(base::Instant(service_->requests[0].at), What::arrival, 0);
  while (!events_.empty() && events_.top().at <= horizon_) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    happen(event, scaler);
  }
  now_ = horizon_;
  account_.finished = in_system_ == 0 && account_.slowdowns.size() == service_->requests.size();
  for (const std::size_t each : std::vector<std::size_t>(alive_)) end(each);
  return std::move(account_);
}

void Plant::happen(const Event& event, Scaler& scaler) {
  switch (event.what) {
    case What::arrival:
      if (event.which + 1 < service_->requests.size()) {
        add(base::Instant(service_->requests[event.which + 1].at), What::arrival, event.which + 1);
      }
      arrive(event.which, scaler);
      return;
    case What::ready:
      instances_[event.which].ready = true;
      instances_[event.which].idle_since = now_;
      dispatch(scaler);
      consult(scaler);
      return;
    case What::done: {
      PlantInstance& instance = instances_[event.which];
      const Request& request = service_->requests[event.request];
      account_.slowdowns.push_back(seconds(now_ - base::Instant(request.at)) / seconds(request.service));
      account_.spare_gb_seconds -= seconds(request.service) / service_->concurrency * service_->memory_gb;
      count(-1);
      --instance.in_flight;
      ++instance.released;
      instance.idle_since = now_;
      if (!instance.queue.empty()) {
        const std::size_t next = instance.queue.front();
        instance.queue.pop_front();
        take(event.which, next, scaler);
      } else if (instance.draining && instance.in_flight == 0) {
        end(event.which);
      }
      dispatch(scaler);
      return;
    }
    case What::look:
      if (event.at != look_at_) return;
      consult(scaler);
      return;
  }
}

void Plant::arrive(std::size_t request, Scaler& scaler) {
  count(1);
  std::vector<std::size_t> ready;
  for (const std::size_t each : alive_) {
    if (instances_[each].ready && !instances_[each].draining) ready.push_back(each);
  }
  cold_[request] = ready.empty();
  if (ready.empty()) ++account_.cold;
  if (scaler.scatters() && !ready.empty()) {
    const std::size_t to = ready[static_cast<std::size_t>(spread_.whole(0, static_cast<int>(ready.size()) - 1))];
    if (instances_[to].in_flight < service_->concurrency) {
      take(to, request, scaler);
    } else {
      instances_[to].queue.push_back(request);
    }
    return;
  }
  queue_.push_back(request);
  dispatch(scaler);
  if (!queue_.empty()) consult(scaler);
}

PlantInstance* Plant::least_loaded() {
  PlantInstance* best = nullptr;
  for (const std::size_t each : alive_) {
    PlantInstance& instance = instances_[each];
    if (!instance.ready || instance.draining || instance.in_flight >= service_->concurrency) continue;
    if (best == nullptr || instance.in_flight < best->in_flight) best = &instance;
  }
  return best;
}

void Plant::dispatch(Scaler& scaler) {
  while (!queue_.empty()) {
    PlantInstance* const instance = least_loaded();
    if (instance == nullptr) return;
    const std::size_t request = queue_.front();
    queue_.pop_front();
    take(static_cast<std::size_t>(instance - instances_.data()), request, scaler);
  }
}

void Plant::take(std::size_t which, std::size_t request, Scaler& scaler) {
  PlantInstance& instance = instances_[which];
  if (instance.in_flight++ == 0) {
    account_.idle_gb_seconds += seconds(now_ - std::max(instance.idle_since, instance.ordered)) * service_->memory_gb;
  }
  add(now_ + service_->requests[request].service, What::done, which, request);
  if (scaler.attention() != base::Duration::max()) look_by(now_ + scaler.attention());
}

void Plant::end(std::size_t which) {
  PlantInstance& instance = instances_[which];
  instance.gone = true;
  std::erase(alive_, which);
  const double life = seconds(now_ - instance.ordered) * service_->memory_gb;
  account_.gb_seconds += life;
  account_.spare_gb_seconds += life;
  if (instance.in_flight == 0) {
    account_.idle_gb_seconds += seconds(now_ - std::max(instance.idle_since, instance.ordered)) * service_->memory_gb;
  }
}

void Plant::look_by(base::Instant when) {
  if (look_at_ > now_ && look_at_ <= when) return;
  look_at_ = when;
  add(when, What::look, 0);
}

void Plant::consult(Scaler& scaler) {
  look_at_ = base::Instant::max();
  const Advice advice = scaler.look(*this, now_);
  for (const int each : advice.retire) {
    PlantInstance& instance = instances_[static_cast<std::size_t>(each)];
    instance.draining = true;
    if (instance.in_flight == 0 && instance.queue.empty()) end(static_cast<std::size_t>(each));
  }
  account_.within_max = account_.within_max && advice.wanted <= service_->max;
  int serving = 0;
  for (const std::size_t each : alive_) serving += instances_[each].draining ? 0 : 1;
  for (; serving < std::min(advice.wanted, service_->max); ++serving) {
    ++account_.starts;
    const double took = seconds(service_->start) * starts_.log_normal(1, 0.2);
    const base::Instant ready = now_ + base::Duration(static_cast<std::int64_t>(took * 1e9));
    instances_.push_back({.ordered = now_, .ready_at = ready, .queue = {}});
    alive_.push_back(instances_.size() - 1);
    add(ready, What::ready, instances_.size() - 1);
  }
  if (advice.next_look != base::Instant::max()) {
    look_by(advice.next_look);
  } else if (in_system_ == 0) {
    const auto settled = [this](std::size_t each) { return instances_[each].ready; };
    account_.forgotten = account_.forgotten || (!alive_.empty() && std::ranges::all_of(alive_, settled));
  }
}

}  // namespace marea::sim::scale
