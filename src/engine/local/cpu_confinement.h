// Which instances compute, and whether they keep off the machine's first CPU. Requests are a chain of short wake-ups
// (client, router, app and back), and each link of it waits for a time slice, 3 to 4 ms, where an instance computes
// on every CPU there is; with one CPU free of those that compute, the chain runs there. What computes loses nothing, as
// together they may not use more than the others anyway. Pure but for what it remembers. Decision 32.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"

namespace marea::engine::local {

inline constexpr int kComputesPermille = 250;  // of one CPU, in kLooksToCompute looks one after the other
inline constexpr int kLooksToCompute = 2;      // a start that takes 50 ms of CPU is none
inline constexpr base::Duration kCalm = std::chrono::seconds(3);  // so long it must compute no more
inline constexpr base::Duration kShortestLook = std::chrono::milliseconds(50);

struct CpuUse {
  base::InstanceId id;
  base::Duration cpu{};        // used since its start
  std::int64_t milli_cpu = 0;  // its limit
};

struct Confined {
  base::InstanceId id;
  bool confined = false;
  bool operator==(const Confined&) const = default;
};

class CpuConfinement {
 public:
  // `uses`: of all instances or some; `cpus`: the machine's. Gives what changes: all that compute keep off the first
  // CPU while their limits fit into the others, else nobody does.
  std::vector<Confined> look(const std::vector<CpuUse>& uses, int cpus, base::Instant now);
  void forget(const base::InstanceId& id) { seen_.erase(id); }
  // Some instance computes or is confined: looks must go on.
  bool watching() const;
  int confined() const;

 private:
  struct Seen {
    base::Duration cpu{};
    base::Instant at{};
    std::int64_t milli_cpu = 0;
    int looks = 0;                   // one after the other in which it computed
    base::Instant computed_until{};  // for which it is taken to compute
    bool confined = false;
  };
  void look_at(const CpuUse& use, base::Instant now);
  std::map<base::InstanceId, Seen> seen_;
};

}  // namespace marea::engine::local
