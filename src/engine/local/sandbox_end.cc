#include "engine/local/sandbox_end.h"

#include <sys/wait.h>
#include <csignal>

namespace marea::engine::local {
namespace {

std::optional<model::ExitStatus> exit_of(const EndFacts& facts) {
  if (facts.not_started) return model::ExitStatus{.code = *facts.not_started};
  if (facts.wait_status) {
    const int status = *facts.wait_status;
    if (WIFSIGNALED(status)) return model::ExitStatus{.signal = WTERMSIG(status)};
    return model::ExitStatus{.code = WEXITSTATUS(status)};
  }
  // The whole sandbox was killed at once, its first process too.
  if (facts.app_started) return model::ExitStatus{.signal = SIGKILL};
  return std::nullopt;
}

}  // namespace

SandboxEnd judge_end(const EndFacts& facts) {
  SandboxEnd end;
  end.peak_memory_bytes = facts.peak_memory_bytes;
  end.cpu = facts.cpu;
  end.exit = exit_of(facts);
  end.detail = facts.failure;
  if (facts.asked_to_stop) return end;
  const bool bad_end = !end.exit || end.exit->code != 0 || end.exit->signal != 0;
  if (facts.out_of_memory_kills > 0 && bad_end) {
    end.reason = model::Reason::out_of_memory;
    if (end.exit) end.exit->out_of_memory = true;
    end.detail = "a process was killed because the memory limit of " +
                 std::to_string(facts.memory_limit / (1LL << 20)) + " MiB was reached";
    return end;
  }
  if (!end.exit) {
    end.reason = model::Reason::sandbox_failed;
    if (end.detail.empty()) end.detail = "the sandbox ended before the app was started";
    return end;
  }
  end.reason = end.exit->signal != 0 ? model::Reason::app_killed : model::Reason::app_exited;
  if (end.detail.empty()) end.detail = "the app ended: " + model::to_string(*end.exit);
  return end;
}

}  // namespace marea::engine::local
