// Which revisions and instances there are, how many more are wanted, which are ready, which may go: router's decisions
// as one value that does nothing itself. Events go in, each with the moment it happened; actions come out of
// take_actions() and are carried out by roster.cc, which also calls tick() at next_deadline(). No I/O, no clock, no
// thread; what it shares with the workers, Instance and Revision, it alone adds, removes, drains and calls ready.
//
//   muster.open({.id = id, .revision = name}, now);   // → Watch
//   muster.ready(id, now);                            // → ToEngine{InstanceReady}, Dispatch
//   muster.drain({id, epoch}, now);                   // → Unwatch, ToEngine{Quiet} once nothing is in flight
//
// An instance that engine says to drain gets nothing new from that event on, and is reported quiet exactly once: now,
// or when its last request ends. An instance whose revision no routes name yet waits for them. What engine does not
// name over a new link before it says all_named() is gone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "decide/scale.h"
#include "model/routes.h"
#include "net/ledger.h"
#include "net/messages.h"
#include "router/affinity.h"
#include "router/instance.h"
#include "router/muster_action.h"
#include "router/revision.h"

namespace marea::router {

inline constexpr base::Duration kMusterTick = std::chrono::milliseconds(100);
inline constexpr base::Duration kLoadEvery = std::chrono::milliseconds(200);  // five reports a second at most
// After its last request a throttled instance keeps its CPU so long: the next one of a caller comes sooner.
inline constexpr base::Duration kRestAfter = std::chrono::milliseconds(100);
inline constexpr base::Duration kAskAgain = std::chrono::seconds(1);  // a wish that engine did not fulfil
inline constexpr int kSocketStock = 8;                                // asked for at a time, at least
inline constexpr std::size_t kMostDetail = 300;                       // of what a probe says, as control hears it
inline constexpr std::size_t kMostUnplaced = 1024;                    // instances whose route has not come yet

class Muster {
 public:
  // Where instances that come from now on count their requests; without it each counts for itself. Outlives them.
  void set_ledger(net::Ledger* ledger) { ledger_ = ledger; }

  // By which revisions and instances that come from now on are marked.
  void set_affinity_key(const AffinityKey& key) { affinity_key_ = key; }

  // engine
  void engine_linked(base::Instant now);
  void open(const net::msg::InstanceOpen& message, base::Instant now);
  void drain(const net::msg::InstanceDrain& message, base::Instant now);
  void closed(const net::msg::InstanceClosed& message, base::Instant now);
  void all_named(base::Instant now);
  void sockets_came(const base::InstanceId& id);
  void starts_failing(const net::msg::StartsFailing& message, base::Instant now);
  void demand_refused(const net::msg::DemandRefused& message, base::Instant now);
  void machine_busy(const net::msg::MachineBusy& message) { machine_ = message; }

  // control. After set_routes(), live() knows all revisions of the routes; adopted() once all workers route by them. A
  // new link gets all loads again.
  void set_routes(const model::Routes& routes, base::Instant now);
  void adopted(std::uint64_t version);
  void control_linked(base::Instant now);

  // probes
  void ready(const base::InstanceId& id, base::Instant now);
  void unready(const net::msg::InstanceUnready& message);
  // Its readiness probe fails: it gets nothing new until ready(), and is not ended for it.
  void unavailable(const base::InstanceId& id, std::string detail, base::Instant now);

  // workers. What they tell may be of an instance that is no longer here: their words and engine's cross.
  void somebody_waits(const std::shared_ptr<Revision>& revision, base::Instant now);
  void quiet(const base::InstanceId& id);
  void sockets_low(const std::shared_ptr<Instance>& instance);
  void connect_refused(const base::InstanceId& id);
  void woken(const base::InstanceId& id);

  // time
  void tick(base::Instant now);
  base::Instant next_deadline() const { return tick_at_; }  // Instant::max(): nothing is due

  std::vector<Action> take_actions() { return std::exchange(actions_, {}); }
  // Null when there is none.
  std::shared_ptr<Revision> live(const base::RevisionName& name) const;
  std::shared_ptr<Instance> find(const base::InstanceId& id) const;
  // It is open, and its route has not come yet.
  bool unplaced(const base::InstanceId& id) const;

 private:
  struct Kind {  // a revision
    model::RevisionRoute route;
    std::shared_ptr<Revision> live;
    decide::Scale scale;
    int members = 0;
    int asked = 0;
    base::Instant asked_at{};
    std::shared_ptr<const Refusal> refusal;
    base::Instant refused_until{};
    net::msg::RevisionLoad reported;
    bool retired = false;  // no longer in the routes; kept while instances of it live
  };
  struct Member {  // an instance
    std::shared_ptr<Instance> shared;
    std::shared_ptr<Revision> revision;
    std::uint64_t epoch = 0;
    bool sockets_asked = false;
    bool stale = false;  // not yet named by a new engine
    int reported = -1;
    bool started = false;                    // it was ready once
    model::RevisionRoute route;              // by which it is watched
    std::optional<std::string> unavailable;  // why its readiness probe fails
    bool availability_told = true;           // to control
    base::Instant asked_at{};                // when its start was asked for
    base::Instant retire_asked{};
  };

  void ask_sockets(Member& member);
  void forget(const base::InstanceId& id, base::Instant now);
  void follow_route(Member& member, const model::RevisionRoute& route);
  void let_rest(base::Instant now);
  void rouse(const Member& member);
  bool has_member(const Revision& revision) const;
  Kind* find_kind(const base::RevisionName& name);

  // muster_scale.cc: how many, and what callers and control hear of it
  struct Away {  // instances that are there, and of no use to those who wait
    int instances = 0;
    int in_flight = 0;
    std::string why;  // of one of them
  };
  decide::ScaleWish wish(Kind& kind, const std::vector<std::shared_ptr<Instance>>& instances, const Away& away,
                         base::Instant now);
  void settle(Kind& kind, base::Instant now);
  void refuse(Kind& kind, Refusal refusal, base::Instant until, base::Instant now);
  void settle_refusal(Kind& kind, base::Instant now);
  void report(bool all);

  void to_engine(net::RouterToEngine message) { actions_.emplace_back(act::ToEngine{std::move(message)}); }
  void to_control(net::RouterToControl message) { actions_.emplace_back(act::ToControl{std::move(message)}); }
  void wake(base::Instant now) { tick_at_ = std::min(tick_at_, now + kMusterTick); }

  net::Ledger* ledger_ = nullptr;
  AffinityKey affinity_key_;
  std::map<base::RevisionName, Kind> kinds_;
  std::map<base::InstanceId, Member> members_;
  std::vector<net::msg::InstanceOpen> unplaced_;
  base::Instant tick_at_ = base::Instant::max();
  net::msg::MachineBusy machine_;  // as engine last said
  base::Instant reported_at_{};
  std::vector<Action> actions_;
};

}  // namespace marea::router
