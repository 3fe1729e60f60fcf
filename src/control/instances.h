// What is known of all instances: soft state, filled by engine's reports and router's loads, forgotten with the
// process. Ended instances stay visible for a while, because a person asks about them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/deploy_check.h"
#include "model/instance.h"
#include "net/messages.h"

namespace marea::control {

inline constexpr int kMostEndedPerRevision = 8;
inline constexpr std::size_t kMostEarlyLoads = 1024;  // as many as router knows instances before their route
inline constexpr base::Duration kEndedShown = std::chrono::minutes(15);
inline constexpr base::Duration kInspected = std::chrono::hours(24);  // of a canary that was taken back

struct InstanceEntry {
  model::InstanceReport report;
  int in_flight = 0;
  std::optional<std::string> unready;          // why its readiness probe fails: it gets no new request
  std::int64_t readiness_changed_unix_ns = 0;  // when router told that it fails or passes again; 0: it never did
  bool stale = false;                          // not yet confirmed over the newest link to engine
  bool was_up = false;                         // it served once: its end is no failed start
  std::optional<Failure> failure;              // of a failed one, once its last output was read
  base::Instant ended{};                       // when a failed one was reported so
};

// What is shown of it: engine knows whether the app runs, router whether it has something to do and is ready for it.
// "prepared", "starting", "running", "idle", "frozen", "unready", "draining", "failed", "stopped".
std::string_view state_of(const InstanceEntry& entry);

class Instances {
 public:
  // Adds or replaces. A `stopped` instance is forgotten, and an instance that is up forgets the failed ones before it.
  void report(const model::InstanceReport& report, base::Instant now);
  void set_failure(const base::InstanceId& id, Failure failure);
  // A new attempt begins: what failed before says nothing about it.
  void forget_failed(const base::RevisionName& revision) { forget_failed(revision, 0); }
  // As router tells it, which may be before engine does. True: whether it is ready for requests changed.
  bool set_load(const net::msg::InstanceLoad& load, std::int64_t now_unix_ns);

  // A new link to engine begins: what it does not report again before finish_listing() has ended unseen. Gives the
  // revisions that lost an instance this way.
  void begin_listing();
  std::vector<base::RevisionName> finish_listing();
  // A new link to router begins: it counts from zero.
  void clear_loads();
  // Forgets what ended longer than kEndedShown ago, or kInspected where `inspected` says so of its revision; gives the
  // revisions concerned.
  std::vector<base::RevisionName> expire(base::Instant now,
                                         const std::function<bool(const base::RevisionName&)>& inspected);

  const InstanceEntry* find(const base::InstanceId& id) const;
  const std::map<base::InstanceId, InstanceEntry>& all() const { return entries_; }
  // Oldest first.
  std::vector<const InstanceEntry*> of(const base::RevisionName& revision) const;

 private:
  using Entries = std::map<base::InstanceId, InstanceEntry>;
  Entries::iterator erase(Entries::iterator entry);
  void forget_failed(const base::RevisionName& revision, std::size_t keep);
  void keep_early(const net::msg::InstanceLoad& load);
  void apply_early(InstanceEntry& entry);

  Entries entries_;
  std::map<base::RevisionName, std::vector<base::InstanceId>> by_revision_;
  std::deque<net::msg::InstanceLoad> early_;  // of instances that engine has not told of, oldest first
};

}  // namespace marea::control
