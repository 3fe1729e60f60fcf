#include "control/deploy_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::control {
namespace {

using model::InstanceReport;
using model::InstanceState;
using model::Reason;
using testing::HasSubstr;
using testing::Not;

InstanceReport report(std::string id, InstanceState state, Reason reason = Reason::none, std::int64_t since = 0) {
  return {.id = base::InstanceId(std::move(id)), .state = state, .reason = reason, .since_unix_ns = since};
}

std::string judged(const std::vector<InstanceReport>& reports) {
  const auto verdict = judge_start(reports, 1);
  if (!verdict) return "open";
  return verdict->ready ? "ready" : "failed by " + verdict->failure->id.str();
}

TEST(DeployCheck, the_verdict_follows_from_the_states_and_reasons) {
  using enum InstanceState;
  EXPECT_EQ(judged({}), "open");
  EXPECT_EQ(judged({report("a", prepared)}), "open");
  EXPECT_EQ(judged({report("a", starting)}), "open");
  EXPECT_EQ(judged({report("a", draining)}), "open");
  EXPECT_EQ(judged({report("a", stopped, Reason::deleted)}), "open");
  EXPECT_EQ(judged({report("a", running)}), "ready");
  EXPECT_EQ(judged({report("a", idle)}), "ready");
  EXPECT_EQ(judged({report("a", frozen)}), "ready");
  for (const Reason reason : {Reason::app_exited, Reason::app_killed, Reason::out_of_memory, Reason::never_listened,
                              Reason::port_mismatch, Reason::startup_probe_failed}) {
    EXPECT_EQ(judged({report("a", failed, reason)}), "failed by a") << to_string(reason);
  }
}

TEST(DeployCheck, a_fault_of_the_machine_gets_a_second_chance) {
  using enum InstanceState;
  std::vector<InstanceReport> seen{report("a", failed, Reason::sandbox_failed, 1)};
  EXPECT_EQ(judged(seen), "open");
  seen.push_back(report("b", starting));
  EXPECT_EQ(judged(seen), "open");
  seen.back() = report("b", failed, Reason::sandbox_failed, 2);
  EXPECT_EQ(judged(seen), "failed by b");
  seen.back() = report("b", failed, Reason::sandbox_failed, -5);
  EXPECT_EQ(judged(seen), "failed by b") << "the last that came, whatever the wall clock said";
  seen.back() = report("b", running);
  EXPECT_EQ(judged(seen), "ready");
}

TEST(DeployCheck, as_many_as_the_initial_scale_must_run_unless_the_machine_is_full) {
  using enum InstanceState;
  const auto two = [](const std::vector<InstanceReport>& reports) {
    const auto verdict = judge_start(reports, 2);
    return !verdict ? "open" : verdict->ready ? "ready" : "failed";
  };
  EXPECT_STREQ(two({report("a", running)}), "open");
  EXPECT_STREQ(two({report("a", running), report("b", starting)}), "open");
  EXPECT_STREQ(two({report("a", running), report("b", running)}), "ready");
  EXPECT_STREQ(two({report("a", running), report("b", failed, Reason::app_exited)}), "open");
  EXPECT_STREQ(two({report("a", running), report("b", failed, Reason::machine_full)}), "ready");
  EXPECT_STREQ(two({report("a", failed, Reason::app_exited)}), "failed");
}

model::Revision revision() {
  model::Revision out{.name = base::RevisionName("hola-00002-abc"), .service = base::ServiceName("hola")};
  out.spec.container.startup.declared = true;
  out.spec.container.startup.period = std::chrono::seconds(10);
  out.spec.container.startup.failure_threshold = 3;
  return out;
}

TEST(DeployCheck, a_port_mismatch_names_what_was_found_and_the_setting_that_mends_it) {
  InstanceReport failed = report("i7", InstanceState::failed, Reason::port_mismatch);
  failed.listening = {{.address = "127.0.0.1", .port = 3000}, {.address = "::1", .port = 9229}};
  const Failure failure = describe_failure(revision(), failed, {"listening on 3000"});
  EXPECT_EQ(failure.code, base::ErrorCode::port_mismatch);
  EXPECT_THAT(failure.message, HasSubstr("nothing listened on port 8080 within 30 s;"));
  EXPECT_THAT(failure.message, HasSubstr("127.0.0.1:3000, [::1]:9229"));
  EXPECT_THAT(failure.message, HasSubstr("containerPort: 3000"));
  EXPECT_THAT(failure.message, HasSubstr("marea deploy hola --port 3000"));
  EXPECT_THAT(failure.message, HasSubstr("\n  listening on 3000"));
  EXPECT_THAT(failure.message, HasSubstr("i7"));
}

TEST(DeployCheck, a_port_mismatch_that_was_told_early_does_not_speak_of_the_deadline) {
  model::Revision without_probe = revision();
  without_probe.spec.container.startup.declared = false;
  InstanceReport failed = report("i7", InstanceState::failed, Reason::port_mismatch);
  failed.listening = {{.address = "127.0.0.1", .port = 3000}};
  EXPECT_THAT(describe_failure(without_probe, failed, {}).message,
              HasSubstr("nothing listened on port 8080; the app listens on 127.0.0.1:3000. "));
}

TEST(DeployCheck, an_exit_names_its_code_or_signal_and_the_last_twenty_lines) {
  InstanceReport failed = report("i7", InstanceState::failed, Reason::app_exited);
  failed.exit = model::ExitStatus{.code = 3};
  std::vector<std::string> lines;
  for (int i = 0; i < 25; ++i) lines.push_back("line " + std::to_string(i) + ".");
  const Failure failure = describe_failure(revision(), failed, lines);
  EXPECT_EQ(failure.code, base::ErrorCode::app_exited);
  EXPECT_THAT(failure.message, HasSubstr("exit code 3"));
  EXPECT_THAT(failure.message, HasSubstr("marea deploy hola --env NAME=VALUE"));
  EXPECT_THAT(failure.message, Not(HasSubstr("line 4.")));
  EXPECT_THAT(failure.message, HasSubstr("line 5."));
  EXPECT_THAT(failure.message, HasSubstr("line 24."));
  failed.reason = Reason::app_killed;
  failed.exit = model::ExitStatus{.signal = 11};
  EXPECT_THAT(describe_failure(revision(), failed, {}).message, HasSubstr("signal 11 (SIGSEGV)"));
  EXPECT_THAT(describe_failure(revision(), failed, {}).message, HasSubstr("wrote no output"));
}

TEST(DeployCheck, a_kill_for_memory_names_the_limit_and_what_was_used) {
  InstanceReport failed = report("i7", InstanceState::failed, Reason::out_of_memory);
  failed.exit = model::ExitStatus{.signal = 9, .out_of_memory = true};
  failed.peak_memory_bytes = 512LL << 20;
  const Failure failure = describe_failure(revision(), failed, {});
  EXPECT_EQ(failure.code, base::ErrorCode::out_of_memory);
  EXPECT_THAT(failure.message, HasSubstr("memory limit of 512 MiB (it used 512 MiB)"));
  EXPECT_THAT(failure.message, HasSubstr("resources.limits.memory (marea deploy hola --memory 1Gi)"));
  EXPECT_THAT(failure.message, HasSubstr("files that it writes are memory too"));
  model::Revision odd = revision();
  odd.spec.container.limits.memory_bytes = 100LL << 20;
  EXPECT_THAT(describe_failure(odd, failed, {}).message, HasSubstr("marea deploy hola --memory 200Mi)"));
}

TEST(DeployCheck, every_other_failure_has_a_code_a_place_and_a_remedy) {
  InstanceReport failed = report("i7", InstanceState::failed, Reason::startup_probe_failed);
  failed.detail = "GET /healthz answered 500";
  EXPECT_EQ(describe_failure(revision(), failed, {}).code, base::ErrorCode::startup_probe_failed);
  EXPECT_THAT(describe_failure(revision(), failed, {}).message, HasSubstr("GET /healthz answered 500"));
  failed.reason = Reason::never_listened;
  EXPECT_THAT(describe_failure(revision(), failed, {}).message, HasSubstr("$PORT (8080)"));
  failed.reason = Reason::sandbox_failed;
  failed.detail = "crun: no space";
  EXPECT_EQ(describe_failure(revision(), failed, {}).code, base::ErrorCode::sandbox_failed);
  EXPECT_THAT(describe_failure(revision(), failed, {}).message, HasSubstr("crun: no space"));
  EXPECT_THAT(describe_failure(revision(), failed, {}).message, HasSubstr("marea doctor"));
  EXPECT_THAT(describe_silence(revision(), std::chrono::seconds(60)).message, HasSubstr("within 60 s"));
  const Failure missing = describe_missing_image(revision(), {.code = base::ErrorCode::image_not_found,
                                                              .what = "image \"x\" is not there",
                                                              .why = "no image has that name",
                                                              .remedy = "Upload it"});
  EXPECT_EQ(missing.reason, Reason::image_missing);
  EXPECT_EQ(missing.message, "hola-00002-abc: image \"x\" is not there: no image has that name. Upload it.");
}

TEST(DescribeFailure, a_sidecar_is_named_with_its_own_limits) {
  model::Revision revision;
  revision.name = base::RevisionName("web-00001");
  revision.service = base::ServiceName("web");
  revision.spec.container.name = "app";
  revision.spec.sidecars.resize(1);
  revision.spec.sidecars[0].name = "proxy";
  revision.spec.sidecars[0].limits.memory_bytes = 64LL << 20;
  model::InstanceReport report{.id = base::InstanceId("i"), .state = model::InstanceState::failed};
  report.container = "proxy";
  report.reason = model::Reason::out_of_memory;
  report.exit = model::ExitStatus{.signal = 9, .out_of_memory = true};
  const std::string memory = describe_failure(revision, report, {}).message;
  EXPECT_THAT(memory, testing::HasSubstr("the container \"proxy\" was killed for its memory limit of 64 MiB"));
  EXPECT_THAT(memory,
              testing::HasSubstr("Raise spec.template.spec.containers[name=proxy].resources.limits.memory (128Mi)"));
  report.reason = model::Reason::app_exited;
  report.exit = model::ExitStatus{.code = 3};
  report.detail = "container \"proxy\": the app ended: exit code 3";
  EXPECT_THAT(
      describe_failure(revision, report, {"bye"}).message,
      testing::HasSubstr("the container \"proxy\" ended with exit code 3. It must keep running as long as the app"));
}

}  // namespace
}  // namespace marea::control
