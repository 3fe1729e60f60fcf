#include "decide/usage.h"

#include <algorithm>

namespace marea::decide {

using model::Bill;
using model::UsageAccount;

namespace {

constexpr base::Duration kStep = std::chrono::milliseconds(100);

base::Duration in_steps(base::Duration time) {
  return (time + kStep - base::Duration(1)) / kStep * kStep;
}

base::Duration idle(const model::Usage& usage) {
  return std::max(base::Duration{0}, usage.alive - usage.billed - usage.unready - usage.stopping);
}

std::int64_t in_ms(base::Duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

UsageAccount add(const UsageAccount& account, const model::Usage& told, bool kept) {
  const model::Usage& had = account.usage;
  UsageAccount out{.usage = told, .kept_idle = account.kept_idle};
  out.usage.requests = std::max(had.requests, told.requests);
  out.usage.alive = std::max(had.alive, told.alive);
  out.usage.busy = std::max(had.busy, told.busy);
  out.usage.billed = std::max(had.billed, told.billed);
  out.usage.unready = std::max(had.unready, told.unready);
  out.usage.stopping = std::max(had.stopping, told.stopping);
  out.usage.cpu = std::max(had.cpu, told.cpu);
  out.usage.peak_memory_bytes = std::max(had.peak_memory_bytes, told.peak_memory_bytes);
  if (kept) out.kept_idle += std::max(base::Duration{0}, idle(out.usage) - idle(had));
  out.kept_idle = std::min(out.kept_idle, idle(out.usage));
  return out;
}

Bill bill_of(const UsageAccount& account) {
  const model::Usage& usage = account.usage;
  Bill out{.instances = 1,
           .requests = usage.requests,
           .billable = in_steps(usage.alive),
           .kept_idle = {},
           .busy = usage.busy,
           .alive = usage.alive,
           .cpu = usage.cpu,
           .peak_memory_bytes = usage.peak_memory_bytes};
  if (!usage.whole_life) {
    out.billable = in_steps(usage.billed) + in_steps(usage.unready) + in_steps(usage.stopping);
    out.kept_idle = account.kept_idle;
  }
  out.milli_cpu_ms = usage.milli_cpu * in_ms(out.billable);
  out.mebibyte_ms = (usage.memory_limit_bytes >> 20) * in_ms(out.billable);
  return out;
}

Bill sum(const Bill& a, const Bill& b) {
  return {.instances = a.instances + b.instances,
          .requests = a.requests + b.requests,
          .billable = a.billable + b.billable,
          .kept_idle = a.kept_idle + b.kept_idle,
          .busy = a.busy + b.busy,
          .alive = a.alive + b.alive,
          .cpu = a.cpu + b.cpu,
          .milli_cpu_ms = a.milli_cpu_ms + b.milli_cpu_ms,
          .mebibyte_ms = a.mebibyte_ms + b.mebibyte_ms,
          .peak_memory_bytes = std::max(a.peak_memory_bytes, b.peak_memory_bytes)};
}

}  // namespace marea::decide
