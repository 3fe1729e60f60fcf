// An engine between a fake machine, whose sandboxes behave but hold nothing, and real links whose far ends the test
// reads. Time is moved by hand.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/local/engine_process.h"

namespace marea::engine::local {

// What the fake machine does, shared with its sandboxes.
struct FakeMachine {
  explicit FakeMachine(net::Loop& on) : loop(on) {}
  net::Loop& loop;
  std::string refusal;          // of create(), when not empty
  bool prepares = true;         // else the test calls on_prepared
  bool ends_when_asked = true;  // else it outlives SIGTERM
  bool makes_sockets = true;
  bool gives_cpu = true;
  bool dies_in_start = false;
  std::vector<model::ListeningSocket> listening;
  std::map<std::string, class FakeSandbox*> alive;
  std::map<base::InstanceId, SandboxPast> pasts;  // of the adopted
  std::set<base::InstanceId> kept;                // what remove_leftovers() was told to spare
  std::vector<std::string> calls;                 // "create r-xxxxx", …
  std::set<int> slots;
  int readied = 0;  // how often a sandbox was told that its app is ready
  MachineLoad load;
  base::Duration cpu = std::chrono::seconds(3);  // that each sandbox has used
  std::int64_t memory_now = 0;
  int memory_reads = 0;
};

class FakeSandbox final : public Sandbox {
 public:
  FakeSandbox(FakeMachine& machine, const SandboxOrder& order, Events events, bool adopted = false)
      : machine_(machine),
        id_(order.id.str()),
        slot_(order.slot),
        events_(std::move(events)),
        prepare_(machine.loop, [this] { events_.on_prepared(); }),
        end_(machine.loop, [this] { finish(end_as_); }) {
    machine_.alive[id_] = this;
    EXPECT_TRUE(machine_.slots.insert(slot_).second) << "a slot is used twice";
    started_ = adopted;
    if (machine_.prepares && !adopted) prepare_.arm_in(base::Duration{0});
  }
  ~FakeSandbox() override {
    machine_.alive.erase(id_);
    machine_.slots.erase(slot_);
  }
  FakeSandbox(const FakeSandbox&) = delete;
  FakeSandbox& operator=(const FakeSandbox&) = delete;

  void start() override {
    EXPECT_FALSE(started_) << "start() is called once";
    started_ = true;
    machine_.calls.push_back("start");
    if (machine_.dies_in_start) {
      finish({.reason = model::Reason::app_exited, .detail = "", .exit = model::ExitStatus{.code = 127}});
    } else {
      events_.on_started();
    }
  }
  void stop(base::Duration grace) override {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(grace).count();
    machine_.calls.push_back("stop " + std::to_string(whole));
    if (machine_.ends_when_asked) {
      end_.arm_in(base::Duration{0});
    } else {
      end_.arm_in(grace);
    }
  }
  base::Result<std::vector<base::Fd>> make_sockets(int count) override {
    EXPECT_FALSE(ended_);
    if (!machine_.makes_sockets) return base::fail(base::ErrorCode::io, "cannot make a socket", "too many open files");
    std::vector<base::Fd> out;
    for (int i = 0; i < count; ++i) out.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return out;
  }
  std::vector<model::ListeningSocket> listening() const override { return machine_.listening; }
  SandboxUse use() const override { return {.cpu = machine_.cpu, .peak_memory_bytes = 5}; }
  std::int64_t memory_bytes() const override {
    ++machine_.memory_reads;
    return machine_.memory_now;
  }
  void app_ready() override { ++machine_.readied; }
  void confine(bool confined) override { machine_.calls.push_back(confined ? "confine" : "release"); }
  bool give_cpu(CpuGrant grant) override {
    if (!machine_.gives_cpu) return false;
    machine_.calls.push_back(grant == CpuGrant::usual     ? "cpu usual"
                             : grant == CpuGrant::boosted ? "cpu boosted"
                                                          : "cpu throttled");
    return true;
  }

  void part(const SandboxParting& parting) { events_.on_parting(parting); }
  void exit(int code) {
    finish({.reason = model::Reason::app_exited, .detail = "the app ended", .exit = model::ExitStatus{.code = code}});
  }

 private:
  void finish(const SandboxEnd& end) {
    ASSERT_FALSE(std::exchange(ended_, true));
    events_.on_dying(end);
    events_.on_ended(end);
  }

  FakeMachine& machine_;
  std::string id_;
  int slot_;
  Events events_;
  bool started_ = false;
  bool ended_ = false;
  SandboxEnd end_as_;
  net::Timer prepare_;
  net::Timer end_;
};

class FakeHost final : public SandboxHost {
 public:
  explicit FakeHost(FakeMachine& machine) : machine_(machine) {}
  const std::string& runtime() const override { return runtime_; }
  std::int64_t memory_bytes() const override { return 10LL << 30; }
  MachineLoad load() override { return machine_.load; }
  base::Result<std::unique_ptr<Sandbox>> create(SandboxOrder order, Sandbox::Events events) override {
    if (!machine_.refusal.empty()) {
      return base::fail(base::ErrorCode::sandbox_failed, "cannot make a sandbox", machine_.refusal, "Run marea doctor");
    }
    return std::make_unique<FakeSandbox>(machine_, order, std::move(events));
  }
  base::Result<std::unique_ptr<Sandbox>> adopt(SandboxOrder order, SandboxPast past, HeldDescriptors /*held*/,
                                               Sandbox::Events events) override {
    machine_.pasts[order.id] = past;
    if (!past.app_started) return base::fail(base::ErrorCode::sandbox_failed, "cannot adopt it", "it is half-made");
    return std::make_unique<FakeSandbox>(machine_, order, std::move(events), true);
  }
  void remove_leftovers(const std::map<base::InstanceId, int>& adopted_slots) override {
    for (const auto& [id, slot] : adopted_slots) machine_.kept.insert(id);
  }

 private:
  FakeMachine& machine_;
  std::string runtime_ = "fake 1";
};

class EngineTest : public testing::Test {
 protected:
  using ControlEnd = net::Link<net::ControlToEngine, net::EngineToControl>;
  using RouterEnd = net::Link<net::RouterToEngine, net::EngineToRouter>;

  void SetUp() override {
    std::string folder = testing::TempDir() + "engine-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    start_engine();
    connect_control();
    connect_router();
    turn();
  }

  void TearDown() override {
    engine_.reset();
    dead_.clear();
    std::filesystem::remove_all(folder_);
  }

  // `held`: instances whose descriptors keeper has kept.
  void start_engine(const std::vector<base::InstanceId>& held = {}) {
    base::Result<RunFolder> run = RunFolder::open(folder_);
    ASSERT_TRUE(run);
    engine_ = std::make_unique<EngineProcess>(
        EngineProcess::World{.loop = loop_,
                             .random = random_,
                             .log = log_,
                             .host = std::make_unique<FakeHost>(machine_),
                             .run = std::move(*run),
                             .to_keeper = [this](net::RoleToKeeper message, std::vector<base::Fd>) {
                               if (const auto* release = std::get_if<net::msg::Release>(&message))
                                 released_.push_back(release->key);
                             }});
    for (const base::InstanceId& id : held) {
      std::vector<base::Fd> fds;
      fds.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      engine_->on_held(hold_key(id), std::move(fds));
    }
    engine_->on_held_done();
  }
  // As kill -9 leaves things: the sandboxes live, and keeper holds the descriptors of `held`.
  void die(const std::vector<base::InstanceId>& held) {
    turn();
    while (number_ > 0 && !RunFolder::open(folder_)->plan()) std::this_thread::yield();  // a thread writes it
    dead_.push_back(std::move(engine_));
    machine_.alive.clear();
    machine_.slots.clear();
    to_control_.clear();
    to_router_.clear();
    sockets_.clear();
    start_engine(held);
  }
  void connect_control() {
    auto pair = net::make_socket_pair();
    ASSERT_TRUE(pair);
    control_ = std::make_unique<ControlEnd>(
        loop_, std::move(pair->first),
        ControlEnd::Events{.on_message = [this](net::EngineToControl message,
                                                std::vector<base::Fd>) { to_control_.push_back(std::move(message)); },
                           .on_closed = [](const std::string&) {}});
    engine_->on_peer(net::Role::control, std::move(pair->second));
  }
  void connect_router() {
    auto pair = net::make_socket_pair();
    ASSERT_TRUE(pair);
    router_ = std::make_unique<RouterEnd>(
        loop_, std::move(pair->first),
        RouterEnd::Events{.on_message =
                              [this](net::EngineToRouter message, std::vector<base::Fd> fds) {
                                to_router_.push_back(std::move(message));
                                sockets_.push_back(fds.size());
                              },
                          .on_closed = [](const std::string&) {}});
    engine_->on_peer(net::Role::router, std::move(pair->second));
  }

  void turn() {
    for (int i = 0; i < 12; ++i) loop_.turn(base::Duration{0});
  }
  void pass(base::Duration by) {
    clock_.advance(by);
    turn();
  }
  void plan(int max, int wanted) {
    model::RevisionPlan each{.max = max, .wanted = wanted, .reason = model::Reason::deploy_check};
    each.revision.name = base::RevisionName("r");
    each.revision.service = base::ServiceName("s");
    each.revision.image.rootfs = "/images/x/rootfs";
    control_->send(net::msg::PlanRevision{.number = ++number_, .plan = each});
    control_->send(net::msg::PlanCommit{.number = number_});
    turn();
  }
  template <class T>
  void say(T message) {
    router_->send(std::move(message));
    turn();
  }

  // The newest message of this kind.
  template <class T>
  const T* newest() const {
    for (auto message = to_router_.rbegin(); message != to_router_.rend(); ++message) {
      if (const T* found = std::get_if<T>(&*message)) return found;
    }
    return nullptr;
  }
  base::InstanceId opened() const {
    const auto* open = newest<net::msg::InstanceOpen>();
    return open == nullptr ? base::InstanceId() : open->id;
  }
  // The states that control heard of, in order.
  std::string states() const {
    std::string out;
    for (const net::EngineToControl& message : to_control_) {
      if (const auto* report = std::get_if<model::InstanceReport>(&message)) {
        out += (out.empty() ? "" : " ") + std::string(to_string(report->state));
      } else {
        out += std::holds_alternative<net::msg::EngineReady>(message) ? "[" : "]";
      }
    }
    return out;
  }
  const model::InstanceReport& last_report() const {
    for (auto message = to_control_.rbegin(); message != to_control_.rend(); ++message) {
      if (const auto* report = std::get_if<model::InstanceReport>(&*message)) return *report;
    }
    static const model::InstanceReport none;
    return none;
  }
  void run_one() {
    plan(3, 1);
    say(net::msg::InstanceReady{opened()});
  }

  base::ManualClock clock_;
  net::Loop loop_{clock_};
  base::SeededRandom random_{3};
  base::Log log_{-1, "engine", base::Severity::error};
  FakeMachine machine_{loop_};
  std::unique_ptr<EngineProcess> engine_;
  std::unique_ptr<ControlEnd> control_;
  std::unique_ptr<RouterEnd> router_;
  std::vector<net::EngineToControl> to_control_;
  std::vector<net::EngineToRouter> to_router_;
  std::vector<std::size_t> sockets_;  // with each message to router
  std::uint64_t number_ = 0;
  std::string folder_;
  std::vector<std::string> released_;                 // by keeper
  std::vector<std::unique_ptr<EngineProcess>> dead_;  // their links are cut, they do nothing more
};

}  // namespace marea::engine::local
