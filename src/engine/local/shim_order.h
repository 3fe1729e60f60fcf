// What marea-shim is told to run: a revision's container as Kubernetes and Cloud Run define it, resolved to one
// argument vector, environment and identity, and written as a message (shim_protocol.h). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/local/shim_protocol.h"
#include "model/revision.h"

namespace marea::engine::local {

struct AppStart {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // NAME=value
  std::string directory;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  bool keep_capabilities = false;
};

// `command` replaces the image's entry point and drops its arguments; `args` replaces the arguments. $(NAME) in both,
// and in later values of `env`, is the container's environment variable; $$(NAME) stays $(NAME). PORT and K_* are the
// platform's and win. Fails when neither manifest nor image name a program.
base::Result<AppStart> resolve_app(const model::Revision& revision);

// Header and body. Fails when a limit of shim_protocol.h is exceeded or a text holds a NUL.
base::Result<std::string> encode_start(const AppStart& start);
std::string encode_signal(int number);

// A sentence for people: "cannot run 'srever': there is no such program in PATH=/usr/bin".
std::string describe_not_started(const AppStart& start, ShimStep step, int error_number);

}  // namespace marea::engine::local
