// The profile of seccomp.h as the program that the kernel runs (seccomp(2), BPF). A runtime that is given only the
// profile compiles it anew for each sandbox, a tenth of what a start costs; crun takes the program.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace marea::engine::local {

// `profile`: linux.seccomp of an OCI config.json. The instructions are `struct sock_filter` in base64. Names that
// libseccomp does not know are left out, as runtimes do: their calls get the profile's default action. Errors:
// kernel_feature, when libseccomp refuses a rule.
base::Result<std::string> compile_seccomp(const nlohmann::json& profile);

}  // namespace marea::engine::local
