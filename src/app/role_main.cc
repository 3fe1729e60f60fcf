#include "app/role_main.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "app/role_options.h"
#include "app/roles.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/role.h"

namespace marea::app {
namespace {

using KeeperLink = net::Link<net::RoleToKeeper, net::KeeperToRole>;
constexpr int kKeeperFd = 3;

// What differs between variants of a keeper's message, as calls of the role.
class Dispatch {
 public:
  Dispatch(net::RoleProcess& role, net::Loop& loop, std::vector<base::Fd> fds)
      : role_(role), loop_(loop), fds_(std::move(fds)) {}

  void operator()(const net::msg::PeerLink& message) {
    if (fds_.size() == 1) role_.on_peer(message.peer, std::move(fds_[0]));
  }
  void operator()(net::msg::Listener& message) {
    if (fds_.size() == 1) role_.on_listener(message.kind, std::move(message.address), std::move(fds_[0]));
  }
  void operator()(net::msg::HeldFds& message) { role_.on_held(std::move(message.key), std::move(fds_)); }
  void operator()(const net::msg::HeldDone& /*message*/) { role_.on_held_done(); }
  void operator()(const net::msg::Stop& message) {
    role_.on_stop(message.grace, [&loop = loop_] { loop.stop(); });
  }
  void operator()(const net::msg::BuilderEnded& message) { role_.on_builder_ended(message.job, message.status); }

 private:
  net::RoleProcess& role_;
  net::Loop& loop_;
  std::vector<base::Fd> fds_;
};

int run_role(net::Role kind, const RoleOptions& options, base::Fd keeper) {
  const base::SystemClock clock;
  base::SystemRandom random;
  net::Loop loop(clock);
  const base::Log log(STDERR_FILENO, std::string(net::to_string(kind)));
  int exit_code = 0;
  std::unique_ptr<net::RoleProcess> role;
  KeeperLink link(
      loop, std::move(keeper),
      {.on_message = [&](net::KeeperToRole message,
                         std::vector<base::Fd> fds) { std::visit(Dispatch(*role, loop, std::move(fds)), message); },
       .on_closed =
           [&](const std::string&) {
             exit_code = 1;  // without keeper there are no listeners, no pipes, no future
             loop.stop();
           }});
  const net::ToKeeper to_keeper = [&link](net::RoleToKeeper message, std::vector<base::Fd> fds) {
    link.send(message, std::move(fds));
  };
  base::Result<std::unique_ptr<net::RoleProcess>> made =
      make_role(kind, {.loop = loop, .random = random, .log = log, .options = options, .to_keeper = to_keeper});
  if (!made) {
    log(base::Severity::error, made.error().what,
        {{"code", std::string(base::to_string(made.error().code))},
         {"why", made.error().why},
         {"remedy", made.error().remedy}});
    return 1;
  }
  role = std::move(*made);
  loop.run();
  role.reset();
  return exit_code;
}

}  // namespace

int role_main(net::Role role, int argc, char** argv) {
  const std::string name = "marea-" + std::string(net::to_string(role));
  ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  const base::Result<RoleOptions> options = parse_role_options(std::vector<std::string>(argv, argv + argc));
  int type = 0;
  socklen_t length = sizeof type;
  if (!options || ::getsockopt(kKeeperFd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
    std::fputs("marea: a role cannot run by itself. Run: marea serve\n", stderr);
    return 2;
  }
  ::fcntl(kKeeperFd, F_SETFD, FD_CLOEXEC);
  base::Fd keeper(kKeeperFd);
  if (role == net::Role::builder) {
    const auto given = [](int number) { return base::Fd(::fcntl(number, F_SETFD, FD_CLOEXEC) == 0 ? number : -1); };
    return run_builder_role(std::move(keeper), {.auth = given(kKeeperFd + 1), .registries = given(kKeeperFd + 2)});
  }
  return run_role(role, *options, std::move(keeper));
}

}  // namespace marea::app
