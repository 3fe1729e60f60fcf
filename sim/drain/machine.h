// The sandboxes and the apps in them: what engine asks of the machine, what router's connections find there. They
// outlive the roles. An app starts slowly or never, crashes, stops listening for a while, ignores SIGTERM.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "engine/local/fleet_action.h"
#include "engine/local/sandbox.h"
#include "model/revision.h"

namespace marea::sim::drain {

class Stage;

class Machine {
 public:
  static constexpr std::int64_t kInstanceBytes = 64LL << 20;

  explicit Machine(Stage& stage) : stage_(stage) {}

  // ---- engine
  void create(const engine::local::act::Create& order);
  void start(const base::InstanceId& id);
  void stop(const base::InstanceId& id, base::Duration grace);
  bool listening(const base::InstanceId& id) const;
  void set_maximum(const base::RevisionName& revision, int most) { maximum_[revision] = most; }
  void forget_maxima() { maximum_.clear(); }

  // ---- router
  // False: the connection is refused.
  bool serve(const base::InstanceId& id, int request, std::function<void()> broken);
  void leave(const base::InstanceId& id, int request);
  void router_died();

  std::int64_t memory_bytes = 0;
  bool empty() const { return boxes_.empty(); }
  int running(const base::RevisionName& revision) const;
  bool running_in(const base::InstanceId& id) const { return boxes_.contains(id); }
  // Why the world does not rest: an instance that was told to end, one too many, or, of `all` that are wanted, one too
  // few.
  std::string leftovers(const std::map<base::RevisionName, int>& wanted, bool all) const;
  bool adoptable(const base::InstanceId& id) const {
    const auto found = boxes_.find(id);
    return found == boxes_.end() || found->second.started;
  }
  // A new engine goes on with these; whatever else there is ends, unseen.
  void adopt(const std::set<base::InstanceId>& known);

 private:
  struct Box {
    std::uint64_t number = 0;  // to know it from another with the same id
    std::shared_ptr<const model::Revision> revision;
    bool prepared = false;
    bool started = false;
    bool listening = false;
    bool told_to_end = false;
    bool unwell = false;  // it did not serve at some time
    base::Instant kill_at = base::Instant::max();
    std::map<int, std::function<void()>> requests;
  };
  void later(const base::InstanceId& id, base::Duration after, std::function<void(Box&)> what);
  void end(const base::InstanceId& id, model::Reason reason);
  void misfortune(const base::InstanceId& id);
  void trouble(const Box& box);
  void tell_end(const base::InstanceId& id);

  Stage& stage_;
  std::map<base::InstanceId, Box> boxes_;
  std::map<base::RevisionName, int> maximum_;
  std::map<base::InstanceId, model::Reason> unseen_;  // ends that no engine has seen
  std::uint64_t next_ = 1;
};

}  // namespace marea::sim::drain
