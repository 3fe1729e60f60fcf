// Why a sandbox ended, from what is known of it at its end. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/local/sandbox.h"

namespace marea::engine::local {

struct EndFacts {
  bool asked_to_stop = false;
  std::string failure;             // what the runtime, the kernel or the shim reported; empty: nothing
  std::optional<int> wait_status;  // of the app, as of waitpid(2), when the shim could report it
  std::optional<int> not_started;  // exit code of an app that could not be executed (126, 127)
  bool app_started = false;
  std::int64_t memory_limit = 0;
  std::int64_t out_of_memory_kills = 0;
  std::int64_t peak_memory_bytes = 0;
  base::Duration cpu{};
};

SandboxEnd judge_end(const EndFacts& facts);

}  // namespace marea::engine::local
