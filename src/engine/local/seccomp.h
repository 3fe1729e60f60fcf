// The system calls that a sandbox may make. A known and refused call (mount, bpf, ptrace, …) gives EPERM; a call that
// is in neither list gives ENOSYS, so that programs that probe for something new fall back as on an older kernel.
// clone3 is among the latter on purpose: its flags lie in memory where no filter can read them, and every libc falls
// back to clone, whose flags are checked for new namespaces.
//
// The allowed set follows what container engines allow by default (moby's profile, containers/common), without
// ptrace, io_uring, io_setup (the machine has one count of these contexts, fs.aio-max-nr; programs do without),
// userfaultfd, keyrings, performance counters, file handles, vsock and the 32-bit call table.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

namespace marea::engine::local {

std::span<const std::string_view> allowed_system_calls();
std::span<const std::string_view> refused_system_calls();

// linux.seccomp of an OCI config.json.
nlohmann::json seccomp_profile();

}  // namespace marea::engine::local
