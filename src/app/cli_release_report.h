// A Release of the API as values: all that the command line shows of one. Parts that the platform did not tell are
// absent; a document of another shape is a report with nothing in it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli_output.h"
#include "base/clock.h"
#include "model/release.h"

namespace marea::app {

// Of one arm since the release began.
struct ArmReport {
  std::string revision;
  std::string weight;  // its share now: "25%"
  std::optional<std::int64_t> requests;
  std::optional<std::int64_t> keys;
  std::optional<std::int64_t> failed;  // keys
  std::optional<std::int64_t> slow;    // the same
  std::string p50;                     // in ms: "4.1"; empty: nothing was timed in this step yet
  std::string p95;
  std::string p99;
};

// A value on its way to a limit; the limit 0: there is none.
struct LimitReport {
  double value = 1;
  double limit = 0;
};

// What one metric says.
struct TestReport {
  std::string name;       // "failures", "slow", "shape"
  bool distance = false;  // `worse` is no E-value
  LimitReport worse;      // bad at the limit
  LimitReport good;       // proven good while one of both is at its limit: compared with stable,
  LimitReport absolute;   // by itself
};

// How many more keys would change the verdict; absent: that many cannot be told.
struct DistanceReport {
  std::string name;  // of the test: "failures", "slow"
  bool proven = false;
  std::optional<std::int64_t> clean;  // of the canary without a hit, until proven
  std::optional<std::int64_t> alike;  // of it hit as often as stable's, until proven
  std::optional<std::int64_t> bad;    // of it that are hit, until bad
  std::optional<std::int64_t> lost;   // the same, until a proof is lost
};

struct RungReport {
  std::string weight;
  std::string proof;  // on which it was left; empty: it was not
};

struct HistoryReport {
  std::string time;  // RFC 3339
  std::string actor;
  std::string who;
  std::string event;
  std::string weight;
  std::string why;
};

struct ReleaseReport {
  std::string name;
  std::string service;
  std::optional<model::ReleasePhase> phase;
  std::string cause;   // the platform's words
  std::string detail;  //
  std::string verdict;
  std::string doubt;                         // of the verdict "cannot know"
  std::string change;                        // what would change `judged`, in the platform's words
  std::string judged;                        // the judge's verdict now
  std::optional<std::int64_t> missing_keys;  // of the arm that has too few
  std::vector<DistanceReport> distances;
  std::string gate;  // the open one
  int step = -1;     // of the ladder, from 0; -1: none yet; its size: promoted
  std::vector<RungReport> ladder;
  std::optional<base::Duration> in_phase;  // how long it has been in it
  std::optional<base::Duration> left;      // at most, of the phase
  bool endless = false;                    // paused until somebody resumes
  ArmReport stable;
  ArmReport canary;
  std::vector<TestReport> tests;
  std::optional<LimitReport> split;  // of the sample ratio: mistrusted at the limit
  std::optional<double> risk_bound;
  std::string last_known_stable;
  std::vector<std::string> changes;  // since it began, until it went back
  bool marked_bad = false;
  std::vector<HistoryReport> history;  // the newest lines of it, oldest first
  std::size_t history_left_out = 0;    // older ones

  bool over() const { return phase && model::is_over(*phase); }
  // The canary has all requests but the holdback, or had them when the release ended well.
  bool promoted() const;
};

// Times that are left are as seen at `now`.
ReleaseReport read_release_report(const Json& release, base::WallTime now);

}  // namespace marea::app
