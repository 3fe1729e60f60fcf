// What an instance has used, put together from what the fleet, the ledger and its cgroup know of it. Pure.
#pragma once

#include "base/clock.h"
#include "engine/local/fleet_instance.h"
#include "engine/local/sandbox.h"
#include "model/usage.h"
#include "net/ledger.h"

namespace marea::engine::local {

// The ledger is router's word: no time of it is longer than the instance's life.
model::Usage usage_of(const FleetInstance& instance, const net::LedgerReading& reading, const SandboxUse& use,
                      base::Instant now);

}  // namespace marea::engine::local
