#include "engine/local/instance_usage.h"

#include <algorithm>

#include "model/names.h"

namespace marea::engine::local {
namespace {

// Instance-based billing, in Cloud Run's words: https://cloud.google.com/run/docs/configuring/billing-settings
bool billed_whole(const model::Template& spec) {
  const auto throttling = spec.annotations.find("run.googleapis.com/cpu-throttling");
  return throttling != spec.annotations.end() && model::lower_case(throttling->second) == "false";
}

}  // namespace

model::Usage usage_of(const FleetInstance& instance, const net::LedgerReading& reading, const SandboxUse& use,
                      base::Instant now) {
  const model::Template& spec = instance.revision->spec;
  const model::Limits limits = model::instance_limits(spec);
  model::Usage out{.requests = reading.requests,
                   .cpu = use.cpu,
                   .peak_memory_bytes = use.peak_memory_bytes,
                   .memory_limit_bytes = limits.memory_bytes,
                   .milli_cpu = limits.milli_cpu,
                   .whole_life = billed_whole(spec)};
  if (!instance.started_at) return out;  // its app never ran
  const base::Instant stopped = std::min(now, instance.stopped_at.value_or(now));
  out.alive = now - *instance.started_at;
  out.stopping = now - stopped;
  if (!instance.was_ready) out.unready = stopped - *instance.started_at;
  out.busy = std::min(reading.busy, out.alive);
  out.billed = std::min(reading.billed, out.alive + net::kBillingStep);  // the last step may end after it
  return out;
}

}  // namespace marea::engine::local
