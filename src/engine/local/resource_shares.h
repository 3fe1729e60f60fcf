// rlimit(2) of a sandbox's processes. The shim takes them on before it starts the app: only lowering is needed, which
// anyone may; a runtime would need a right over the sandbox that not every root has. Those that the kernel sums up for
// the maker of a user namespace are the namespace's too (user_namespace.h).
//
// This header is also the shim's: it needs nothing but the C library.
#pragma once

#include <sys/resource.h>

namespace marea::engine::local {

struct ResourceShare {
  __rlimit_resource resource = RLIMIT_NOFILE;
  rlim_t value = 0;
};

inline constexpr ResourceShare kResourceShares[] = {
    {RLIMIT_NOFILE, 20'000},  // what unprivileged platforms give and servers ask for
    // A core file of one byte: none is written, and neither is a program of the machine started for it, as it would be
    // with zero where core_pattern begins with "|".
    {RLIMIT_CORE, 1},
    {RLIMIT_MSGQUEUE, 819'200},    // bytes; the kernel's own default for a user
    {RLIMIT_SIGPENDING, 4096},     // each is some 100 bytes of the kernel's
    {RLIMIT_MEMLOCK, 8UL << 20U},  // the kernel's own default
};

// Lowers those of this process that are above; each at least to what it is. System calls alone.
inline void take_resource_shares() {
  for (const ResourceShare& share : kResourceShares) {
    rlimit limit{};
    if (::getrlimit(share.resource, &limit) != 0) continue;
    if (limit.rlim_max > share.value) limit.rlim_max = share.value;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(share.resource, &limit);
  }
}

}  // namespace marea::engine::local
