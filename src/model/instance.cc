#include "model/instance.h"

#include <array>

namespace marea::model {
namespace {

// signal(7), x86_64 and arm64.
constexpr std::array<std::string_view, 32> kSignals = {
    "0",         "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};

}  // namespace

std::string_view to_string(InstanceState state) {
  switch (state) {
    case InstanceState::prepared: return "prepared";
    case InstanceState::starting: return "starting";
    case InstanceState::running: return "running";
    case InstanceState::idle: return "idle";
    case InstanceState::frozen: return "frozen";
    case InstanceState::draining: return "draining";
    case InstanceState::failed: return "failed";
    case InstanceState::stopped: return "stopped";
  }
  return "failed";
}

std::string to_string(const ExitStatus& status) {
  if (status.out_of_memory) return "killed for its memory limit";
  if (status.signal == 0) return "exit code " + std::to_string(status.code);
  std::string out = "signal " + std::to_string(status.signal);
  if (status.signal > 0 && status.signal < static_cast<int>(kSignals.size())) {
    out += " (" + std::string(kSignals.at(static_cast<std::size_t>(status.signal))) + ")";
  }
  return out;
}

}  // namespace marea::model
