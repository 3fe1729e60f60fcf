#include "engine/local/run_file.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "net/wire.h"

namespace marea::engine::local {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What the fixtures below say: every field differs from its default.
model::Revision revision() {
  model::Revision out{.name = base::RevisionName("hola-00002-xyz"),
                      .service = base::ServiceName("hola"),
                      .generation = 2,
                      .created_unix_ns = 1'700'000'000'000'000'001};
  out.spec = {.revision_name = "hola-00002-xyz",
              .labels = {{"team", "a"}},
              .annotations = {{"marea.dev/egress", "none"}},
              .timeout = seconds(5),
              .concurrency = 7,
              .min_scale = 1,
              .max_scale = 9,
              .initial_scale = 2,
              .target = 5,
              .scale_down_delay = seconds(30),
              .idle_timeout = seconds(60),
              .egress = model::Egress::none,
              .capabilities = model::CapabilitySet::none};
  out.spec.container = {.name = "web",
                        .image = "oci:/x",
                        .command = {"/bin/tide"},
                        .args = {"-v", "\xC3\xB1"},
                        .env = {{"A", "1"}, {"B", ""}},
                        .working_dir = "/w",
                        .port = 3000,
                        .limits = {.memory_bytes = 64 << 20, .milli_cpu = 250},
                        .startup = {.kind = model::ProbeKind::http,
                                    .port = 3001,
                                    .path = "/ready",
                                    .headers = {{"H", "v"}},
                                    .initial_delay = seconds(1),
                                    .timeout = seconds(2),
                                    .period = seconds(3),
                                    .failure_threshold = 4,
                                    .declared = true},
                        .liveness = model::Probe{.path = "/alive"},
                        .run_as_user = 1000};
  out.image = {.digest = "sha256:aa", .rootfs = "/run/marea/images/aa/rootfs", .bytes = 42, .config = {}};
  out.image.config = {.entrypoint = {"/app/tide"},
                      .cmd = {"a"},
                      .env = {"A=1"},
                      .working_dir = "/w",
                      .user = "www",
                      .uid = 33,
                      .gid = 34,
                      .groups = {5},
                      .home = "/h",
                      .exposed_ports = {3000},
                      .stop_signal = "SIGINT"};
  return out;
}

model::Usage usage() {
  return {.requests = 12,
          .alive = seconds(9),
          .busy = seconds(8),
          .billed = seconds(7),
          .unready = seconds(6),
          .stopping = seconds(5),
          .cpu = milliseconds(4),
          .peak_memory_bytes = 3,
          .memory_limit_bytes = 64 << 20,
          .milli_cpu = 250,
          .whole_life = true};
}

InstanceRecord record() {
  return {.id = base::InstanceId("hola-00002-xyz-abcde"),
          .slot = 7,
          .revision = revision(),
          .phase = Phase::stopping,
          .epoch = 9,
          .created_unix_ns = 1'700'000'000'000'000'002,
          .since_unix_ns = 1'700'000'000'000'000'003,
          .deadline = seconds(77),
          .ready_at = seconds(66),
          .was_ready = true,
          .started_at = seconds(55),
          .stopped_at = seconds(70),
          .reason = model::Reason::app_killed,
          .detail = "it was killed",
          .failed = true,
          .past = {.app_started = true, .asked_to_stop = true},
          .end = SandboxEnd{.reason = model::Reason::out_of_memory,
                            .detail = "beyond its memory",
                            .exit = model::ExitStatus{.code = 3, .signal = 9, .out_of_memory = true},
                            .peak_memory_bytes = 65 << 20,
                            .cpu = milliseconds(1500),
                            .usage = usage()}};
}

model::InstanceReport report() {
  return {.id = base::InstanceId("hola-00002-xyz-abcde"),
          .revision = base::RevisionName("hola-00002-xyz"),
          .service = base::ServiceName("hola"),
          .state = model::InstanceState::failed,
          .reason = model::Reason::superseded,
          .detail = "it ended",
          .since_unix_ns = 1'700'000'000'000'000'003,
          .created_unix_ns = 1'700'000'000'000'000'002,
          .exit = model::ExitStatus{.code = 3, .signal = 9, .out_of_memory = true},
          .listening = {{.address = "127.0.0.1", .port = 3000}},
          .peak_memory_bytes = 65 << 20,
          .usage = usage()};
}

model::Plan planned() {
  return {.number = (7ULL << 32U) + 3,
          .grants_for = std::chrono::days(30),
          .revisions = {{.revision = revision(), .min = 1, .max = 9, .wanted = 2, .reason = model::Reason::min_scale}}};
}

// Files as marea wrote them: these bytes must be read for ever. A field that is newer than the form has its default.
constexpr std::string_view kInstanceOfForm1 =
    "ce0314686f6c612d30303030322d78797a2d61626364650eaa020e686f6c612d30303030322d78797a04686f6c61048280d0"
    "e2c6bfce972fb6010e686f6c612d30303030322d78797a01047465616d016101106d617265612e6465762f65677265737304"
    "6e6f6e656e03776562066f63693a2f7801092f62696e2f7469646502022d7602c3b10201410131014200022f77f02e068080"
    "8040f4032002f22e062f7265616479010148017680a8d6b90780d0acf30e80f882ad16080202170000062f616c6976650000"
    "80a8d6b9078090dfc04a060002d00f80c8afa0250e0212040a80b09dc2df010280e0ba84bf03040253097368613235363a61"
    "611b2f72756e2f6d617265612f696d616765732f61612f726f6f746673542b01092f6170702f746964650101610103413d31"
    "022f77037777774244010a022f6801f02e06534947494e5408128480d0e2c6bfce972f8680d0e2c6bfce972f8088f6d8bd04"
    "80d0c0deeb03020280988be499030280f099c589041c0d697420776173206b696c6c65640202020202481e116265796f6e64"
    "20697473206d656d6f727902030612028080804180bcc1960b261880e888874380c0b2cd3b8098dc933480f085da2c80c8af"
    "a02580a4e8030680808040f40302";
constexpr std::string_view kReportOfForm1 =
    "840114686f6c612d30303030322d78797a2d61626364650e686f6c612d30303030322d78797a04686f6c610c300869742065"
    "6e6465648680d0e2c6bfce972f8480d0e2c6bfce972f0203061202010c093132372e302e302e31f02e80808041261880e888"
    "874380c0b2cd3b8098dc933480f085da2c80c8afa02580a4e8030680808040f40302";
constexpr std::string_view kPlanOfForm1 =
    "c10286808080e001808090f4a0da9a0901b002aa020e686f6c612d30303030322d78797a04686f6c61048280d0e2c6bfce97"
    "2fb6010e686f6c612d30303030322d78797a01047465616d016101106d617265612e6465762f656772657373046e6f6e656e"
    "03776562066f63693a2f7801092f62696e2f7469646502022d7602c3b10201410131014200022f77f02e0680808040f40320"
    "02f22e062f7265616479010148017680a8d6b90780d0acf30e80f882ad16080202170000062f616c697665000080a8d6b907"
    "8090dfc04a060002d00f80c8afa0250e0212040a80b09dc2df010280e0ba84bf03040253097368613235363a61611b2f7275"
    "6e2f6d617265612f696d616765732f61612f726f6f746673542b01092f6170702f746964650101610103413d31022f770377"
    "77774244010a022f6801f02e06534947494e5402120406";

std::string bytes_of(std::string_view form, std::string_view hex) {
  std::string out(form);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

TEST(RunFile, an_instance_of_form_1_is_read) {
  const auto read = parse_run_file<InstanceRecord>(bytes_of("marea instance 1\n", kInstanceOfForm1), "f");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(net::encode(*read), net::encode(record()));
  EXPECT_EQ(read->revision, revision());
}

TEST(RunFile, a_final_report_of_form_1_is_read) {
  const auto read = parse_run_file<model::InstanceReport>(bytes_of("marea report 1\n", kReportOfForm1), "f");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(*read, report());
}

TEST(RunFile, a_plan_of_form_1_is_read) {
  const auto read = parse_run_file<model::Plan>(bytes_of("marea plan 1\n", kPlanOfForm1), "f");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(*read, planned());
}

TEST(RunFile, the_form_of_a_newer_marea_is_refused_as_that_with_its_place) {
  for (const char* form : {"marea plan 2\n", "marea plan 10\nx"}) {
    const auto read = parse_run_file<model::Plan>(form, "/d/run/.plan");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, base::ErrorCode::not_allowed);
    EXPECT_NE(read.error().line().find("/d/run/.plan: a newer marea wrote it"), std::string::npos);
  }
}

TEST(RunFile, what_is_damaged_or_of_another_kind_is_no_value) {
  const std::string whole = print_run_file(report());
  const auto code = [](std::string_view text) {
    const auto read = parse_run_file<model::InstanceReport>(text, "f");
    return read ? std::optional<base::ErrorCode>() : read.error().code;
  };
  EXPECT_FALSE(code(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(code(std::string_view(whole).substr(0, size)), base::ErrorCode::invalid_argument) << size;
  }
  for (const std::string& text : {whole + "x", print_run_file(planned()), std::string("marea report \n"),
                                  std::string("marea report 1x\n"), std::string("marea 55\nxyz")}) {
    EXPECT_EQ(code(text), base::ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace marea::engine::local
