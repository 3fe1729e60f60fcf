// What a ledger of keys is told and tells, as text, for its tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "decide/key_ledger.h"

namespace marea::decide {

// "tick weight | stable entered/at risk/failed/at risk slow/slow[/timed][ first requests: open,ended,gone] | canary … |
// keyless, if any: …[ | platform: stable's, canary's]"
inline std::string text_of(const model::ArmCounts& arm) {
  return std::to_string(arm.entered) + "/" + std::to_string(arm.at_risk) + "/" + std::to_string(arm.failed) + "/" +
         std::to_string(arm.at_risk_slow) + "/" + std::to_string(arm.slow) +
         (arm.timed > 0 ? "/" + std::to_string(arm.timed) : "") +
         (arm.open + arm.ended + arm.gone > 0
              ? " " + std::to_string(arm.open) + "," + std::to_string(arm.ended) + "," + std::to_string(arm.gone)
              : "");
}
inline std::string text_of(const model::ReleaseTick& tick) {
  std::string out = std::to_string(tick.number) + " " + std::to_string(tick.weight) + " | " +
                    text_of(tick.keyed.stable) + " | " + text_of(tick.keyed.canary);
  if (tick.keyless != model::StratumCounts{}) {
    out += " | keyless " + text_of(tick.keyless.stable) + " | " + text_of(tick.keyless.canary);
  }
  if (tick.platform[0] + tick.platform[1] > 0) {
    out += " | platform " + std::to_string(tick.platform[0]) + "," + std::to_string(tick.platform[1]);
  }
  return out;
}
inline std::vector<std::string> told(KeyLedger& ledger) {
  std::vector<std::string> out;
  for (const model::ReleaseTick& tick : ledger.take_ticks()) out.push_back(text_of(tick));
  return out;
}

// A weight of 10 %: bucket 0 is in the canary, bucket 5000 in stable.
inline constexpr std::uint32_t kCanary = 0;
inline constexpr std::uint32_t kStable = 5000;
inline KeyLedger ledger_of(std::uint32_t weight = 1000) {
  return KeyLedger({.weight = weight, .step = 1});
}
inline void admit_key(KeyLedger& ledger, std::uint64_t tick, std::uint64_t key, std::uint32_t bucket) {
  ledger.admitted({.tick = tick, .bucket = bucket, .key = key, .request = tick * 1000 + key, .canary = bucket < 1000});
}
inline void settle(KeyLedger& ledger, std::uint64_t tick, std::uint64_t key, std::uint32_t bucket,
                   model::FailureCause cause = model::FailureCause::none) {
  ledger.settled({.tick = tick,
                  .bucket = bucket,
                  .key = key,
                  .request = tick * 1000 + key,
                  .canary = bucket < 1000,
                  .cause = cause});
}

}  // namespace marea::decide
