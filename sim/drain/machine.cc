#include "sim/drain/machine.h"

#include <utility>

#include "sim/drain/engine_role.h"
#include "sim/drain/stage.h"

namespace marea::sim::drain {

using model::Reason;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

void Machine::later(const base::InstanceId& id, base::Duration after, std::function<void(Box&)> what) {
  stage_.timeline.in(after, [this, id, number = boxes_.at(id).number, what = std::move(what)] {
    const auto found = boxes_.find(id);
    if (found != boxes_.end() && found->second.number == number) what(found->second);
  });
}

void Machine::trouble(const Box& box) {
  stage_.registry.troubled.insert(box.revision->name);
}

// ---- engine

void Machine::create(const engine::local::act::Create& order) {
  int alive = 1;
  for (const auto& [id, box] : boxes_) {
    if (box.revision->name == order.revision->name && !box.told_to_end) ++alive;
  }
  const auto most = maximum_.find(order.revision->name);
  if (most == maximum_.end() || alive > most->second) {
    stage_.referee.wrong(order.id.str() + " is one more than its revision's maximum");
  }
  if (static_cast<std::int64_t>(boxes_.size() + 1) * kInstanceBytes > memory_bytes) {
    stage_.referee.wrong(order.id.str() + " is more than the machine has memory for");
  }
  Box& box = boxes_[order.id];
  box.number = next_++;
  box.revision = order.revision;
  const bool faulty = stage_.mix.sandbox_faults && !stage_.calm;
  if (faulty && stage_.dice.chance(0.04)) {
    trouble(box);
    later(order.id, stage_.dice.between({}, milliseconds(50)),
          [this, id = order.id](Box&) { end(id, Reason::sandbox_failed); });
    return;
  }
  if (faulty && stage_.dice.chance(0.01)) {  // it hangs
    trouble(box);
    return;
  }
  later(order.id, stage_.dice.between(milliseconds(5), milliseconds(60)), [this, id = order.id](Box& made) {
    made.prepared = true;
    if (stage_.engine) stage_.engine->prepared(id);
  });
}

void Machine::start(const base::InstanceId& id) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end() || found->second.started) return;
  found->second.started = true;
  if (stage_.engine) stage_.engine->started(id);
  if (stage_.mix.app_faults && !stage_.calm && stage_.dice.chance(0.06)) {
    trouble(found->second);
    found->second.unwell = true;
    if (stage_.dice.chance(0.5)) return;  // it never listens
    later(id, stage_.dice.between({}, milliseconds(300)), [this, id](Box&) { end(id, Reason::app_exited); });
    return;
  }
  const base::Duration slow = stage_.dice.chance(0.1) ? base::Duration(seconds(3)) : base::Duration(milliseconds(200));
  later(id, stage_.dice.between(microseconds(500), slow), [this, id](Box& box) {
    box.listening = !box.told_to_end;
    misfortune(id);
  });
}

// What may still happen to an app that runs.
void Machine::misfortune(const base::InstanceId& id) {
  if (!stage_.mix.app_faults || stage_.calm || !stage_.dice.chance(0.25)) return;
  const base::Duration when = stage_.dice.around(seconds(5));
  if (stage_.dice.chance(0.6)) {
    later(id, when, [this, id](Box& crashed) {
      if (stage_.calm) return;
      trouble(crashed);
      end(id, Reason::app_exited);
    });
    return;
  }
  later(id, when, [this, id](Box& ill) {
    if (stage_.calm) return;
    trouble(ill);
    ill.listening = false;
    ill.unwell = true;
    stage_.referee.note(id.str() + " stops listening");
    later(id, stage_.dice.between(milliseconds(100), seconds(15)),
          [](Box& well) { well.listening = !well.told_to_end; });
  });
}

void Machine::stop(const base::InstanceId& id, base::Duration grace) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end()) return;
  Box& box = found->second;
  if (!box.told_to_end) {
    const base::Duration drain_time = box.revision->spec.timeout + engine::local::kVerdictMargin;
    stage_.referee.told_to_end(id, static_cast<int>(box.requests.size()), box.unwell, drain_time);
  }
  const bool first = !std::exchange(box.told_to_end, true);
  if (stage_.defect == Defect::never_kills) return;
  box.listening = false;
  if (first && !stage_.dice.chance(0.1)) {  // else it ignores SIGTERM
    later(id, stage_.dice.between(microseconds(200), milliseconds(50)), [this, id](Box&) { end(id, Reason::none); });
  }
  box.kill_at = std::min(box.kill_at, stage_.timeline.now() + grace);
  later(id, box.kill_at - stage_.timeline.now(), [this, id](Box&) { end(id, Reason::none); });
}

bool Machine::listening(const base::InstanceId& id) const {
  const auto found = boxes_.find(id);
  return found != boxes_.end() && found->second.listening;
}

void Machine::end(const base::InstanceId& id, Reason reason) {
  const auto found = boxes_.find(id);
  const Box box = std::move(found->second);
  boxes_.erase(found);
  if (stage_.referee.tracing()) stage_.referee.note(id.str() + " ends: " + std::string(to_string(reason)));
  stage_.referee.ended(id);
  for (const auto& [request, broken] : box.requests) broken();
  unseen_[id] = reason;
  stage_.timeline.in(stage_.dice.between({}, milliseconds(5)), [this, id] { tell_end(id); });
}

void Machine::tell_end(const base::InstanceId& id) {
  const auto found = unseen_.find(id);
  if (found == unseen_.end() || !stage_.engine) return;
  const Reason reason = found->second;
  unseen_.erase(found);
  stage_.engine->ended(id, {.reason = reason});
}

void Machine::adopt(const std::set<base::InstanceId>& known) {
  for (auto box = boxes_.begin(); box != boxes_.end();) {
    if (known.contains(box->first)) {
      ++box;
      continue;
    }
    if (!box->second.requests.empty()) stage_.referee.wrong(box->first.str() + " serves and is not adopted");
    stage_.referee.ended(box->first);
    box = boxes_.erase(box);
  }
  std::erase_if(unseen_, [&](const auto& each) { return !known.contains(each.first); });
  for (const base::InstanceId& id : known) {
    if (!boxes_.contains(id)) unseen_.emplace(id, Reason::none);
  }
  for (const auto& [id, reason] : unseen_) {
    stage_.timeline.in(stage_.dice.between({}, milliseconds(5)), [this, id] { tell_end(id); });
  }
}

// ---- router

bool Machine::serve(const base::InstanceId& id, int request, std::function<void()> broken) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end() || !found->second.listening) return false;
  Box& box = found->second;
  box.requests.emplace(request, std::move(broken));
  if (static_cast<int>(box.requests.size()) > box.revision->spec.concurrency) {
    stage_.referee.wrong(id.str() + " holds " + std::to_string(box.requests.size()) +
                         " requests, more than its concurrency");
  }
  return true;
}

void Machine::leave(const base::InstanceId& id, int request) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end() || found->second.requests.erase(request) == 0) return;
  if (found->second.requests.empty()) stage_.referee.emptied(id);
}

void Machine::router_died() {
  for (auto& [id, box] : boxes_) {
    if (!box.requests.empty()) stage_.referee.emptied(id);
    box.requests.clear();
  }
}

// ---- the end of the world

int Machine::running(const base::RevisionName& revision) const {
  int count = 0;
  for (const auto& [id, box] : boxes_)
    count += box.revision->name == revision && box.listening && !box.told_to_end ? 1 : 0;
  return count;
}

std::string Machine::leftovers(const std::map<base::RevisionName, int>& wanted, bool all) const {
  std::map<base::RevisionName, int> have;
  for (const auto& [id, box] : boxes_) {
    if (box.told_to_end) return id.str() + " was told to end and did not";
    const auto most = wanted.find(box.revision->name);
    if (++have[box.revision->name] > (most == wanted.end() ? 0 : most->second)) return id.str() + " lives for nothing";
  }
  for (const auto& [revision, count] : wanted) {
    if (all && running(revision) < count) return revision.str() + " has fewer instances than its minimum";
  }
  return {};
}

}  // namespace marea::sim::drain
