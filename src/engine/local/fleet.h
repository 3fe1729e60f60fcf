// Which instances there are, and what becomes of each: the engine's decisions as one value that does nothing itself.
// Events go in, each with the moment it happened; actions come out of take_actions() and are carried out by
// engine_process.cc, which also calls tick() at next_deadline(). No I/O, no clock: a test drives it through a day in a
// millisecond.
//
//   fleet.demand({revision, 1, request_waiting}, moment);
//   for (Action& action : fleet.take_actions()) …           // Create, Report
//   fleet.sandbox_prepared(id, moment);                     // → Start, ToRouter{InstanceOpen}
//   fleet.ready(id, moment);                                // → Report{running}
//
// How many: as many as the plan wants (min, wanted) or router asks for, never more than the plan's maximum, never more
// than the machine bears. A draining instance that may still hold requests keeps its place below the maximum; one that
// was told to end keeps only its memory and its slot.
// Nor more at once than the machine bears: so many sandboxes in the making, and none for a revision that serves while
// the CPUs are taken by starts. What is held back goes on with the next start that is done, or the next reading.
//
// How one ends: InstanceDrain to router, Quiet from it (or the deadline: the revision's request timeout and a margin;
// without a router, a short grace), SIGTERM, after 10 s SIGKILL. The end of its sandbox is the end of it: only then
// router hears InstanceClosed and control the final report.
//
// What fails: a start that does not become ready counts, with its reason; the next one waits 1 s, 2 s, … 60 s, and
// router hears StartsFailing. Readiness resets that. An instance that ends or hangs after it was ready is no failed
// start: who waits for it gets a new one at once, and what only the plan wants waits when that happens again soon.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "engine/local/fleet_action.h"
#include "engine/local/fleet_instance.h"
#include "engine/local/fleet_revision.h"
#include "engine/local/instance_record.h"
#include "engine/local/machine_load.h"
#include "engine/local/sandbox.h"
#include "model/plan.h"
#include "net/role.h"

namespace marea::engine::local {

inline constexpr base::Duration kTermGrace = std::chrono::seconds(10);      // Cloud Run's, between SIGTERM and SIGKILL
inline constexpr base::Duration kPrepareTime = std::chrono::seconds(30);    // a sandbox takes 10–50 ms
inline constexpr base::Duration kVerdictMargin = std::chrono::seconds(10);  // for router's own deadlines to come first
inline constexpr base::Duration kRouterGrace = std::chrono::seconds(5);   // a lost router is back within it, or is not
inline constexpr base::Duration kKillAgain = std::chrono::seconds(5);     // an end that does not come is asked again
inline constexpr base::Duration kDemandLife = std::chrono::seconds(2);    // router repeats a wish each second
inline constexpr base::Duration kLookEvery = std::chrono::seconds(2);     // at the sockets of a silent app
inline constexpr base::Duration kMismatchTime = std::chrono::seconds(8);  // elsewhere for so long is its final choice
inline constexpr base::Duration kStableTime = std::chrono::seconds(60);   // ready for so long: a crash is a new story

// What the machine bears.
struct FleetLimits {
  std::int64_t memory_bytes = 0;  // for the sum of the instances' memory limits
  int slots = net::kMostInstanceSlots;
  int starts = net::kMostInstanceSlots;  // sandboxes in the making at once
  std::int64_t memory_floor = 0;         // of what the machine has available, untouched by an instance's limit
};

// How often each was met, since this engine began.
struct FleetHits {
  std::uint64_t memory = 0;  // a wish found no room: once, and again each time that router repeats it
  std::uint64_t starts = 0;  // a revision began to wait for other starts
};

// From here on the CPUs count as taken: a revision that already serves waits for more instances while so many are
// young, for each CPU. Where requests take the CPUs, which shows in what instances use, a start takes what they need;
// and a revision whose own requests take them gains nothing by more instances than a few for each CPU.
inline constexpr int kBusyPermille = 950;
inline constexpr int kBusyByRequests = 500;
inline constexpr int kMostYoung = 3;
inline constexpr int kFewPerCpu = 2;
inline constexpr base::Duration kStaleLook = std::chrono::seconds(1);
inline constexpr base::Duration kYoung = std::chrono::seconds(10);  // most apps are up by then, the others wait

class Fleet {
 public:
  // `random` names instances; it outlives the fleet.
  Fleet(FleetLimits limits, base::Random& random) : limits_(limits), random_(&random) {}

  // An earlier engine's instance, from what that wrote down; its sandbox is there, or its end follows at once. It goes
  // on where it was, a stop with what is left of its grace. All of them come before the first plan. False: the record
  // cannot be true, nothing happened.
  bool adopt(const InstanceRecord& record, Moment moment);
  // What the next engine must know of an instance; the sandbox's part is the executor's to add.
  InstanceRecord record(const base::InstanceId& id) const;

  // control
  void apply(const model::Plan& plan, Moment moment);
  void remove(const net::msg::DeleteInstance& message, Moment moment);
  void control_linked();
  void control_lost(Moment moment);

  // router. What is unknown or too late is ignored: its words and ours cross on the way.
  void router_linked(Moment moment);
  void router_lost(Moment moment);
  void demand(const net::msg::Demand& message, Moment moment);
  void ready(const base::InstanceId& id, Moment moment);
  void unready(const net::msg::InstanceUnready& message, std::vector<model::ListeningSocket> listening, Moment moment);
  void retire(const net::msg::Retire& message, Moment moment);
  void quiet(const net::msg::Quiet& message, Moment moment);

  // sandboxes
  void sandbox_prepared(const base::InstanceId& id, Moment moment);
  void sandbox_started(const base::InstanceId& id, Moment moment);
  void sandbox_ended(const base::InstanceId& id, const SandboxEnd& end, Moment moment);
  void looked(const base::InstanceId& id, std::vector<model::ListeningSocket> listening, Moment moment);
  // A sidecar has ended or does not answer: the instance ends, with the requests that are in it first.
  void sidecar_failed(const base::InstanceId& id, const SandboxEnd& end, Moment moment);

  // the machine. Before machine(): what the instances of each revision that is held back have used so far.
  std::vector<base::RevisionName> those_held_back() const;
  void used(const base::RevisionName& revision, base::Duration cpu, Moment moment);
  void machine(const MachineLoad& load, Moment moment);

  // time
  void tick(Moment moment);
  base::Instant next_deadline() const;  // Instant::max(): nothing is due

  // The platform ends: drains all, so that all have ended within `grace`. Nothing is started any more.
  void stop_all(base::Duration grace, Moment moment);

  std::vector<Action> take_actions() { return std::exchange(actions_, {}); }
  const std::map<base::InstanceId, FleetInstance>& instances() const { return instances_; }
  const FleetHits& hits() const { return hits_; }
  // Whether router may use it: it gets sockets for it.
  bool open(const base::InstanceId& id) const;

 private:
  // fleet_plan.cc: how many
  void take(FleetRevision& revision, const model::Revision& content, Moment moment);
  void settle(FleetRevision& revision, Moment moment);
  void shrink(FleetRevision& revision, Moment moment);
  void grow(FleetRevision& revision, Moment moment);
  void create(FleetRevision& revision, model::Reason reason, Moment moment);
  void report_full(FleetRevision& revision, Moment moment);
  void forget_unplanned(const base::RevisionName& name);
  base::Instant grant_end(Moment moment) const {
    return grants_for_ == base::Duration{0} ? base::Instant::max() : moment.now + grants_for_;
  }
  bool granted(Moment moment) const { return control_linked_ || moment.now < granted_until_; }
  bool has_slot() const { return std::cmp_less(instances_.size(), limits_.slots); }
  bool has_memory(const FleetRevision& revision) const;
  HeldBack held_back(const FleetRevision& revision, Moment moment) const;
  void resume(Moment moment);
  int count(const FleetRevision& revision, bool (FleetInstance::*which)() const) const;
  int free_slot();
  base::InstanceId new_id(const base::RevisionName& revision);

  // fleet_end.cc: how one ends
  void drain(FleetInstance& instance, model::Reason reason, Moment moment, std::string detail = {});
  void stop(FleetInstance& instance, base::Duration grace, Moment moment);
  void fail(FleetInstance& instance, model::Reason reason, std::string detail, Moment moment);
  void count_failed_start(FleetRevision& revision, const FleetInstance& instance, Moment moment);
  void count_crash(FleetRevision& revision, const FleetInstance& instance, Moment moment);
  base::Instant drain_deadline(const FleetInstance& instance, Moment moment) const;

  void expire(FleetInstance& instance, Moment moment);
  void report(FleetInstance& instance, Moment moment);
  void tell_failing(const FleetRevision& revision, Moment moment);
  void to_router(net::EngineToRouter message) { actions_.emplace_back(act::ToRouter{std::move(message)}); }
  FleetInstance* find(const base::InstanceId& id);
  FleetRevision& revision_of(const FleetInstance& instance) { return revisions_.at(instance.revision->name); }

  FleetLimits limits_;
  FleetHits hits_;
  MachineLoad machine_;
  base::Random* random_;
  std::map<base::RevisionName, FleetRevision> revisions_;
  std::set<base::RevisionName> hungry_;  // those with less than the plan wants, or short of room: few of ten thousand
  std::map<base::InstanceId, FleetInstance> instances_;
  std::vector<bool> slots_ = std::vector<bool>(net::kMostInstanceSlots);
  int next_slot_ = 0;
  std::uint64_t epoch_ = 0;
  bool router_linked_ = false;
  base::Instant router_lost_at_{};
  bool control_linked_ = false;
  base::Duration grants_for_{};                         // 0: they do not end
  base::Instant granted_until_ = base::Instant::max();  // while control is away
  std::optional<base::Instant> quiet_by_;               // set while all are stopped
  base::Duration term_grace_ = kTermGrace;
  std::vector<Action> actions_;
};

}  // namespace marea::engine::local
