#include "sim/drain/referee.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace marea::sim::drain {
namespace {

// Between the last request's end and SIGTERM: messages, and roles that die and come back meanwhile.
constexpr base::Duration kMostIdleDrain = std::chrono::seconds(10);

const char* word(Answer answer) {
  switch (answer) {
    case Answer::served: return "served";
    case Answer::refused: return "refused";
    case Answer::failed: return "failed";
    case Answer::unknown_host: return "unknown host";
    case Answer::broken_by_app: return "broken by the app";
    case Answer::gone_by_router: return "gone with router";
  }
  return "?";
}

bool excused(Answer answer, const Excuse& excuse) {
  switch (answer) {
    case Answer::served:
    case Answer::refused: return true;
    case Answer::failed: return excuse.app || excuse.absent;
    case Answer::unknown_host: return excuse.absent;
    case Answer::broken_by_app: return excuse.app;
    case Answer::gone_by_router: return excuse.router;
  }
  return false;
}

}  // namespace

std::string Referee::stamp() const {
  char text[32];
  const auto since = timeline_.now().time_since_epoch() - std::chrono::seconds(1000);
  std::snprintf(text, sizeof text, "%.6f", std::chrono::duration<double>(since).count());
  return text;
}

void Referee::note(const std::string& text) const {
  if (trace_ != nullptr) *trace_ << stamp() << " " << text << "\n";
}

void Referee::wrong(const std::string& what) {
  note("WRONG: " + what);
  if (content()) verdict_ = {Ending::wrong, "at " + stamp() + " s: " + what};
}

void Referee::stuck(const std::string& what) {
  note("STUCK: " + what);
  if (content()) verdict_ = {Ending::stuck, "at " + stamp() + " s: " + what};
}

void Referee::drains(const base::InstanceId& id) {
  draining_.emplace(id, timeline_.now());
}

void Referee::acknowledges_drain(const base::InstanceId& id) {
  acknowledged_.insert(id);
}

void Referee::given(const base::InstanceId& id) {
  if (acknowledged_.contains(id)) wrong("a request is given to " + id.str() + ", which drains, as router knows");
}

void Referee::told_to_end(const base::InstanceId& id, int requests, bool ill, base::Duration drain_time) {
  const auto since = draining_.find(id);
  if (requests == 0 && since != draining_.end()) {
    const auto empty = empty_.find(id);
    const base::Instant idle = std::max(since->second, empty == empty_.end() ? since->second : empty->second);
    if (timeline_.now() - idle > kMostIdleDrain) wrong(id.str() + " drained for long with nothing in it");
  }
  if (requests == 0 || ill) return;
  if (since != draining_.end() && timeline_.now() - since->second >= drain_time) return;
  wrong(id.str() + " is told to end with " + std::to_string(requests) + " requests in it, before its deadline");
}

void Referee::emptied(const base::InstanceId& id) {
  empty_[id] = timeline_.now();
}

void Referee::ended(const base::InstanceId& id) {
  draining_.erase(id);
  empty_.erase(id);
  acknowledged_.erase(id);  // the name may be drawn again
}

void Referee::answered(const std::string& request, Answer answer, const Excuse& excuse, const std::string& why) {
  ++answers_[answer];
  if (tracing()) note(request + " " + word(answer) + (why.empty() ? "" : ": " + why));
  if (!excused(answer, excuse)) wrong(request + " is lost: " + word(answer) + (why.empty() ? "" : ": " + why));
}

int Referee::count(Answer answer) const {
  const auto found = answers_.find(answer);
  return found == answers_.end() ? 0 : found->second;
}

std::string Referee::summary() const {
  std::string out;
  for (const auto& [answer, count] : answers_) {
    out += (out.empty() ? "" : ", ") + std::to_string(count) + " " + word(answer);
  }
  return out;
}

}  // namespace marea::sim::drain
