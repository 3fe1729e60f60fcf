// What instances have used, as a bill: Cloud Run's rules, applied to accounts that may come late, twice or never.
//
// Request-based billing (the default): the start of an instance, the time in which it has at least one request, and
// its stopping, in steps of 100 ms. Instance-based billing (run.googleapis.com/cpu-throttling: "false"): from its start
// to its end. Time that an instance is idle costs nothing, except what a minimum (min-scale) keeps it for, which is a
// line of its own: Cloud Run has a lower price for it.
//
// Source: https://cloud.google.com/run/pricing, https://cloud.google.com/run/docs/configuring/billing-settings
#pragma once

#include "model/usage.h"

namespace marea::decide {

// The account with what was told now. `kept`: the minimum of its revision is why it runs. What was told before
// changes nothing.
model::UsageAccount add(const model::UsageAccount& account, const model::Usage& told, bool kept);

model::Bill bill_of(const model::UsageAccount& account);
model::Bill sum(const model::Bill& a, const model::Bill& b);

}  // namespace marea::decide
