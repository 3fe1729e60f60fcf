// A fleet with a clock that is moved by hand, whose actions read as text: instances are called a, b, c … in the order
// in which they were made.
//
//   world.demand("r", 1);
//   EXPECT_EQ(world.said(), "create a, a starting RequestWaiting");
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/local/fleet.h"

namespace marea::engine::local {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline model::Revision make_revision(const std::string& name, std::int64_t memory_mib = 100) {
  model::Revision out;
  out.name = base::RevisionName(name);
  out.service = base::ServiceName("s");
  out.spec.container.limits.memory_bytes = memory_mib << 20;
  return out;
}

class FleetWorld {
 public:
  explicit FleetWorld(FleetLimits limits = {.memory_bytes = 1000LL << 20, .slots = 20}) : fleet(limits, random_) {
    fleet.router_linked(now());
  }

  Moment now() const { return {.now = clock.now(), .wall = clock.wall()}; }
  // Gives it the next letter, if it has none.
  std::string name_of(const base::InstanceId& id) { return name(id); }
  base::InstanceId id(char letter) const { return ids_.at(static_cast<std::size_t>(letter - 'a')); }

  // `instances`: what they use of it; unless told, all.
  void busy(int permille, std::int64_t available = -1, std::optional<int> instances = std::nullopt) {
    fleet.machine({.memory_available = available,
                   .cpus = 2,
                   .busy_permille = permille,
                   .instances_permille = instances.value_or(permille)},
                  now());
  }
  void plan(std::vector<model::RevisionPlan> revisions) {
    fleet.apply({.number = 1, .revisions = std::move(revisions)}, now());
  }
  void plan(const std::string& name, int max, int wanted = 0) {
    plan({{.revision = make_revision(name), .max = max, .wanted = wanted, .reason = model::Reason::deploy_check}});
  }
  void demand(const std::string& revision, int wanted) {
    fleet.demand({base::RevisionName(revision), wanted, model::Reason::request_waiting}, now());
  }
  void prepared(char letter) {
    fleet.sandbox_prepared(id(letter), now());
    fleet.sandbox_started(id(letter), now());
  }
  void ready(char letter) { fleet.ready(id(letter), now()); }
  void unready(char letter, model::Reason reason, std::vector<model::ListeningSocket> listening = {}) {
    fleet.unready({id(letter), reason, "router says so"}, std::move(listening), now());
  }
  void retire(char letter) { fleet.retire({id(letter), model::Reason::idle_timeout}, now()); }
  void quiet(char letter) { fleet.quiet({id(letter), fleet.instances().at(id(letter)).epoch}, now()); }
  void remove(char letter) { fleet.remove({id(letter), model::Reason::deleted}, now()); }
  void ended(char letter, SandboxEnd end = {}) { fleet.sandbox_ended(id(letter), end, now()); }
  void exited(char letter, int code) {
    ended(letter, {.reason = model::Reason::app_exited, .detail = "", .exit = model::ExitStatus{.code = code}});
  }
  // a, b, … are up and what was said of it is forgotten.
  void run(const std::string& letters) {
    remember();
    for (const char letter : letters) {
      prepared(letter);
      ready(letter);
    }
    said();
  }

  // Moves time on, stopping at each deadline of the fleet as its executor does.
  void pass(base::Duration by) {
    const base::Instant until = clock.now() + by;
    for (int turns = 0; fleet.next_deadline() <= until; ++turns) {
      ASSERT_LT(turns, 1000) << "the fleet's deadline does not move";
      clock.advance(std::max(base::Duration{0}, fleet.next_deadline() - clock.now()));
      fleet.tick(now());
      remember();
    }
    clock.advance(until - clock.now());
  }

  // Everything since the last call.
  std::string said() {
    remember();
    std::string out;
    for (const Action& action : std::exchange(actions_, {})) {
      const std::string text = std::visit([this](const auto& each) { return describe(each); }, action);
      out += (out.empty() ? "" : ", ") + text;
    }
    return out;
  }
  // The reports alone, with their details.
  std::vector<model::InstanceReport> reports() {
    remember();
    std::vector<model::InstanceReport> out;
    for (const Action& action : std::exchange(actions_, {})) {
      if (const auto* report = std::get_if<act::Report>(&action)) out.push_back(report->report);
    }
    return out;
  }
  void remember() {
    for (Action& action : fleet.take_actions()) {
      if (const auto* report = std::get_if<act::Report>(&action)) name(report->report.id);
      actions_.push_back(std::move(action));
    }
  }

 private:
  base::SeededRandom random_{7};

 public:
  base::ManualClock clock;
  Fleet fleet;

 private:
  std::string name(const base::InstanceId& id) {
    auto found = std::ranges::find(ids_, id);
    if (found == ids_.end()) {
      ids_.push_back(id);
      found = ids_.end() - 1;
    }
    return std::string(1, static_cast<char>('a' + (found - ids_.begin())));
  }
  static std::string in_seconds(base::Duration duration) {
    return std::to_string(std::chrono::duration_cast<seconds>(duration).count()) + "s";
  }
  std::string describe(const act::Create& each) { return "create " + name(each.id); }
  std::string describe(const act::Start& each) { return "start " + name(each.id); }
  std::string describe(const act::Look& each) { return "look " + name(each.id); }
  std::string describe(const act::Stop& each) { return "stop " + name(each.id) + " " + in_seconds(each.grace); }
  std::string describe(const act::Report& each) {
    return name(each.report.id) + " " + std::string(to_string(each.report.state)) + " " +
           std::string(to_string(each.report.reason));
  }
  std::string describe(const act::ToRouter& each) {
    return std::visit([this](const auto& message) { return told(message); }, each.message);
  }
  std::string told(const net::msg::InstanceOpen& each) {
    return "open " + name(each.id) + (each.ready ? " ready" : "");
  }
  std::string told(const net::msg::InstanceDrain& each) { return "drain " + name(each.id); }
  std::string told(const net::msg::InstanceClosed& each) { return "closed " + name(each.id); }
  std::string told(const net::msg::Sockets& each) { return "sockets " + name(each.id); }
  std::string told(const net::msg::StartsFailing& each) {
    if (each.failures == 0) return each.revision.str() + " starts again";
    return each.revision.str() + " fails " + std::to_string(each.failures) + " for " + in_seconds(each.retry_after) +
           " " + std::string(to_string(each.reason));
  }
  std::string told(const net::msg::InstancesDone& /*each*/) { return "all named"; }
  std::string told(const net::msg::DemandRefused& each) {
    return each.revision.str() + " gets " + std::to_string(each.granted) + " " + std::string(to_string(each.reason));
  }

  std::string told(const net::msg::MachineBusy& /*each*/) { return "busy"; }

  std::vector<base::InstanceId> ids_;
  std::vector<Action> actions_;
};

}  // namespace marea::engine::local
