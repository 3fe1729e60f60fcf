#include "decide/scale.h"

#include <algorithm>

namespace marea::decide {

ScaleWish wish(const ScaleLoad& load) {
  const int slots_needed = load.waiting + load.in_flight;
  const int needed = load.waiting > 0 ? (slots_needed + load.concurrency - 1) / load.concurrency : 0;
  const int bounded = std::min(std::max(needed, load.min), load.max);
  if (bounded > load.instances) {
    return {.wanted = bounded,
            .reason = needed > load.instances ? model::Reason::request_waiting : model::Reason::min_scale};
  }
  return {.wanted = load.instances, .reason = needed > load.instances ? model::Reason::max_scale : model::Reason::none};
}

bool retires(const IdleInstance& instance, base::Instant now) {
  return instance.instances > instance.min && now - instance.idle_since >= instance.idle_timeout;
}

}  // namespace marea::decide
