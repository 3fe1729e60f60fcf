// What the API shows of services, revisions, instances and what became of them, of releases and their policies, ready
// to be sent: one text per object, with the resourceVersion of its last visible change, and a log of these changes for
// those who watch. Control says which service changed; settle() makes the new texts, and only a text that differs
// becomes a change.
//
// Bounds: the log keeps the newest kMostChanges changes or kMostChangeBytes; a watcher that is behind it has to read
// the list again (410 Gone), as has one with a version of an earlier life of this process.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "api/kinds.h"
#include "api/objects.h"
#include "api/selector.h"
#include "control/control.h"
#include "net/loop.h"

namespace marea::api {

inline constexpr std::size_t kMostChanges = 10'000;
inline constexpr std::size_t kMostChangeBytes = 32U << 20;
inline constexpr std::size_t kMostLineBytes = 8U << 20;  // of lines made for those who watch
inline constexpr std::size_t kMostEvents = 1'000;
inline constexpr base::Duration kEventsKept = std::chrono::hours(1);  // as Kubernetes
// Reports that come in a burst make one change; a watcher must hear of it within 100 ms.
inline constexpr base::Duration kSettleAfter = std::chrono::milliseconds(10);

using Text = std::shared_ptr<const std::string>;

struct Shown {
  std::uint64_t version = 0;
  std::string uid;
  Text text;
  Labels labels;
  std::string ready;  // "True", or "False" and why: so that an event can tell of the next
};

enum class ChangeType : std::uint8_t { added, modified, deleted };

// How an object is sent: as it is, or as the row of a table.
enum class Look : std::uint8_t { plain, table };

struct Change {
  std::uint64_t version = 0;
  ChangeType type = ChangeType::added;
  Kind kind = Kind::service;
  std::string name;
  Text text;
  Labels labels;
  Labels labels_before;  // of a modified one
  Text text_before;      // the same
  // Lines of a watch that were made already, by what was asked for: many watchers ask for the same.
  mutable std::map<std::string, Text> lines;
};

class Views {
 public:
  Views(net::Loop& loop, control::Control& control, Front front, std::size_t most_changes = kMostChanges);
  ~Views();
  Views(const Views&) = delete;
  Views& operator=(const Views&) = delete;

  // Brings what is shown up to date; before anything is read.
  void settle();
  struct EventWords {
    bool good = true;
    std::string reason;
    std::string message;
  };
  // Something became of the service that no object of it shows.
  void note(const std::string& service, EventWords words);
  // Pods are shown only when somebody looks: instances come and go more often than anything else.
  void want_pods();

  // By name. Configurations and routes are made from services: their names and versions are those.
  const std::map<std::string, Shown>& all(Kind kind) const;
  const Shown* find(Kind kind, const std::string& name) const;
  // The object as text; `kind` may be one that is made from another.
  static Text text_of(Kind kind, const Text& stored);
  // Which kind's objects and changes stand for it.
  static Kind stored_kind(Kind kind);

  // Changes with a higher version than this one are all in the log.
  std::uint64_t floor() const { return floor_; }
  std::uint64_t version() const { return control_.resource_version(); }
  // The first change after that version; null: there is none yet.
  const Change* next(std::uint64_t after) const;
  // Keeps a line that was made of a change in the log, as long as there is room.
  void keep_line(const Change& change, std::string key, Text line);

  // Called when the log has grown. The key is the caller's own.
  void listen(const void* key, std::function<void()> callback) { listeners_[key] = std::move(callback); }
  void forget(const void* key) { listeners_.erase(key); }
  std::size_t listeners() const { return listeners_.size(); }

 private:
  // All that a revision's object is made of.
  struct RevisionFacts {
    std::uint64_t version = 0;
    control::RevisionStatus status;
    friend bool operator==(const RevisionFacts&, const RevisionFacts&) = default;
  };
  // When a release's object must be made anew: it moved (each move is a line of its history), or control says that its
  // counts shall be shown (once a second at most, kReleasesShownPerSecond).
  struct ReleaseMark {
    std::size_t lines = 0;
    std::uint64_t shown = 0;
    base::RevisionName last_known_stable;
    friend bool operator==(const ReleaseMark&, const ReleaseMark&) = default;
  };
  struct Parts {
    std::map<std::string, RevisionFacts> revisions;
    std::map<std::string, ReleaseMark> releases;
    std::map<std::string, std::uint64_t> experiments;  // ExperimentEntry::changes()
    std::set<std::string> pods;
  };
  void turn();
  void refresh(const base::ServiceName& name);
  void refresh_pods(const control::RevisionState& revision, Parts& now);
  void refresh_releases(const control::ServiceState& service, const Parts& before, Parts& now);
  void refresh_experiments(const base::ServiceName& service, const Parts& before, Parts& now);
  void refresh_policies();
  void drop_service(const std::string& name);
  void put(Kind kind, const std::string& name, Json object);
  void remove(Kind kind, const std::string& name);
  void log(Change change);
  void drop_lines(const Change& change);
  void add_event(Kind kind, const Json& object, const Json& condition);
  // What of the release's history is new becomes events of its service.
  void add_release_events(const std::string& service, std::span<const store::ReleaseAuditRecord> lines);
  void put_event(Kind kind, const Json& metadata, EventWords words);
  void expire_events();
  std::map<std::string, Shown>& shown(Kind kind) { return shown_.at(static_cast<std::size_t>(kind)); }
  void tell();

  net::Loop& loop_;
  control::Control& control_;
  Front front_;
  std::size_t most_changes_;
  std::array<std::map<std::string, Shown>, kKinds.size()> shown_;
  std::map<std::string, Parts> parts_;
  std::set<base::ServiceName> dirty_;
  bool pods_wanted_ = false;
  net::Timer settle_;
  std::deque<Change> log_;
  std::size_t log_bytes_ = 0;
  std::size_t line_bytes_ = 0;
  std::uint64_t floor_ = 0;
  bool loading_ = true;  // what was there before is no change
  std::uint64_t told_ = 0;
  std::deque<std::pair<std::int64_t, std::string>> events_;  // when they were added, oldest first
  std::map<const void*, std::function<void()>> listeners_;
};

}  // namespace marea::api
