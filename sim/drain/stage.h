// What all parts of the world share: time, dice, the referee, what outlives the roles, and the roles that live.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/routes.h"
#include "net/messages.h"
#include "sim/dice.h"
#include "sim/drain/drain.h"
#include "sim/drain/machine.h"
#include "sim/drain/pipe.h"
#include "sim/drain/referee.h"
#include "sim/drain/registry.h"
#include "sim/drain/run_folder.h"
#include "sim/timeline.h"

namespace marea::sim::drain {

class EngineRole;
class RouterRole;
class ControlRole;

// Engine's messages to router carry descriptors; here their number does.
struct ToRouter {
  net::EngineToRouter message;
  int sockets = 0;
};
using EngineRouterEnd = End<ToRouter, net::RouterToEngine>;
using EngineControlEnd = End<net::EngineToControl, net::ControlToEngine>;
using RouterControlEnd = End<net::RouterToControl, net::ControlToRouter>;

// Which faults this seed has: a world with all of them would excuse everything.
struct Mix {
  bool app_faults = false;      // starts that fail, apps that crash or stop listening
  bool sandbox_faults = false;  // preparations that fail or hang
  bool engine_dies = false;
  bool router_dies = false;
  bool control_dies = false;
  bool deploys = false;
  bool deletes = false;
};

class Stage {
 public:
  Stage(std::uint64_t seed, Defect planted, std::ostream* trace);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // ---- keeper
  void start_all();
  void kill(net::Role role);
  // A role asks at each step whether it dies here. True: it is dead.
  bool strikes(net::Role role);
  // Between two events: what died is destroyed.
  void bury();

  Timeline timeline;
  Dice dice;
  Referee referee;
  const Defect defect;
  Mix mix;
  bool calm = false;  // no more faults
  int engine_deaths = 0;
  Machine machine;
  Registry registry;                    // control's store and what was announced of it
  std::optional<model::Routes> routes;  // router's file
  RunFolder run;                        // engine's
  std::unique_ptr<EngineRole> engine;
  std::unique_ptr<RouterRole> router;
  std::unique_ptr<ControlRole> control;

 private:
  void start(net::Role role);
  void hand(net::Role role, std::function<void()> what, std::function<void()> otherwise);
  void link_engine_router();
  void link_engine_control();
  void link_router_control();
  std::uint64_t& life(net::Role role) { return lives_.at(static_cast<std::size_t>(role)); }
  bool alive(net::Role role) const;

  std::array<std::uint64_t, 6> lives_{};  // grows with each start and each death
  std::array<base::Instant, 6> told_{};   // keeper's words to one role arrive in order
  std::vector<std::shared_ptr<void>> graveyard_;
};

// A role that lives: what it has put off does not happen once it is dead.
class Life {
 public:
  explicit Life(Stage& stage) : stage_(stage) {}
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;
  virtual ~Life() = default;
  bool dead() const { return !alive_; }
  virtual void die() { alive_.reset(); }

 protected:
  void later(base::Duration after, std::function<void()> what) {
    stage_.timeline.in(after, [token = std::weak_ptr<int>(alive_), what = std::move(what)] {
      if (!token.expired()) what();
    });
  }
  base::Instant now() const { return stage_.timeline.now(); }

  Stage& stage_;

 private:
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace marea::sim::drain
