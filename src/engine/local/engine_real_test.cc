// The engine role on a real machine: control plans, an app runs in a sandbox, router reaches it through the sockets
// that it was given, and in the end nothing is left.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/local/engine_process.h"
#include "engine/local/sandbox_fixture.h"

namespace marea::engine::local {
namespace {

namespace msg = net::msg;

class EngineRealTest : public SandboxFixture {
 protected:
  void run(const std::string& script) {
    base::Result<RunFolder> run = RunFolder::open(data_ + "/run");
    ASSERT_TRUE(run);
    engine_ = std::make_unique<EngineProcess>(EngineProcess::World{.loop = *loop_,
                                                                   .random = random_,
                                                                   .log = *log_,
                                                                   .host = std::move(host_),
                                                                   .run = std::move(*run),
                                                                   .to_keeper = [](auto, auto) {}});
    auto control = net::make_socket_pair();
    auto router = net::make_socket_pair();
    ASSERT_TRUE(control && router);
    engine_->on_peer(net::Role::control, std::move(control->first));
    engine_->on_peer(net::Role::router, std::move(router->first));
    control_.emplace(*loop_, std::move(control->second),
                     ControlEnd::Events{.on_message =
                                            [this](const net::EngineToControl& message, std::vector<base::Fd>) {
                                              const auto* report = std::get_if<model::InstanceReport>(&message);
                                              if (report != nullptr) last_report_ = *report;
                                            },
                                        .on_closed = [](const std::string&) {}});
    router_.emplace(*loop_, std::move(router->second),
                    RouterEnd::Events{.on_message =
                                          [this](net::EngineToRouter message, std::vector<base::Fd> fds) {
                                            for (base::Fd& fd : fds) sockets_.push_back(std::move(fd));
                                            to_router_.push_back(std::move(message));
                                          },
                                      .on_closed = [](const std::string&) {}});
    const model::RevisionPlan plan{
        .revision = revision(script), .max = 1, .wanted = 0, .reason = model::Reason::deploy_check};
    control_->send(msg::PlanRevision{.number = 1, .plan = plan});
    control_->send(msg::PlanCommit{.number = 1});
    ASSERT_TRUE(wait([&] {  // the two links do not wait for each other
      if (newest<msg::InstanceOpen>() == nullptr) {
        router_->send(msg::Demand{base::RevisionName("hola-00001"), 1, model::Reason::request_waiting});
      }
      return newest<msg::InstanceOpen>() != nullptr || last_report_.state == model::InstanceState::failed;
    })) << last_report_.detail;
    ASSERT_NE(newest<msg::InstanceOpen>(), nullptr) << last_report_.detail;
    id_ = newest<msg::InstanceOpen>()->id;
  }
  void TearDown() override {
    control_.reset();
    router_.reset();
    engine_.reset();
    SandboxFixture::TearDown();
  }

  // As router probes: an unconnected socket of the instance is connected again and again.
  bool accepts(std::uint16_t port) {
    return wait([&] {
      if (sockets_.empty()) return false;
      const base::Fd socket = std::move(sockets_.back());
      sockets_.pop_back();
      if (sockets_.empty()) router_->send(msg::SocketsWanted{id_, kSocketStock});
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
      pollfd writable{.fd = socket.get(), .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, 1000);
      int problem = 0;
      socklen_t length = sizeof problem;
      return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &problem, &length) == 0 && problem == 0 &&
             (writable.revents & POLLOUT) != 0 && (writable.revents & POLLERR) == 0;
    });
  }
  template <class T>
  const T* newest() const {
    for (auto message = to_router_.rbegin(); message != to_router_.rend(); ++message) {
      if (const T* found = std::get_if<T>(&*message)) return found;
    }
    return nullptr;
  }
  bool wait_state(model::InstanceState state) {
    return wait([&] { return last_report_.state == state; });
  }

  using ControlEnd = net::Link<net::ControlToEngine, net::EngineToControl>;
  using RouterEnd = net::Link<net::RouterToEngine, net::EngineToRouter>;
  base::SystemRandom random_;
  std::unique_ptr<EngineProcess> engine_;
  std::optional<ControlEnd> control_;
  std::optional<RouterEnd> router_;
  std::vector<net::EngineToRouter> to_router_;
  std::vector<base::Fd> sockets_;
  model::InstanceReport last_report_;
  base::InstanceId id_;
};

TEST_P(EngineRealTest, an_app_comes_up_on_demand_and_goes_when_it_is_idle) {
  ASSERT_NO_FATAL_FAILURE(run("exec httpd -f -p 127.0.0.1:8080"));
  ASSERT_TRUE(accepts(8080));
  router_->send(msg::InstanceReady{id_});
  ASSERT_TRUE(wait_state(model::InstanceState::running));
  router_->send(msg::Retire{id_, model::Reason::idle_timeout});
  ASSERT_TRUE(wait([&] { return newest<msg::InstanceDrain>() != nullptr; }));
  router_->send(msg::Quiet{id_, newest<msg::InstanceDrain>()->epoch});
  ASSERT_TRUE(wait([&] { return newest<msg::InstanceClosed>() != nullptr; }));
  ASSERT_TRUE(wait_state(model::InstanceState::stopped));
  EXPECT_EQ(last_report_.reason, model::Reason::idle_timeout);
  bool done = false;
  engine_->on_stop(std::chrono::seconds(15), [&done] { done = true; });
  EXPECT_TRUE(done) << "nothing is left to wait for";
}

TEST_P(EngineRealTest, an_app_on_another_port_is_named_with_what_the_kernel_lists) {
  ASSERT_NO_FATAL_FAILURE(run("exec httpd -f -p 0.0.0.0:3000"));
  ASSERT_TRUE(accepts(3000));
  router_->send(msg::InstanceUnready{id_, model::Reason::never_listened, "nothing on 8080"});
  ASSERT_TRUE(wait_state(model::InstanceState::failed));
  EXPECT_EQ(last_report_.reason, model::Reason::port_mismatch);
  EXPECT_EQ(last_report_.listening, (std::vector<model::ListeningSocket>{{.address = "0.0.0.0", .port = 3000}}));
}

TEST_P(EngineRealTest, an_app_that_exits_is_named_with_its_code) {
  ASSERT_NO_FATAL_FAILURE(run("exit 3"));
  ASSERT_TRUE(wait_state(model::InstanceState::failed));
  EXPECT_EQ(last_report_.reason, model::Reason::app_exited);
  ASSERT_TRUE(last_report_.exit);
  EXPECT_EQ(last_report_.exit->code, 3);
  ASSERT_TRUE(wait([&] { return newest<msg::StartsFailing>() != nullptr; }));
}

INSTANTIATE_TEST_SUITE_P(Runtimes, EngineRealTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
