#include "router/outcome.h"

namespace marea::router {

using model::FailureCause;
using model::Reason;

FailureCause cause_of_own_answer(int status, Reason reason, bool waiting) {
  switch (reason) {
    case Reason::none: break;
    case Reason::liveness_failed:
    case Reason::app_exited:
    case Reason::app_killed:
    case Reason::out_of_memory:
    case Reason::never_listened:
    case Reason::port_mismatch:
    case Reason::startup_probe_failed:
    case Reason::readiness_probe_failed: return FailureCause::app;
    default: return FailureCause::platform;
  }
  if (status == 429 || waiting) return FailureCause::platform;
  return status < 500 ? FailureCause::client : FailureCause::app;
}

FailureCause cause_of_app_answer(int status) {
  return status >= 500 ? FailureCause::app : FailureCause::none;
}

LatencyVerdict judge_latency(FailureCause cause, bool cold, base::Duration latency, base::Duration objective) {
  if (objective <= base::Duration{0}) return {};
  const bool slow = latency > objective;
  const bool judged = !cold && (cause == FailureCause::none || (cause == FailureCause::client && slow));
  return {.judged = judged, .slow = judged && slow};
}

}  // namespace marea::router
