// The `engine` role: owns the sandboxes, carries out what the fleet decides (engine/local/fleet.h), and speaks with
// control and router. Every message is checked again before it is believed: both are unprivileged, and what they say
// must at worst stop instances, never reach the machine. A fresh link begins with the whole state.
//
// An engine that dies leaves its instances running. What it has to tell the next one it writes down before it happens
// (engine/local/run_folder.h), and keeper holds their descriptors; the next one adopts them (engine_adopt.cc) before it
// speaks with anybody. A final report is kept until control has acknowledged it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "engine/local/cpu_confinement.h"
#include "engine/local/cpu_grant.h"
#include "engine/local/engine_plan.h"
#include "engine/local/fleet.h"
#include "engine/local/network_thread.h"
#include "engine/local/run_folder.h"
#include "engine/local/sandbox.h"
#include "model/platform_limits.h"
#include "net/ledger.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/role.h"

namespace marea::engine::local {

inline constexpr int kSocketStock = 8;  // sent with InstanceOpen: a probe and the first requests; router asks for more
inline constexpr base::Duration kSocketRetry = std::chrono::milliseconds(100);
inline constexpr base::Duration kStopReserve = std::chrono::seconds(1);  // to end before keeper kills
inline constexpr base::Duration kUsageEvery = std::chrono::seconds(10);  // what a machine that dies forgets of the bill
inline constexpr base::Duration kReportSync = std::chrono::seconds(1);   // what control has by then needs no sync
inline constexpr std::size_t kMostDetailBytes = 1000;                    // of a sentence that router sends
inline constexpr base::Duration kLoadEvery = std::chrono::milliseconds(100);  // the machine's load, while it is busy
inline constexpr base::Duration kLoadAtRest = std::chrono::milliseconds(200);
inline constexpr std::size_t kMostLookedAt = 100;  // instances in one look at who computes
inline constexpr int kLoadStep = 50;               // permille; a smaller change is not told

class EngineProcess final : public net::RoleProcess {
 public:
  struct World {
    net::Loop& loop;
    base::Random& random;
    const base::Log& log;
    std::unique_ptr<SandboxHost> host;
    RunFolder run;
    net::ToKeeper to_keeper;
    model::PlatformLimits limits;
  };
  explicit EngineProcess(World world);
  ~EngineProcess() override;
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  void on_peer(net::Role peer, base::Fd link) override;
  void on_listener(net::ListenerKind kind, std::string address, base::Fd listener) override;
  void on_held(std::string key, std::vector<base::Fd> fds) override;
  void on_held_done() override;
  void on_builder_ended(std::uint64_t job, int wait_status) override;
  void on_stop(base::Duration grace, std::function<void()> done) override;

  // control and router
  void operator()(const net::msg::PlanRevision& message);
  void operator()(const net::msg::PlanCommit& message);
  void operator()(const net::msg::DeleteInstance& message);
  void operator()(const net::msg::ReportKept& message);
  void operator()(const net::msg::MetricsWanted& message);
  void operator()(const net::msg::Demand& message);
  void operator()(const net::msg::InstanceReady& message);
  void operator()(net::msg::InstanceUnready& message);
  void operator()(const net::msg::Retire& message);
  void operator()(const net::msg::Quiet& message);
  void operator()(const net::msg::SocketsWanted& message);
  void operator()(const net::msg::InstanceBusy& message);

  // the fleet's actions
  void operator()(const act::Create& action);
  void operator()(const act::Start& action);
  void operator()(const act::Look& action);
  void operator()(const act::Stop& action);
  void operator()(const act::ToRouter& action);
  void operator()(const act::Report& action);

 private:
  using ControlLink = net::Link<net::EngineToControl, net::ControlToEngine>;
  using RouterLink = net::Link<net::EngineToRouter, net::RouterToEngine>;

  Moment moment() const;
  void carry_out();
  Sandbox::Events events_of(const base::InstanceId& id);
  // engine_adopt.cc
  void adopt(InstanceRecord record);
  void write_down(const std::vector<Action>& actions);
  void write_down(const base::InstanceId& id, std::optional<SandboxEnd> end = {});
  void write_down_final(const model::InstanceReport& report);
  void sync_reports();
  void write_down_plan(const model::Plan& plan);
  void connect_control(base::Fd link);
  void connect_router(base::Fd link);
  void on_sandbox_ended(const base::InstanceId& id, SandboxEnd end);
  std::vector<base::Fd> sockets_of(const base::InstanceId& id, int count);
  void pay_sockets();
  void look_at_machine();
  void look_at_held_back();
  void confine(const MachineLoad& load);
  void tell_load();
  // engine_measure.cc
  void measure();
  void tell_metrics();
  // engine_cpu.cc
  struct CpuState {
    bool busy = true;
    std::optional<CpuGrant> given;
    bool failed = false;  // which was told to the log
  };
  void watch_cpu(const base::InstanceId& id, const model::Template& spec, std::optional<CpuGrant> given);
  void take_all_for_busy();
  void settle_cpu(const base::InstanceId& id, CpuState& state);
  void settle_cpu(const Action& done);
  void settle_all_cpu();
  std::vector<model::ListeningSocket> listening_of(const base::InstanceId& id) const;
  void finish_stop();
  void add_usage(const base::InstanceId& id, SandboxEnd& end) const;
  model::Usage usage_of(const FleetInstance& instance, const SandboxUse& use) const;
  void report_usage();

  World world_;
  std::optional<net::Ledger> ledger_;
  Fleet fleet_;
  PlanInbox inbox_;
  std::unique_ptr<ControlLink> control_;
  std::unique_ptr<RouterLink> router_;
  std::map<base::InstanceId, std::unique_ptr<Sandbox>> sandboxes_;
  std::vector<std::unique_ptr<Sandbox>> ended_;          // destroyed in the next turn: we may be inside one of them
  std::map<base::InstanceId, int> owed_;                 // sockets that could not be made
  std::map<std::string, std::vector<base::Fd>> held_;    // for an earlier engine, until they are adopted
  std::set<base::InstanceId> told_to_stop_;              // by SIGTERM
  std::map<base::InstanceId, SandboxParting> partings_;  // of those whose containers end one after the other
  std::vector<model::RevisionPlan> saved_plan_;
  std::atomic<bool> plan_unsaved_ = false;  // it could not be written: the same one is tried again
  bool carrying_ = false;
  std::function<void()> stopped_;
  net::Timer deadline_;
  net::Timer sweep_;
  net::Timer retry_sockets_;
  net::Timer look_;
  base::Instant looked_at_{};
  net::msg::MachineBusy busy_;  // as the last look found it
  net::msg::MachineBusy told_;
  CpuConfinement confinement_;
  std::map<base::InstanceId, CpuState> cpu_;  // of revisions whose CPU changes
  net::Timer cpu_timer_;
  base::Instant cpu_due_{};
  net::Timer measure_more_;
  std::vector<model::MetricValue> measured_;   // of the instances, as it is told
  std::vector<model::MetricValue> measuring_;  // as far as it is read
  std::optional<base::Instant> measured_at_;   // when its reading began
  base::InstanceId last_measured_;
  std::uint64_t metrics_wanted_ = 0;  // control's newest question
  base::InstanceId last_looked_at_;
  net::Timer stop_by_;
  net::Timer usage_;
  net::Timer sync_reports_;
  NetworkThread writer_;  // of the plan, and of what a power cut must not take: nobody waits for the disk
};

}  // namespace marea::engine::local
