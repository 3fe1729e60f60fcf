#include "engine/local/cpu_confinement.h"

#include <algorithm>

namespace marea::engine::local {

void CpuConfinement::look_at(const CpuUse& use, base::Instant now) {
  const auto [found, fresh] = seen_.try_emplace(use.id);
  Seen& seen = found->second;
  seen.milli_cpu = use.milli_cpu;
  const base::Duration passed = now - seen.at;
  if (!fresh && passed < kShortestLook) return;
  const bool computes = !fresh && (use.cpu - seen.cpu) * 1000 >= passed * kComputesPermille;
  seen.looks = computes ? std::min(seen.looks + 1, kLooksToCompute) : 0;
  if (seen.looks == kLooksToCompute || (computes && seen.computed_until > now)) seen.computed_until = now + kCalm;
  seen.cpu = use.cpu;
  seen.at = now;
}

std::vector<Confined> CpuConfinement::look(const std::vector<CpuUse>& uses, int cpus, base::Instant now) {
  for (const CpuUse& use : uses) look_at(use, now);
  std::int64_t wanted = 0;
  for (const auto& [id, seen] : seen_) {
    if (seen.computed_until > now) wanted += seen.milli_cpu;
  }
  const bool fits = wanted <= (cpus - 1) * std::int64_t{1000};
  std::vector<Confined> out;
  for (auto& [id, seen] : seen_) {
    const bool confined = fits && seen.computed_until > now;
    if (confined == seen.confined) continue;
    seen.confined = confined;
    out.push_back({.id = id, .confined = confined});
  }
  return out;
}

bool CpuConfinement::watching() const {
  return std::ranges::any_of(seen_, [](const auto& entry) {
    const Seen& seen = entry.second;
    return seen.confined || seen.looks > 0 || seen.computed_until > seen.at;
  });
}

int CpuConfinement::confined() const {
  return static_cast<int>(std::ranges::count_if(seen_, [](const auto& entry) { return entry.second.confined; }));
}

}  // namespace marea::engine::local
