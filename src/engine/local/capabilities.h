// The capabilities of a sandbox: those that ordinary images need to start (nginx changes its user, a database chowns
// its data), valid inside the sandbox's own user namespace and nowhere else.
#pragma once

#include <array>
#include <string_view>

namespace marea::engine::local {

inline constexpr std::array<std::string_view, 9> kAppCapabilities = {
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",           "CAP_FSETID",    "CAP_SETUID",
    "CAP_SETGID", "CAP_KILL",         "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"};

// What marea-shim needs beside them: to take them away from an app that shall have none.
inline constexpr std::string_view kShimCapability = "CAP_SETPCAP";

// The numbers of kAppCapabilities as a bit set, as /proc/PID/status prints CapBnd (linux/capability.h).
inline constexpr unsigned long kAppCapabilityBits =
    1UL << 0 | 1UL << 1 | 1UL << 3 | 1UL << 4 | 1UL << 5 | 1UL << 6 | 1UL << 7 | 1UL << 10 | 1UL << 18;

}  // namespace marea::engine::local
