#include "router/outcome.h"

#include <gtest/gtest.h>

namespace marea::router {
namespace {

using model::FailureCause;
using model::Reason;
using std::chrono::milliseconds;

TEST(Outcome, answers_of_routers_own_have_a_cause) {
  struct Row {
    const char* what;
    int status;
    Reason reason;
    bool waiting;
    FailureCause cause;
  };
  for (const Row& row : std::vector<Row>{
           {"the app closed the connection before it answered", 502, Reason::none, false, FailureCause::app},
           {"the app did not answer in time", 504, Reason::none, false, FailureCause::app},
           {"the instances accept no connection", 503, Reason::none, false, FailureCause::app},
           {"no instance was ready in time", 504, Reason::none, true, FailureCause::platform},
           {"the queue is full", 429, Reason::none, false, FailureCause::platform},
           {"maxScale", 429, Reason::max_scale, true, FailureCause::platform},
           {"the machine is full", 429, Reason::machine_full, true, FailureCause::platform},
           {"the sandbox failed", 503, Reason::sandbox_failed, true, FailureCause::platform},
           {"starts fail: the app exits", 503, Reason::app_exited, true, FailureCause::app},
           {"starts fail: it never listens", 503, Reason::never_listened, false, FailureCause::app},
           {"its readiness probe fails", 503, Reason::readiness_probe_failed, true, FailureCause::app},
           {"the body is too long", 413, Reason::none, false, FailureCause::client},
           {"the body did not come", 408, Reason::none, false, FailureCause::client},
       }) {
    EXPECT_EQ(cause_of_own_answer(row.status, row.reason, row.waiting), row.cause) << row.what;
  }
}

TEST(Outcome, of_the_apps_answers_those_from_500_on_are_failures) {
  for (const int status : {101, 200, 302, 404, 429, 499}) EXPECT_EQ(cause_of_app_answer(status), FailureCause::none);
  for (const int status : {500, 502, 503, 504, 599}) EXPECT_EQ(cause_of_app_answer(status), FailureCause::app);
}

TEST(Outcome, latencies_of_warm_answers_count_and_those_of_callers_who_gave_up_when_they_were_too_long) {
  const auto judged = [](FailureCause cause, bool cold, int ms) {
    const LatencyVerdict verdict = judge_latency(cause, cold, milliseconds(ms), milliseconds(100));
    return std::string(verdict.judged ? "judged" : "") + (verdict.slow ? " slow" : "");
  };
  EXPECT_EQ(judged(FailureCause::none, false, 100), "judged");
  EXPECT_EQ(judged(FailureCause::none, false, 101), "judged slow");
  EXPECT_EQ(judged(FailureCause::none, true, 101), "");
  EXPECT_EQ(judged(FailureCause::client, false, 101), "judged slow");
  EXPECT_EQ(judged(FailureCause::client, false, 99), "");
  EXPECT_EQ(judged(FailureCause::client, true, 101), "");
  EXPECT_EQ(judged(FailureCause::app, false, 101), "");
  EXPECT_EQ(judged(FailureCause::platform, false, 101), "");
  EXPECT_FALSE(judge_latency(FailureCause::none, false, milliseconds(900), {}).judged) << "no objective is known yet";
}

}  // namespace
}  // namespace marea::router
