#include "net/link.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "net/messages.h"

namespace marea::net {
namespace {

using EngineEnd = Link<EngineToRouter, RouterToEngine>;
using RouterEnd = Link<RouterToEngine, EngineToRouter>;

class LinkTest : public testing::Test {
 protected:
  void SetUp() override {
    auto pair = make_socket_pair();
    ASSERT_TRUE(pair);
    engine_fd_ = std::move(pair->first);
    router_fd_ = std::move(pair->second);
  }

  base::ManualClock clock_;
  Loop loop_{clock_};
  base::Fd engine_fd_;
  base::Fd router_fd_;
};

TEST_F(LinkTest, messages_arrive_in_order_with_their_descriptors) {
  std::vector<std::string> seen;
  RouterEnd router(loop_, std::move(router_fd_),
                   {.on_message =
                        [&](EngineToRouter message, std::vector<base::Fd> fds) {
                          const auto& open = std::get<msg::InstanceOpen>(message);
                          seen.push_back(open.id.str() + "/" + std::to_string(fds.size()));
                          ASSERT_EQ(::write(fds.at(0).get(), "x", 1), 1);
                        },
                    .on_closed = [](const std::string&) {}});
  EngineEnd engine(loop_, std::move(engine_fd_), {.on_message = [](auto, auto) {}, .on_closed = [](const auto&) {}});
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const base::Fd read_end(ends[0]);
  const base::Fd write_end(ends[1]);
  for (int i = 0; i < 100; ++i) {
    std::vector<base::Fd> fds;
    for (int j = 0; j <= i % 3; ++j) fds.push_back(write_end.duplicate());
    ASSERT_TRUE(engine.send(
        msg::InstanceOpen{.id = base::InstanceId("i" + std::to_string(i)), .revision = base::RevisionName("r")},
        std::move(fds)));
  }
  while (seen.size() < 100) loop_.turn(std::chrono::milliseconds(100));
  EXPECT_EQ(seen.front(), "i0/1");
  EXPECT_EQ(seen.back(), "i99/1");
  EXPECT_EQ(seen.at(98), "i98/3");
}

TEST_F(LinkTest, a_frame_that_does_not_decode_closes_the_link) {
  std::string why;
  RouterEnd router(loop_, std::move(router_fd_),
                   {.on_message = [](auto, auto) { FAIL() << "must not be delivered"; },
                    .on_closed = [&](std::string reason) { why = std::move(reason); }});
  const std::string frame{"\x02\0\0\0\0\0\0\0\x7f\x7f", 10};
  ASSERT_EQ(::write(engine_fd_.get(), frame.data(), frame.size()), 10);
  loop_.turn(std::chrono::milliseconds(100));
  EXPECT_EQ(why, "malformed message");
  EXPECT_FALSE(router.open());
}

TEST_F(LinkTest, the_owner_may_destroy_the_link_inside_a_message) {
  std::unique_ptr<RouterEnd> router;
  int seen = 0;
  router = std::make_unique<RouterEnd>(loop_, std::move(router_fd_),
                                       RouterEnd::Events{.on_message =
                                                             [&](EngineToRouter, std::vector<base::Fd>) {
                                                               ++seen;
                                                               router.reset();
                                                             },
                                                         .on_closed = [](const std::string&) {}});
  EngineEnd engine(loop_, std::move(engine_fd_), {.on_message = [](auto, auto) {}, .on_closed = [](const auto&) {}});
  engine.send(msg::InstanceClosed{});
  engine.send(msg::InstanceClosed{});
  loop_.turn(std::chrono::milliseconds(100));
  loop_.turn(std::chrono::milliseconds(0));
  EXPECT_EQ(seen, 1);
}

TEST_F(LinkTest, what_a_dead_peer_had_sent_is_taken_at_once) {
  int seen = 0;
  bool closed = false;
  RouterEnd router(
      loop_, std::move(router_fd_),
      {.on_message = [&](auto, auto) { ++seen; }, .on_closed = [&](const std::string&) { closed = true; }});
  {
    EngineEnd engine(loop_, std::move(engine_fd_), {.on_message = [](auto, auto) {}, .on_closed = [](const auto&) {}});
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(engine.send(msg::InstanceClosed{.id = base::InstanceId("i")}));
  }
  router.drain();
  EXPECT_EQ(seen, 100);
  EXPECT_TRUE(closed);
}

TEST_F(LinkTest, a_peer_that_never_reads_is_dropped_at_the_limit) {
  bool closed = false;
  EngineEnd engine(loop_, std::move(engine_fd_),
                   {.on_message = [](auto, auto) {}, .on_closed = [&](const std::string&) { closed = true; }});
  msg::StartsFailing big{.revision = base::RevisionName("r"), .detail = std::string(1U << 20, 'x')};
  int sent = 0;
  while (engine.send(big)) ++sent;
  EXPECT_TRUE(closed);
  EXPECT_GE(sent, 60);
  EXPECT_LE(sent, 70);
}

// The kernel refuses descriptors under way beyond the limit of files, of whoever may not exceed it.
TEST_F(LinkTest, what_the_kernel_cannot_take_now_is_sent_later_and_nothing_is_lost) {
  constexpr int kMessages = 9;
  constexpr int kEach = 16;
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const base::Fd from_child(told[0]);
  const base::Fd to_parent(told[1]);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit few{.rlim_cur = 100, .rlim_max = 100};
    const auto nobody = static_cast<uid_t>(100'000 + ::getpid());  // of whom nothing else is under way
    const bool bounded =
        (::geteuid() != 0 || ::setresuid(nobody, nobody, nobody) == 0) && ::setrlimit(RLIMIT_NOFILE, &few) == 0;
    const base::SystemClock clock;
    Loop loop(clock);
    EngineEnd engine(loop, engine_fd_.duplicate(), {.on_message = [](auto, auto) {}, .on_closed = [](const auto&) {}});
    for (int i = 0; i < kMessages; ++i) {
      std::vector<base::Fd> fds;
      for (int each = 0; each < kEach; ++each) fds.push_back(to_parent.duplicate());
      engine.send(
          msg::InstanceOpen{.id = base::InstanceId("i" + std::to_string(i)), .revision = base::RevisionName("r")},
          std::move(fds));
    }
    const char stuck = bounded && engine.unsent_bytes() > 0 ? 'y' : 'n';
    if (::write(to_parent.get(), &stuck, 1) != 1) ::_exit(1);
    for (int turns = 0; engine.unsent_bytes() > 0 && turns < 300; ++turns) loop.turn(std::chrono::milliseconds(100));
    ::_exit(0);
  }
  engine_fd_.reset();
  char stuck = 0;
  ASSERT_EQ(::read(from_child.get(), &stuck, 1), 1);
  EXPECT_EQ(stuck, 'y') << "the kernel took them all";
  std::vector<std::string> seen;
  bool closed = false;
  const base::SystemClock clock;
  Loop loop(clock);
  RouterEnd router(loop, std::move(router_fd_),
                   {.on_message =
                        [&](EngineToRouter message, std::vector<base::Fd> fds) {
                          const auto& open = std::get<msg::InstanceOpen>(message);
                          seen.push_back(open.id.str() + "/" + std::to_string(fds.size()));
                        },
                    .on_closed = [&](const std::string&) { closed = true; }});
  for (int turns = 0; !closed && turns < 300; ++turns) loop.turn(std::chrono::milliseconds(100));
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(kMessages));
  EXPECT_EQ(seen.front(), "i0/16");
  EXPECT_EQ(seen.back(), "i8/16");
  ::waitpid(child, nullptr, 0);
}

TEST_F(LinkTest, a_descriptor_that_is_none_is_refused_and_the_link_goes_on) {
  EngineEnd engine(loop_, std::move(engine_fd_), {.on_message = [](auto, auto) {}, .on_closed = [](const auto&) {}});
  EXPECT_FALSE(engine.send(msg::StartsFailing{.revision = base::RevisionName("r")}, base::Fd()));
  EXPECT_TRUE(engine.send(msg::StartsFailing{.revision = base::RevisionName("r")}));
  EXPECT_TRUE(engine.open());
}

TEST(Wire, a_filled_plan_survives_the_round_trip) {
  msg::PlanRevision plan{.number = 7};
  model::Revision& revision = plan.plan.revision;
  revision.name = base::RevisionName("hola-00001");
  revision.spec.container.env = {{"A", "1"}, {"B", ""}};
  revision.spec.container.liveness = model::Probe{.kind = model::ProbeKind::http, .path = "/live"};
  revision.spec.annotations["x"] = "y";
  revision.spec.container.run_as_user = -1;
  revision.image.config.groups = {1, 2, 4294967295U};
  revision.spec.container.env_references = {{.variable = "P", .name = "db", .key = "password"}};
  revision.spec.container.mounts = {{.volume = "v", .path = "/v", .sub_path = "a", .read_only = true}};
  revision.spec.container.starts_after = {"log"};
  revision.spec.container.readiness =
      model::Probe{.kind = model::ProbeKind::grpc, .service = "loans", .declared = true};
  revision.spec.sidecars = {{.name = "log", .image = "log"}};
  revision.spec.volumes = {
      {.name = "v", .size_bytes = 4096},
      {.name = "c", .sources = {{.kind = model::SourceKind::config, .name = "c", .items = {{"k", "p", 0400U}}}}}};
  revision.spec.session_affinity = revision.spec.cpu_throttling = revision.spec.startup_cpu_boost = true;
  revision.sidecar_images = {{.digest = "sha256:1", .rootfs = "/r"}};
  plan.plan.max = 9;
  const ControlToEngine message = plan;
  const auto back = decode<ControlToEngine>(encode(message));
  ASSERT_TRUE(back);
  const auto& got = std::get<msg::PlanRevision>(*back);
  EXPECT_EQ(got.number, 7U);
  EXPECT_EQ(got.plan, plan.plan);
}

TEST(Wire, an_account_and_numbers_survive_the_round_trip) {
  using std::chrono::seconds;
  model::InstanceReport report{.id = base::InstanceId("i"), .state = model::InstanceState::stopped};
  report.usage = {.requests = 1,
                  .alive = seconds(2),
                  .busy = seconds(3),
                  .billed = seconds(4),
                  .unready = seconds(5),
                  .stopping = seconds(6),
                  .cpu = seconds(7),
                  .peak_memory_bytes = 8,
                  .memory_limit_bytes = 9,
                  .milli_cpu = 10,
                  .whole_life = true};
  report.container = "proxy";
  const auto told = decode<EngineToControl>(encode(EngineToControl(report)));
  ASSERT_TRUE(told);
  EXPECT_EQ(std::get<model::InstanceReport>(*told), report);

  const msg::Metrics numbers{.number = 3,
                             .values = {{model::Metric::requests, {"s", "r", "2xx"}, {18'446'744'073'709'551'615U}}},
                             .last = true};
  const auto back = decode<RouterToControl>(encode(RouterToControl(numbers)));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<msg::Metrics>(*back).values, numbers.values);
  EXPECT_TRUE(std::get<msg::Metrics>(*back).last);
}

TEST(Wire, what_is_told_of_a_release_survives_the_round_trip) {
  const model::ArmCounts arm{.entered = 1,
                             .at_risk = 2,
                             .failed = 3,
                             .at_risk_slow = 4,
                             .slow = 5,
                             .timed = 6,
                             .open = 7,
                             .ended = 8,
                             .gone = 9};
  model::ReleaseCounts counts{.release = "r.1", .step = 2, .closed = 3, .open = 4};
  counts.ticks = {
      {.number = 5, .weight = 6, .keyed = {arm, {}}, .keyless = {{}, arm}, .requests = {10, 11}, .platform = {12, 13}}};
  counts.firsts = {{.number = 1, .weight = 2, .stable_failed = 3, .canary_failed = 4}};
  counts.stable = {.requests = 7, .failures = {0, 1, 2, 3, 4}, .cold = 8, .untracked = 9, .late = 10};
  counts.canary.requests = 11;
  counts.stable_shape.buckets = {1, 0, 4'294'967'295U};
  counts.canary_shape.buckets = {2};
  counts.memory = 18'446'744'073'709'551'615U;
  counts.lost = 12;
  const auto back = decode<RouterToControl>(encode(RouterToControl(counts)));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<model::ReleaseCounts>(*back), counts);
  const ControlToRouter seen = msg::ReleaseCountsSeen{.release = "r.1", .closed = 3};
  const auto seen_back = decode<ControlToRouter>(encode(seen));
  ASSERT_TRUE(seen_back);
  EXPECT_EQ(std::get<msg::ReleaseCountsSeen>(*seen_back).release, "r.1");
  EXPECT_EQ(std::get<msg::ReleaseCountsSeen>(*seen_back).closed, 3U);
}

TEST(Wire, what_is_told_of_an_experiment_survives_the_round_trip) {
  model::ArmOutcomes arm{.keys = 1, .due = 2, .converted = {3, 4}, .converted_in_due = {5, 6}, .failed = 7};
  arm.timed = 8;
  arm.slow = 9;
  arm.latency = {.n = 10, .sum = 11, .sum_of_squares = 18'446'744'073'709'551'615U, .buckets = {12}};
  arm.measures = {arm.latency, {}};
  arm.requests = 13;
  arm.failures = {0, 1, 2, 3, 4};
  const model::ExperimentCounts counts{.experiment = "form.1",
                                       .memory = 18'446'744'073'709'551'615U,
                                       .split = {arm, {}},
                                       .led = {{}, arm},
                                       .untracked = 14,
                                       .crossed = 15,
                                       .segments = {{}, {{.keys = 16, .failed = 17, .converted = {18}}}}};
  const auto back = decode<RouterToControl>(encode(RouterToControl(counts)));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<model::ExperimentCounts>(*back), counts);
  model::ServiceRoute route{.name = base::ServiceName("loans")};
  route.rules = {{.name = "r", .conditions = {}, .revision = base::RevisionName("loans-1"), .arm = 1, .segment = 2}};
  route.experiment = model::ExperimentRoute{
      .id = "form.1",
      .name = "form",
      .salt = "s",
      .arms = {{.name = "short", .revision = base::RevisionName("loans-1"), .weight = 4000, .segments = 2}},
      .conversions = {{.route = {.method = "POST", .path = "/loans", .least_status = 201, .most_status = 202},
                       .event = "e"}},
      .measures = {"lcp"},
      .objective = base::Duration(1),
      .window = base::Duration(2),
      .sticky = model::StickyKey::header,
      .header = "h",
      .began_unix_ns = 3,
      .consent = model::MatchCondition{.subject = model::MatchSubject::cookie, .name = "c", .values = {"yes"}}};
  route.own_paths = true;
  const auto route_back = decode<ControlToRouter>(encode(ControlToRouter(route)));
  ASSERT_TRUE(route_back);
  EXPECT_EQ(std::get<model::ServiceRoute>(*route_back), route);
}

TEST(Wire, truncated_bytes_never_decode) {
  const ControlToEngine message = msg::PlanRevision{.number = 300};
  const std::string bytes = encode(message);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(decode<ControlToEngine>(bytes.substr(0, n))) << n;
  }
}

}  // namespace
}  // namespace marea::net
