#include "sim/drain/stage.h"

#include <utility>

#include "sim/drain/control_role.h"
#include "sim/drain/engine_role.h"
#include "sim/drain/router_role.h"

namespace marea::sim::drain {

using net::Role;
using std::chrono::milliseconds;

namespace {

constexpr double kDeathPerStep = 0.002;

}  // namespace

Stage::Stage(std::uint64_t seed, Defect planted, std::ostream* trace)
    : dice(seed), referee(timeline, trace), defect(planted), machine(*this) {}

Stage::~Stage() = default;

bool Stage::alive(Role role) const {
  switch (role) {
    case Role::engine: return engine != nullptr;
    case Role::router: return router != nullptr;
    case Role::control: return control != nullptr;
    case Role::keeper:
    case Role::logs:
    case Role::builder: return false;
  }
  return false;
}

void Stage::start_all() {
  for (const Role role : {Role::engine, Role::router, Role::control}) start(role);
}

void Stage::start(Role role) {
  ++life(role);
  if (referee.tracing()) referee.note(std::string(net::to_string(role)) + " starts");
  if (role == Role::engine) {
    engine = std::make_unique<EngineRole>(*this);
    engine->adopt_all();
    if (!engine) return;
  }
  if (role == Role::router) router = std::make_unique<RouterRole>(*this);
  if (role == Role::control) control = std::make_unique<ControlRole>(*this);
  if (role != Role::control && alive(Role::engine) && alive(Role::router)) link_engine_router();
  if (role != Role::router && alive(Role::engine) && alive(Role::control)) link_engine_control();
  if (role != Role::engine && alive(Role::router) && alive(Role::control)) link_router_control();
}

void Stage::kill(Role role) {
  if (!alive(role)) return;
  ++life(role);
  if (referee.tracing()) referee.note(std::string(net::to_string(role)) + " dies");
  const auto bury_later = [this](auto& role_object) {
    role_object->die();
    graveyard_.push_back(std::move(role_object));
  };
  if (role == Role::engine) {
    ++engine_deaths;
    bury_later(engine);
  }
  if (role == Role::router) bury_later(router);
  if (role == Role::control) bury_later(control);
  timeline.in(dice.between(milliseconds(5), milliseconds(dice.chance(0.1) ? 2000 : 400)),
              [this, role] { start(role); });
}

bool Stage::strikes(Role role) {
  if (calm) return false;
  const bool mortal = (role == Role::engine && mix.engine_dies) || (role == Role::router && mix.router_dies) ||
                      (role == Role::control && mix.control_dies);
  if (!mortal || !alive(role) || !dice.chance(kDeathPerStep)) return false;
  kill(role);
  return true;
}

void Stage::bury() {
  graveyard_.clear();
}

// Keeper's words to a role that lives now; if it dies before it has read them, what they carried is closed.
void Stage::hand(Role role, std::function<void()> what, std::function<void()> otherwise) {
  base::Instant& told = told_.at(static_cast<std::size_t>(role));
  told = std::max(told, timeline.now() + draw(dice, kSocket));
  timeline.at(told, [this, role, number = life(role), what = std::move(what), otherwise = std::move(otherwise)] {
    life(role) == number ? what() : otherwise();
  });
}

void Stage::link_engine_router() {
  auto link = make_link<ToRouter, net::RouterToEngine>(timeline, dice);
  hand(Role::engine, [this, link] { engine->link_router(link); }, [link]() mutable { link.close(); });
  auto other = link.other();
  hand(Role::router, [this, other] { router->link_engine(other); }, [other]() mutable { other.close(); });
}

void Stage::link_engine_control() {
  auto link = make_link<net::EngineToControl, net::ControlToEngine>(timeline, dice);
  hand(Role::engine, [this, link] { engine->link_control(link); }, [link]() mutable { link.close(); });
  auto other = link.other();
  hand(Role::control, [this, other] { control->link_engine(other); }, [other]() mutable { other.close(); });
}

void Stage::link_router_control() {
  auto link = make_link<net::RouterToControl, net::ControlToRouter>(timeline, dice);
  hand(Role::router, [this, link] { router->link_control(link); }, [link]() mutable { link.close(); });
  auto other = link.other();
  hand(Role::control, [this, other] { control->link_router(other); }, [other]() mutable { other.close(); });
}

}  // namespace marea::sim::drain
