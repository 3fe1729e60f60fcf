// keeper: the one process that must not die, and therefore does almost nothing. It holds the listening sockets and
// every descriptor that must outlive a role, starts the other roles and starts them again, and connects them: whenever
// a role comes up, both ends of each of its links get a fresh socket (net::msg::PeerLink). It reads no bytes but the
// fixed messages of net/messages.h.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "net/link.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/messages.h"

namespace marea::engine::local {

class Keeper final : public net::Watcher {
 public:
  struct Options {
    std::string data_dir;  // absolute, prepared (data_dir.h)
    // What follows "marea ROLE" on the command line of each role.
    std::function<std::vector<std::string>(net::Role)> arguments;
    std::vector<std::pair<net::ListenerKind, net::Listening>> listeners;
    // Read anew for each job that asks registries, as only root may be allowed to; what is absent is empty to it.
    std::string registry_auth;  // containers-auth.json(5)
    std::string registries;     // containers-registries.conf(5)
  };
  Keeper(net::Loop& loop, const base::Log& log, Options options);
  ~Keeper() override;
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Starts all roles. An error here ends the start: nothing is left running.
  base::Result<void> start();
  // router stops first (its requests finish), then engine (its instances end), then control and logs. `done` is called
  // when every role has ended; a role that overstays its grace is killed.
  void stop(std::function<void()> done);
  // Ends everything at once (a second SIGINT).
  void kill_all();

  // Signals (SIGCHLD) arrive through a signalfd.
  void on_ready(std::uint32_t events) override;

 private:
  using RoleLink = net::Link<net::KeeperToRole, net::RoleToKeeper>;
  struct Child {
    net::Role role = net::Role::keeper;
    pid_t pid = -1;
    std::unique_ptr<RoleLink> link;
    std::unique_ptr<net::Timer> again;  // next start after a death, or the kill after a grace
    std::optional<base::Backoff> backoff;
    base::Instant started{};
    bool stopping = false;
  };
  struct Held {
    net::Role owner;
    std::vector<base::Fd> fds;
  };

  base::Result<void> start_child(Child& child);
  void introduce(Child& child);
  void connect(net::Role a, net::Role b);
  void on_message(net::Role from, net::RoleToKeeper message, std::vector<base::Fd> fds);
  void hold(net::Role owner, std::string key, std::vector<base::Fd> fds);
  void run_builder(const net::msg::RunBuilder& order, std::vector<base::Fd> fds);
  void warn_of_readers(const base::Fd& file, const std::string& path);
  void reap();
  void child_ended(Child& child, int status);
  void stop_next();
  Child* child_of(net::Role role);

  net::Loop& loop_;
  const base::Log& log_;
  Options options_;
  base::Fd signals_;
  std::array<Child, 4> children_;
  std::map<std::string, Held> held_;
  std::map<std::uint64_t, pid_t> builders_;
  std::function<void()> stopped_;
  std::size_t stop_step_ = 0;
  bool warned_ = false;  // of a file of credentials that others may read
};

}  // namespace marea::engine::local
