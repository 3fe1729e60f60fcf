#include "sim/scale/marea.h"

namespace marea::sim::scale {

Marea::Marea(const LoadedService& service)
    : terms_{
          .concurrency = service.concurrency, .target = service.concurrency, .max = service.max, .idle_timeout = {}} {}

Advice Marea::look(const Plant& plant, base::Instant now) {
  std::vector<decide::ScaleInstance> instances;
  std::vector<int> indices;
  std::uint64_t ended = 0;
  known_ready_.resize(plant.instances().size());
  for (std::size_t i = 0; i < plant.instances().size(); ++i) {
    const PlantInstance& each = plant.instances()[i];
    ended += each.released;
    if (each.gone || each.draining) continue;
    if (each.ready && !known_ready_[i]) scale_.started(each.ready_at - each.ordered);
    known_ready_[i] = each.ready;
    instances.push_back(
        {.ready = each.ready, .in_flight = each.in_flight, .since = each.ready ? each.idle_since : each.ordered});
    indices.push_back(static_cast<int>(i));
  }
  const decide::ScaleWish wish =
      scale_.look(terms_, {.waiting = plant.waiting(), .instances = instances, .ended = ended}, now);
  Advice advice{.wanted = wish.wanted, .retire = {}, .next_look = wish.next_look};
  for (const decide::Retirement& each : wish.retire) {
    advice.retire.push_back(indices[static_cast<std::size_t>(each.index)]);
  }
  return advice;
}

}  // namespace marea::sim::scale
