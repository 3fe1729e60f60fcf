// One sandbox of this machine: calls the OCI runtime, then speaks with the shim that it left behind, and watches the
// shim's life: with it, as PID 1, ends everything inside.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/local/sandbox.h"
#include "engine/local/sandbox_bundle.h"
#include "engine/local/sandbox_end.h"
#include "engine/local/sandbox_machine.h"
#include "engine/local/sandbox_part.h"
#include "engine/local/shim_order.h"
#include "net/loop.h"
#include "net/process.h"

namespace marea::engine::local {

// A descriptor on the loop with a function of its owner; closes it.
class WatchedFd final : public net::Watcher {
 public:
  WatchedFd(net::Loop& loop, base::Fd fd, std::function<void()> ready);
  ~WatchedFd() override;
  WatchedFd(const WatchedFd&) = delete;
  WatchedFd& operator=(const WatchedFd&) = delete;
  int get() const { return fd_.get(); }
  base::Fd duplicate() const { return fd_.duplicate(); }
  void wait_for(std::uint32_t events) {
    if (watched_) loop_.modify(fd_.get(), events, *this);
  }
  void rest();  // no more events; the descriptor stays open
  void on_ready(std::uint32_t /*events*/) override { ready_(); }

 private:
  net::Loop& loop_;
  base::Fd fd_;
  std::function<void()> ready_;
  bool watched_ = true;
};

class LocalSandbox final : public Sandbox {
 public:
  // `order` is of the one container that it holds (container_view).
  static base::Result<std::unique_ptr<LocalSandbox>> create(SandboxMachine& machine, SandboxOrder order,
                                                            SandboxPart part, Events events);
  static base::Result<std::unique_ptr<LocalSandbox>> adopt(SandboxMachine& machine, SandboxOrder order,
                                                           SandboxPart part, SandboxPast past,
                                                           std::vector<base::Fd> held, Events events);
  ~LocalSandbox() override;
  LocalSandbox(const LocalSandbox&) = delete;
  LocalSandbox& operator=(const LocalSandbox&) = delete;

  void start() override;
  void stop(base::Duration grace) override;
  base::Result<std::vector<base::Fd>> make_sockets(int count) override;
  std::vector<model::ListeningSocket> listening() const override;
  SandboxUse use() const override;
  std::int64_t memory_bytes() const override;
  void confine(bool confined) override;
  bool give_cpu(CpuGrant grant) override;
  void app_ready() override {}  // nobody else is here

  // For a sandbox that joins it, while it lives; empty after that.
  base::Fd open_namespace(const char* kind) const;
  // The TCP sockets of its own container, where others share its network.
  std::vector<model::ListeningSocket> own_listening() const;
  // Takes the slot's network away from a group, whose first one this is: once all have ended.
  void disconnect();

 private:
  enum class Phase { preparing, connecting, prepared, started, ended };
  LocalSandbox(SandboxMachine& machine, SandboxOrder order, SandboxPart part, AppStart app, Events events);

  base::Result<void> prepare();
  base::Result<void> call_runtime(const OutputPipes& pipes);
  void on_runtime_exit(int status);
  base::Result<void> adopt_shim();
  void connect_network();
  void on_connected(const base::Result<void>& connected);
  bool on_shim_message();
  void on_report(const ShimReport& report);
  void send(const std::string& message);
  void flush();
  void fail(std::string why);
  void kill_all();
  void on_dead();
  void hold() const;
  void release() const;
  void finish();

  SandboxMachine& machine_;
  SandboxOrder order_;
  SandboxPart part_;
  std::string name_;  // of its cgroup and folders
  AppStart app_;
  Events events_;
  Phase phase_ = Phase::preparing;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for results that come from the network thread
  std::unique_ptr<net::Process> runtime_;
  std::string runtime_output_;
  std::unique_ptr<WatchedFd> control_;
  std::unique_ptr<WatchedFd> life_;  // the shim's pidfd
  base::Fd user_namespace_;          // until the runtime has ended
  std::shared_ptr<base::Fd> network_namespace_;
  bool has_device_ = false;
  pid_t shim_ = -1;
  std::string outgoing_;
  net::Timer kill_timer_;
  std::optional<base::Instant> kill_at_;
  net::Timer prepare_timer_;
  net::Timer cleanup_timer_;
  int cleanup_tries_ = 0;
  EndFacts facts_;
};

}  // namespace marea::engine::local
