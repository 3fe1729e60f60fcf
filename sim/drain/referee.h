// Sees everything that happens in the world, from outside of all roles, and knows what may not happen. Keeps no account
// that a role could have given it: only what sandboxes hold, what clients got, and which words were said.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/strong_id.h"
#include "sim/timeline.h"
#include "sim/world.h"

namespace marea::sim::drain {

enum class Answer {
  served,
  refused,         // 429: a limit
  failed,          // 503, 504 by router: no instance could be had
  unknown_host,    // 404
  broken_by_app,   // the app's process ended or hung up
  gone_by_router,  // router died
};

// What may excuse an answer that is not the app's.
struct Excuse {
  bool app = false;     // its revision's starts or instances failed by themselves, or the machine did
  bool absent = false;  // its service was not there, or had no ready revision, at some moment of its life
  bool router = false;  // router died while it was there
};

class Referee {
 public:
  Referee(const Timeline& timeline, std::ostream* trace) : timeline_(timeline), trace_(trace) {}

  void note(const std::string& text) const;
  bool tracing() const { return trace_ != nullptr; }
  void wrong(const std::string& what);
  void stuck(const std::string& what);
  // The first thing that was not right.
  const Verdict& verdict() const { return verdict_; }
  bool content() const { return verdict_.ending == Ending::passed; }

  // ---- instances
  void drains(const base::InstanceId& id);              // engine told router
  void acknowledges_drain(const base::InstanceId& id);  // router has taken it in
  void router_died() { acknowledged_.clear(); }
  void given(const base::InstanceId& id);  // a worker has a slot of it for a request
  // engine tells it to end; `ill`: the app does not serve any more.
  void told_to_end(const base::InstanceId& id, int requests, bool ill, base::Duration drain_time);
  void emptied(const base::InstanceId& id);  // its last request has left it
  void ended(const base::InstanceId& id);

  // ---- requests
  void answered(const std::string& request, Answer answer, const Excuse& excuse, const std::string& why);
  int count(Answer answer) const;
  std::string summary() const;

 private:
  std::string stamp() const;

  const Timeline& timeline_;
  std::ostream* trace_;
  Verdict verdict_;
  std::map<base::InstanceId, base::Instant> draining_;
  std::map<base::InstanceId, base::Instant> empty_;  // since when
  std::set<base::InstanceId> acknowledged_;          // by the router that lives
  std::map<Answer, int> answers_;
};

}  // namespace marea::sim::drain
