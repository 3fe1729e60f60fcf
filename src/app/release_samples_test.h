// For tests: a Release as the API prints it, at its second step.
#pragma once

#include "app/cli_output.h"
#include "base/clock.h"

namespace marea::app::testing {

// 42 s after its step began, 78 s before it ends.
inline constexpr base::WallTime kSampleNow{1'795'698'072'250'000'000};

inline Json sample_arm(int requests, int keys, int failed) {
  return {{"requests", requests},
          {"keys", keys},
          {"failed", failed},
          {"slow", 2},
          {"latency", {{"keys", keys}, {"p50Ms", 4.1}, {"p95Ms", 12.0}, {"p99Ms", 31.4}}}};
}

inline Json sample_release(const std::string& name = "web-00002") {
  Json status = {{"phase", "stepping"},
                 {"attempt", 1},
                 {"step", 2},
                 {"ladderSteps", 3},
                 {"weight", "5%"},
                 {"sinceTime", "2026-11-26T13:00:30.250Z"},
                 {"deadlineTime", "2026-11-26T13:02:30.250Z"},
                 {"verdict", "not yet"},
                 {"riskBound", 3.2},
                 {"steps", {{{"weight", "1%"}, {"proof", "proven good"}}, {{"weight", "5%"}}}},
                 {"evidence",
                  {{"stable", sample_arm(7900, 812, 4)},
                   {"canary", sample_arm(410, 44, 1)},
                   {"tests",
                    {{{"name", "failures"},
                      {"eValue", 12.1},
                      {"limit", 144.0},
                      {"proof", {{"eValue", 0.5}, {"limit", 25.0}}},
                      {"absolute", {{"eValue", 2.0}, {"limit", 100.0}}}},
                     {{"name", "shape"}, {"distance", 0.01}, {"limit", 0.04}}}},
                   {"sampleRatio", {{"eValue", 0.8}, {"limit", 1000}, {"mistrusted", false}}},
                   {"wouldChange", "about 60 more keys without failures prove it good"}}},
                 {"history",
                  {{{"time", "2026-11-26T13:00:00Z"}, {"event", "created"}, {"why", "web-00002 beside web-00001"}},
                   {{"time", "2026-11-26T13:00:30Z"},
                    {"actor", "judge"},
                    {"event", "advanced"},
                    {"weight", "5%"},
                    {"why", "proven good"}}}},
                 {"lastKnownStable", "web-00001"}};
  return {{"apiVersion", "marea.dev/v1"},
          {"kind", "Release"},
          {"metadata", {{"name", name}, {"creationTimestamp", "2026-11-26T13:00:00Z"}}},
          {"spec",
           {{"service", "web"},
            {"stable", "web-00001"},
            {"canary", "web-00002"},
            {"policy", {{"strategy", "canary"}, {"ladder", {{{"weight", "1%"}}, {{"weight", "5%"}}, "25%"}}}}}},
          {"status", std::move(status)}};
}

}  // namespace marea::app::testing
