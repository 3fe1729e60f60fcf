// The story of one seed: services with load, faults and changes for a while; then calm, until everything rests; then
// each service must answer once more.
#include "sim/drain/drain.h"

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/drain/control_role.h"
#include "sim/drain/engine_role.h"
#include "sim/drain/router_role.h"
#include "sim/drain/stage.h"

namespace marea::sim::drain {
namespace {

using net::Role;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kMostEvents = 400'000;            // of one run: more are a loop
constexpr base::Duration kRest = seconds(150);  // the longest backoff of starts is 60 s, the longest drain 25 s

class Story {
 public:
  Story(Defect defect, std::uint64_t seed, std::ostream* trace) : stage_(seed, defect, trace) {}

  Verdict tell() {
    draw_mix();
    stage_.start_all();
    stage_.timeline.in(milliseconds(50), [this] { begin(); });
    const base::Instant calm_at = stage_.timeline.now() + stage_.dice.between(seconds(5), seconds(25));
    run_until(calm_at);
    stage_.calm = true;
    stage_.referee.note("calm");
    for (int i = 0; i < 30 && !rests().empty(); ++i) run_until(stage_.timeline.now() + kRest / 30);
    if (const std::string restless = rests(); !restless.empty()) stage_.referee.stuck(restless);
    run_until(stage_.timeline.now() + kRest / 2);
    last_requests();
    Verdict verdict = stage_.referee.verdict();
    if (verdict.ending == Ending::passed) verdict.what = stage_.referee.summary();
    return verdict;
  }

 private:
  void draw_mix() {
    Dice& dice = stage_.dice;
    stage_.mix = {.app_faults = dice.chance(0.3),
                  .sandbox_faults = dice.chance(0.3),
                  .engine_dies = dice.chance(0.3),
                  .router_dies = dice.chance(0.3),
                  .control_dies = dice.chance(0.3),
                  .deploys = dice.chance(0.7),
                  .deletes = dice.chance(0.3)};
    const int instances = dice.chance(0.25) ? 3 + dice.roll(4) : 40;
    stage_.registry.crowded = instances < 40;
    stage_.machine.memory_bytes = instances * Machine::kInstanceBytes;
  }

  void begin() {
    const int services = 1 + stage_.dice.roll(3);
    for (int i = 0; i < services; ++i) add_service();
    change_something();
    die_at_times();
  }

  void run_until(base::Instant until) {
    for (; stage_.referee.content() && stage_.timeline.step(until); ++events_) {
      stage_.bury();
      if (events_ >= kMostEvents) stage_.referee.stuck("the events have no end");
    }
  }

  // ---- what people do

  model::Revision make_revision(const base::ServiceName& service) {
    Dice& dice = stage_.dice;
    model::Revision out;
    out.name = base::RevisionName(service.str() + "-" + std::to_string(++revisions_));
    out.service = service;
    out.image = {.digest = "sha256:0", .rootfs = "/image"};
    out.spec.concurrency = 1 + dice.roll(4);
    out.spec.max_scale = 1 + dice.roll(4);
    out.spec.min_scale = dice.chance(0.3) ? std::min(1 + dice.roll(2), out.spec.max_scale) : 0;
    out.spec.timeout = dice.between(seconds(6), seconds(12));
    out.spec.idle_timeout = dice.between(milliseconds(300), seconds(4));
    out.spec.container.limits.memory_bytes = Machine::kInstanceBytes;
    model::Probe& startup = out.spec.container.startup;
    startup.declared = true;
    startup.period = dice.between(seconds(4), seconds(8));
    startup.failure_threshold = 1;
    return out;
  }

  void add_service() {
    if (!stage_.control) return;
    const base::ServiceName name("s" + std::to_string(++services_));
    const model::Service service{.name = name,
                                 .labels = {},
                                 .annotations = {},
                                 .hosts = {name.str()},
                                 .revision_template = {},
                                 .traffic = {{.revision = {}, .latest = true, .weight = 10'000, .tag = {}}}};
    stage_.referee.note("create " + name.str());
    stage_.control->create(service, make_revision(name));
    send_requests(name, stage_.dice.between(milliseconds(15), milliseconds(250)),
                  stage_.dice.between(milliseconds(1), milliseconds(120)));
  }

  void change_something() {
    stage_.timeline.in(stage_.dice.around(seconds(2)), [this] {
      if (stage_.calm) return;
      if (stage_.control && !stage_.registry.services.empty()) change_one();
      change_something();
    });
  }

  void change_one() {
    auto row = std::next(stage_.registry.services.begin(),
                         stage_.dice.roll(static_cast<int>(stage_.registry.services.size())));
    const base::ServiceName name = row->first;
    if (row->second.deleting) return;
    if (stage_.mix.deletes && stage_.dice.chance(0.25)) {
      stage_.referee.note("delete " + name.str());
      stage_.control->remove(name);
      if (services_ < 6)
        stage_.timeline.in(seconds(1), [this] {
          if (!stage_.calm) add_service();
        });
    } else if (stage_.mix.deploys) {
      stage_.referee.note("deploy " + name.str());
      stage_.control->deploy(name, make_revision(name));
    }
  }

  void die_at_times() {
    stage_.timeline.in(stage_.dice.around(seconds(4)), [this] {
      if (stage_.calm) return;
      if (stage_.mix.engine_dies && stage_.dice.chance(0.4)) stage_.kill(Role::engine);
      if (stage_.mix.router_dies && stage_.dice.chance(0.3)) stage_.kill(Role::router);
      if (stage_.mix.control_dies && stage_.dice.chance(0.4)) stage_.kill(Role::control);
      die_at_times();
    });
  }

  // ---- what clients do: open loop, with pauses in which everything may fall to zero

  void send_requests(const base::ServiceName& name, base::Duration every, base::Duration work) {
    const bool pause = stage_.dice.chance(0.02);
    const base::Duration next = pause ? stage_.dice.between(seconds(1), seconds(6)) : stage_.dice.around(every);
    stage_.timeline.in(next, [this, name, every, work] {
      if (stage_.calm || !stage_.registry.services.contains(name)) return;
      const bool crowd = stage_.dice.chance(0.03);
      for (int i = 0; i < (crowd ? 12 : 1); ++i) send(name, stage_.dice.around(work));
      send_requests(name, every, work);
    });
  }

  void send(const base::ServiceName& name, base::Duration work) {
    Request request{.number = ++requests_, .service = name, .work = work};
    if (!stage_.router || !stage_.router->accepts()) {
      backlog_.push_back(std::move(request));
    } else {
      // Those that waited in the listening socket come first.
      std::vector<Request> waiting = std::exchange(backlog_, {});
      waiting.push_back(std::move(request));
      for (Request& each : waiting) {
        if (stage_.router) stage_.router->accept(std::move(each));
      }
    }
  }

  // ---- the end

  // Why the world does not rest; empty: it does.
  std::string rests() {
    if (!stage_.engine || !stage_.router || !stage_.control) return "a role is not there";
    if (!backlog_.empty()) {
      for (Request& each : std::exchange(backlog_, {})) stage_.router->accept(std::move(each));
    }
    if (stage_.router->open_requests() > 0) return stage_.router->waiting_for();
    if (!stage_.control->settled()) return "a change is not done";
    std::map<base::RevisionName, int> wanted;
    for (const auto& [name, row] : stage_.registry.services) {
      const store::RevisionRecord* last = nullptr;  // the one with the traffic
      for (const store::RevisionRecord& one : row.revisions) {
        if (one.result == store::RevisionResult::ready) last = &one;
      }
      if (last != nullptr) wanted[last->revision.name] = last->revision.spec.min_scale;
    }
    return stage_.machine.leftovers(wanted, !stage_.registry.crowded);
  }

  void last_requests() {
    const int served = stage_.referee.count(Answer::served);
    int expected = 0;
    for (const auto& [name, row] : stage_.registry.services) {
      if (!stage_.referee.content()) return;
      if (!stage_.registry.answers(name)) continue;
      ++expected;
      send(name, milliseconds(5));
    }
    run_until(stage_.timeline.now() + seconds(20));
    // On a machine that is too small for all of them, one may be told so.
    if (stage_.router->open_requests() > 0) stage_.referee.stuck(stage_.router->waiting_for());
    if (!stage_.registry.crowded && stage_.referee.count(Answer::served) < served + expected) {
      stage_.referee.stuck("a service does not answer when all faults are over");
    }
  }

  Stage stage_;
  int events_ = 0;
  int services_ = 0;
  int revisions_ = 0;
  int requests_ = 0;
  std::vector<Request> backlog_;
};

}  // namespace

Verdict run_with(Defect defect, std::uint64_t seed, std::ostream* trace) {
  return Story(defect, seed, trace).tell();
}

Verdict run(std::uint64_t seed, std::ostream* trace) {
  return run_with(Defect::none, seed, trace);
}

}  // namespace marea::sim::drain
