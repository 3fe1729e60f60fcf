#include "app/keeper_main.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/role_options.h"
#include "app/serve.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/local/data_dir.h"
#include "engine/local/keeper.h"
#include "engine/local/machine_checks.h"
#include "net/listen.h"
#include "net/loop.h"

namespace marea::app {
namespace {

using engine::local::Keeper;

constexpr int kExitFailure = 1;
constexpr int kExitNotAllowed = 4;
constexpr int kExitInterrupted = 130;

int report(const base::Error& error) {
  std::fprintf(stderr, "marea: %s [%s]\n", error.what.c_str(), std::string(base::to_string(error.code)).c_str());
  if (!error.why.empty()) std::fprintf(stderr, "  %s\n", error.why.c_str());
  if (!error.remedy.empty()) std::fprintf(stderr, "  → %s\n", error.remedy.c_str());
  return error.code == base::ErrorCode::privilege_missing ? kExitNotAllowed : kExitFailure;
}

ServeOptions parse(int argc, char** argv) {
  ServeOptions out;
  std::vector<std::string> limits;
  for (int i = 0; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--data") out.data = argv[i + 1];
    if (name == "--http") out.http = argv[i + 1];
    if (name == "--api") out.api = argv[i + 1];
    if (name == "--runtime") out.runtime = argv[i + 1];
    if (name == "--request-log") out.request_log = argv[i + 1];
    if (name == "--limit") limits.emplace_back(argv[i + 1]);
    if (name == "--registry-auth") out.registry_auth = argv[i + 1];
    if (name == "--registries") out.registries = argv[i + 1];
    if (name == "--disk-limit") out.disk_limit = std::atoi(argv[i + 1]);
  }
  if (const auto parsed = model::parse_limits(limits)) out.limits = *parsed;  // `marea serve` has told the faults
  return out;
}

std::string shim_path() {
  std::error_code ignored;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return (self.parent_path() / "marea-shim").string();
}

// Calls `act` on SIGTERM and SIGINT, in turns of the loop.
class StopSignals final : public net::Watcher {
 public:
  StopSignals(net::Loop& loop, std::function<void(int)> act) : loop_(loop), act_(std::move(act)) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    ::sigaddset(&set, SIGINT);
    ::sigaddset(&set, SIGHUP);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    fd_ = base::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!loop_.add(fd_.get(), EPOLLIN, *this)) std::abort();
  }
  ~StopSignals() override { loop_.remove(fd_.get(), *this); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  void on_ready(std::uint32_t /*events*/) override {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      act_(static_cast<int>(info.ssi_signo));
    }
  }

 private:
  net::Loop& loop_;
  std::function<void(int)> act_;
  base::Fd fd_;
};

base::Result<net::Listening> listen_for(std::string_view option, const std::string& address) {
  base::Result<net::Listening> out = net::listen_tcp(address);
  if (!out) out.error().what += " (" + std::string(option) + ")";
  return out;
}

base::Result<Keeper::Options> keeper_options(const ServeOptions& options) {
  base::Result<net::Listening> http = listen_for("--http", options.http);
  if (!http) return std::unexpected(http.error());
  base::Result<net::Listening> api = listen_for("--api", options.api);
  if (!api) return std::unexpected(api.error());
  base::Result<net::Listening> socket = net::listen_unix(options.data + "/api.sock", 0660);
  if (!socket) return std::unexpected(socket.error());
  Keeper::Options out;
  out.data_dir = options.data;
  const std::string place = options.data + "/registry/";
  out.registry_auth = options.registry_auth.empty() ? place + "auth.json" : options.registry_auth;
  out.registries = options.registries.empty() ? place + "registries.conf" : options.registries;
  out.arguments = [role_options = RoleOptions{.data = engine::local::kDataView,
                                              .runtime = options.runtime,
                                              .shim = shim_path(),
                                              .http_port = http->port,
                                              .records = options.request_log != "off",
                                              .limits = options.limits,
                                              .place = options.data,
                                              .disk_limit = options.disk_limit}](net::Role) {
    return to_arguments(role_options);
  };
  out.listeners.emplace_back(net::ListenerKind::http, std::move(*http));
  out.listeners.emplace_back(net::ListenerKind::api_tcp, std::move(*api));
  out.listeners.emplace_back(net::ListenerKind::api_unix, std::move(*socket));
  return out;
}

base::ErrorCode code_of(const engine::local::MachineCheck& check) {
  if (check.name == "privilege") return base::ErrorCode::privilege_missing;
  return check.name == "runtime" ? base::ErrorCode::dependency_missing : base::ErrorCode::kernel_feature;
}

// What no instance could start without; all of it at once.
base::Result<void> check_fit(const ServeOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(options.data, failed);
  if (failed) return {};  // prepare_data_dir says it better
  base::Error out{.what = "marea cannot start on this machine", .more = "docs/cli.md#e_kernel_feature"};
  bool fit = true;
  const std::string runtime = options.runtime == "auto" ? "" : options.runtime;
  for (const auto& check : engine::local::check_machine(base::SystemClock(), options.data, runtime)) {
    if (check.ok || !check.required) continue;
    if (fit) out.code = code_of(check);
    out.why += (fit ? "" : "\n  ") + check.name + ": " + check.what + ": " + check.why;
    out.remedy += (fit ? "" : "\n  → ") + check.remedy;
    fit = false;
  }
  if (fit) return {};
  return std::unexpected(std::move(out));
}

int run_keeper(Keeper::Options options, const std::string& data) {
  const base::SystemClock clock;
  net::Loop loop(clock);
  const base::Log log(STDERR_FILENO, "keeper");
  const std::string http = options.listeners.at(0).second.address;
  const std::string api = options.listeners.at(1).second.address;
  int exit_code = 0;
  int signals = 0;
  Keeper keeper(loop, log, std::move(options));
  StopSignals stop(loop, [&](int signal_number) {
    ++signals;
    if (signals == 1) {
      log(base::Severity::notice, "stopping; a second signal ends everything at once");
      keeper.stop([&loop] { loop.stop(); });
      if (signal_number == SIGINT) exit_code = kExitInterrupted;
    } else {
      keeper.kill_all();
    }
  });
  if (const base::Result<void> started = keeper.start(); !started) return report(started.error());
  log(base::Severity::notice, "marea is up",
      {{"http", "http://" + http}, {"api", "http://" + api}, {"socket", data + "/api.sock"}});
  loop.run();
  return exit_code;
}

}  // namespace

int keeper_main(int argc, char** argv) {
  ::prctl(PR_SET_NAME, "marea-keeper", 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  const ServeOptions options = parse(argc, argv);
  if (::geteuid() != 0) {
    return report({base::ErrorCode::privilege_missing,
                   "marea cannot start",
                   "sandboxes are set up by root",
                   "Run: sudo marea serve",
                   {}});
  }
  if (const base::Result<void> fit = check_fit(options); !fit) return report(fit.error());
  if (const base::Result<void> prepared = engine::local::prepare_data_dir(options.data); !prepared) {
    return report(prepared.error());
  }
  const base::Result<base::Fd> lock = engine::local::lock_data_dir(options.data);
  if (!lock) return report(lock.error());
  base::Result<Keeper::Options> made = keeper_options(options);
  if (!made) return report(made.error());
  return run_keeper(std::move(*made), options.data);
}

}  // namespace marea::app
