// The world `drain`: may an instance end, a deploy replace, a role die, without a request being lost? The real Fleet
// (engine), the real Muster, Revision, Instance and RouteTable (router), the real planner, books and verdicts (control)
// run in virtual time; around them sandboxes, sockets, probes, workers, links, keeper and the control role's glue are
// modelled after the code that carries their actions out. Each seed draws its own mix of services, load and faults.
//
// Invariants, looked at whenever something happens (sim/drain/referee.h): a draining instance gets nothing new; none is
// told to end with requests in it before its deadline; none holds more than its concurrency; no more instances than the
// plan's maximum and the machine allow; no healthy instance is called failed; each request ends, by its deadline, and
// is lost only by router's death or the app's own fault. When the faults stop, everything comes to rest: every victim
// has ended, every service answers.
#pragma once

#include <cstdint>
#include <iosfwd>

#include "sim/world.h"

namespace marea::sim::drain {

// What a world is broken by on purpose, so that a test can see the invariants fail.
enum class Defect {
  none,
  kills_without_quiet,     // engine does not wait for router's word
  gives_to_draining,       // a worker does not look at the flag
  gives_beyond_slots,      // a worker does not look at the count
  never_kills,             // SIGTERM and SIGKILL go nowhere
  ignores_maximum,         // engine's plan allows more than control's
  loses_a_grant,           // a worker forgets a slot that it was given
  retires_before_applied,  // control does not wait for router's new routes
  deletes_at_once,         // control does not wait for those who wait for the service
  forgets_quiet,           // router does not report the last request's end
};

Verdict run(std::uint64_t seed, std::ostream* trace);
Verdict run_with(Defect defect, std::uint64_t seed, std::ostream* trace);

}  // namespace marea::sim::drain
