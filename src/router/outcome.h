// Whose fault it is when a request of a release fails, and whether its latency says something of the arm.
#pragma once

#include "base/clock.h"
#include "model/reason.h"
#include "model/release_counts.h"

namespace marea::router {

// Of an answer that router gave itself. `waiting`: the request was in the queue.
model::FailureCause cause_of_own_answer(int status, model::Reason reason, bool waiting);

// Of an answer that came whole from the app. An upstream of the app's cannot be told from the app.
model::FailureCause cause_of_app_answer(int status);

// What is known of a latency. Who left before the answer has waited at least so long: that counts when it was too long
// already, and else says nothing. Without an objective (0) nothing is slow or not. Failures count as such, since a fast
// one is no good latency. `cold`: it waited for a start, or no app got it.
struct LatencyVerdict {
  bool judged = false;
  bool slow = false;
};
LatencyVerdict judge_latency(model::FailureCause cause, bool cold, base::Duration latency, base::Duration objective);

}  // namespace marea::router
