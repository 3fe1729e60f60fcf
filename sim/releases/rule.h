// Something that moves traffic to a canary by what it sees of it: marea's own code, or one of those beside it. All of
// them get the same sticky split, so that they differ in nothing but how they decide.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "decide/key_ledger.h"
#include "model/release.h"
#include "sim/releases/site.h"

namespace marea::sim::releases {

// A request on its way.
struct Visit {
  base::Duration at{};
  std::uint64_t key = 0;     // the fingerprint
  std::uint64_t number = 0;  // the rule's own
  std::uint16_t bucket = 0;
  bool canary = false;
  decide::KeyOrigin origin = decide::KeyOrigin::elsewhere;
  base::Duration objective{};  // that held when it came
};

enum class Way : std::uint8_t { running, promoted, rolled_back, over };  // over: given back without being found bad

struct Standing {
  Way way = Way::running;
  base::Duration since{};                                 // of the way, if it is not running
  std::optional<base::Duration> promoted;                 // when, also if it was rolled back later
  std::optional<base::Duration> proven;                   // when it was called proven good for the first time
  model::ReleaseProof proof = model::ReleaseProof::none;  // of a promoted one: the weakest
  bool finished = false;                                  // nothing will change any more
};

class Rule {
 public:
  Rule() = default;
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;
  virtual ~Rule() = default;

  // The canary's share for a request that comes now. `at` never goes back, here as in all others.
  virtual model::Weight weight(base::Duration at) = 0;
  virtual void began(Visit& visit) = 0;
  virtual void ended(const Visit& visit, const Answer& answer, base::Duration at) = 0;
  virtual void canary_crashed(base::Duration at) = 0;
  // At the end of each tick; and at least as often as look_every() says where nothing happens.
  virtual void look(base::Duration at) = 0;
  virtual base::Duration look_every() const { return std::chrono::seconds(1); }
  virtual const Standing& standing() const = 0;
};

}  // namespace marea::sim::releases
