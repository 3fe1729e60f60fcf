// What served of a service at any instant, and how it came to: a line for each change, written when it was decided,
// numbered without gaps, and never changed but for the time of its confirmation. A line stands alone: it holds what
// revisions, which are removed before their history, no longer tell. Value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong_id.h"
#include "model/manifest.h"
#include "model/release.h"

namespace marea::model {

struct ServingShare {
  base::RevisionName revision;
  std::uint32_t weight = 0;  // of 10,000; 0: only a tag or a rule leads to it
  std::string digest;        // of its image
  std::string commit;        // of its source; empty: not known
  friend bool operator==(const ServingShare&, const ServingShare&) = default;
};

// A tag or a rule, by its name.
struct ServingWay {
  std::string name;
  std::string to;  // a revision, or what else a rule leads to (model::MatchTarget)
  friend bool operator==(const ServingWay&, const ServingWay&) = default;
};

struct Serving {
  std::vector<ServingShare> shares;  // empty: nothing served
  std::vector<ServingWay> tags;
  std::vector<ServingWay> rules;  // in their order
  std::string release;            // that divides the traffic; empty: none does
  int step = -1;                  // of its ladder, from 0; its size: all of it is passed; -1: no release
  friend bool operator==(const Serving&, const Serving&) = default;
};

// Why a line was written.
enum class TimelineCause : std::uint8_t {
  found,          // what already served when a marea that keeps a history began, or nothing below explains it
  deploy_asked,   // a new revision: it serves only when it is ready
  deployed,       // it is ready
  deploy_failed,  // it will not be
  release_step,
  promoted,
  rolled_back,
  release_ended,  // in any other way
  traffic,        // the split was set by hand
  configuration,  // of the service, beside its template and its split
  deleting,
  deleted,
};
inline constexpr std::size_t kTimelineCauses = 12;

struct TimelineLine {
  base::ServiceName service;
  std::int64_t number = 0;             // from 1 on; goes on when a service of the name is created anew
  std::int64_t unix_ns = 0;            // when it was decided and stored; router follows within milliseconds
  std::int64_t confirmed_unix_ns = 0;  // when every worker of router was known to serve so; 0: not yet, or never
  TimelineCause cause = TimelineCause::found;
  ReleaseActor actor = ReleaseActor::platform;
  std::string who;                   // of a person or a gate: its name
  std::string why;                   // in words
  base::RevisionName revision;       // that it is about; empty: none
  std::string release;               // that it is about; empty: none
  std::string proof;                 // on which a step was left: ReleaseProof's word
  std::vector<std::string> changed;  // fields that differ from before, in words
  std::vector<std::string> report;   // of a rollback: what had changed since the release began
  Serving serving;                   // from this line on
  friend bool operator==(const TimelineLine&, const TimelineLine&) = default;
};

// What happened to the platform itself.
enum class PlatformEventKind : std::uint8_t {
  control_started,
  version_changed,   // of marea
  machine_started,   // it was rebooted
  router_restarted,  // a router connected again while control ran
  engine_restarted,
  logs_restarted,
  disk_full,      // more than the share that marea fills
  disk_free,      // …no longer
  store_refused,  // the disk did not take a change
};
inline constexpr std::size_t kPlatformEventKinds = 9;

struct PlatformEvent {
  std::int64_t number = 0;
  std::int64_t unix_ns = 0;
  PlatformEventKind kind = PlatformEventKind::control_started;
  std::string detail;
  friend bool operator==(const PlatformEvent&, const PlatformEvent&) = default;
};

std::string_view to_string(TimelineCause value);
std::string_view to_string(PlatformEventKind value);
std::optional<TimelineCause> timeline_cause(std::string_view word);
std::optional<PlatformEventKind> platform_event_kind(std::string_view word);

// The split in words: "hola-00001-abc 99%, hola-00002-xyz 1%"; empty when nothing serves.
std::string print_split(const Serving& serving);

// What is in a line beside service, number, times and cause. Members that have nothing to say are left out; reading
// ignores unknown ones, so that older and newer mareas read each other's.
Json timeline_document(const TimelineLine& line);
// False: it is not of that form. `out` keeps what the document does not say.
bool read_timeline_document(const Json& document, TimelineLine& out);

}  // namespace marea::model
