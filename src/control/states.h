// What control knows of each service and each revision beside what is stored, and the bounds of its work.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/command.h"
#include "control/recent_requests.h"
#include "control/release_entry.h"
#include "control/timeline.h"
#include "decide/burn_rate.h"
#include "model/routes.h"
#include "net/loop.h"
#include "store/records.h"

namespace marea::control {

inline constexpr base::Duration kDeleteWait = std::chrono::seconds(5);            // for a router that does not answer
inline constexpr base::Duration kOutputSettles = std::chrono::milliseconds(200);  // logs reads a dead app's pipe
inline constexpr base::Duration kCheckSlack = std::chrono::seconds(30);           // beyond the startup probe's deadline
inline constexpr base::Duration kUnpackDeadline = std::chrono::minutes(10);
inline constexpr base::Duration kBuildDeadline = std::chrono::minutes(30);
inline constexpr base::Duration kResolveDeadline = std::chrono::minutes(6);    // beyond the builder's own
inline constexpr base::Duration kUsageBatch = std::chrono::milliseconds(200);  // accounts that are stored at once
inline constexpr base::Duration kUploadGrace = std::chrono::hours(1);  // from a blob's upload to its image's name
inline constexpr base::Duration kLastAnswers = std::chrono::milliseconds(200);  // of a control that gives up
inline constexpr base::Duration kRestoreRetry = std::chrono::minutes(10);  // of an image that a ready revision lacks
inline constexpr base::Duration kStoreRetry = std::chrono::seconds(1);     // after a write that the disk refused
inline constexpr base::Duration kReleaseLook = std::chrono::seconds(1);    // at releases that run: their time passes
inline constexpr base::Duration kJudgeStored = std::chrono::seconds(1);    // what its judge knows: so often at least
inline constexpr base::Duration kJudgeStoredInWatch = std::chrono::seconds(30);  // a day of that wears a disk less
inline constexpr std::size_t kMostReleasesPerService = 20;  // beyond it the oldest goes with its history
inline constexpr std::size_t kMostReleasePolicies = 1000;
// Counts of a release are shown anew once a second at most; of more releases than this together not so often.
inline constexpr std::int64_t kReleasesShownPerSecond = 20;
inline constexpr std::size_t kMostReleaseLines = 1000;  // of one history; people can make it grow
// So many requests within the last hour, one a minute, are traffic by which a new revision can be judged.
inline constexpr std::uint64_t kTrafficToJudge = 60;
// Stable keeps an instance for so long after a release went back to it: its requests come now.
inline constexpr base::Duration kWarmAfterRollback = std::chrono::minutes(5);
inline constexpr base::Duration kExperimentLook = std::chrono::seconds(1);     // at experiments whose time may be over
inline constexpr base::Duration kExperimentStored = std::chrono::seconds(30);  // what was counted, so often at most
inline constexpr std::size_t kMostExperiments = 1000;                          // with those that have ended
// A service that fails too often without a holdback is compared with stable so often at most.
inline constexpr base::Duration kBetweenComparisons = std::chrono::hours(1);
inline constexpr double kUsualBudget = 0.01;  // share of requests that may fail, where no objective says another
inline constexpr int kStartsToGiveUp = 3;     // of a canary that fail one after the other, none ready between

struct RevisionState {
  store::RevisionRecord record;
  bool preparing = false;         // a builder job unpacks its image
  bool checking = false;          // it shall prove that it starts
  std::uint64_t unrouted_in = 0;  // routes version that took its share away; 0: the router does not hold on to it
  int waiting = 0;                // requests that wait for a slot
  std::optional<std::uint64_t> answered;  // requests, as router told last
  std::uint64_t failed = 0;               // of them and beside them, by the app: the same
  std::unique_ptr<net::Timer> deadline;   // of the check
};

// What sends all requests of a service to one revision, as if somebody had written spec.traffic.
struct TrafficPin {
  base::RevisionName to;
  std::string what;                             // "cannot …", where it fails
  Author author;                                // of the commit
  std::optional<ReleaseEntry::Next> line;       // of a release's history
  std::optional<store::ExperimentRecord> ends;  // the experiment that ran
};

struct ServiceState {
  store::ServiceRecord record;
  std::vector<RevisionState> revisions;       // oldest first
  std::vector<model::RouteShare> shares;      // as published last
  std::vector<model::RouteShare> by_traffic;  // the same without the experiment that runs
  std::vector<std::string> unmet;             // revisions that traffic names and that cannot serve
  std::vector<ReleaseEntry> releases;         // oldest first; only the newest may run
  base::Instant judge_stored{};               // of the running one
  std::uint64_t judged_stored = 0;            // ticks that its judge had eaten then
  base::Instant warm_until{};                 // stable, after a release went back to it; 0: it is not
  int failed_starts = 0;                      // of the running release's canary, since an instance of it was ready
  RecentRequests recent;                      // of all its revisions
  std::unique_ptr<decide::BurnWindow> burn;   // of a promoted canary beside which there is nothing to compare with
  base::Instant burn_told{};                  // 0: it was not
  std::uint64_t routes_version = 0;           // in which its routes changed last
  std::unique_ptr<net::Timer> delete_deadline;
  std::vector<std::function<void(std::expected<Outcome, Refusal>)>> on_deleted;
};

}  // namespace marea::control
