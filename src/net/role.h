// What a role process is to its keeper, and the identities under which roles run. app/role_main.cc connects the two: it
// reads the keeper's messages and calls these methods, all on the role's main loop.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "net/messages.h"

namespace marea::net {

// Numeric identities, without entries in /etc/passwd: above systemd's dynamic (61184–65519) and nspawn
// (0x80000–0x6FFFFFFF) ranges and below 2³¹, which some programs still take for the end.
inline constexpr uid_t kRoleUidBase = 0x7FFF0000;
inline constexpr uid_t kBuilderIdBase = 0x7FFE0000;   // the builder's user namespace: 65,536 ids from here
inline constexpr uid_t kInstanceIdBase = 0x70000000;  // slot n of the engine: 65,536 ids from base + n · 65,536
inline constexpr uid_t kIdRangeSize = 65536;
inline constexpr uid_t kInstanceOwnerBase = 0x7FD00000;  // slot n: base + n made its user namespace and is nobody else
inline constexpr int kMostInstanceSlots = 3000;          // keeps instance ranges below the builder's
static_assert(std::uint64_t{kInstanceIdBase} + std::uint64_t{kMostInstanceSlots + 1} * kIdRangeSize <=
              kInstanceOwnerBase);
static_assert(kInstanceOwnerBase + kMostInstanceSlots <= kBuilderIdBase);

// uid and gid of a role; keeper and engine are root.
constexpr uid_t role_uid(Role role) {
  switch (role) {
    case Role::keeper:
    case Role::engine: return 0;
    case Role::router: return kRoleUidBase + 1;
    case Role::control: return kRoleUidBase + 2;
    case Role::logs: return kRoleUidBase + 3;
    case Role::builder: return kBuilderIdBase;
  }
  return kRoleUidBase + 15;
}

// keeper → role.
class RoleProcess {
 public:
  virtual ~RoleProcess() = default;
  // A fresh link to `peer`; the older one, if any, is dead. Send it your whole state first.
  virtual void on_peer(Role peer, base::Fd link) = 0;
  virtual void on_listener(ListenerKind kind, std::string address, base::Fd listener) = 0;
  // Descriptors kept for this role: after a start those of an earlier life, then on_held_done(); later as they come.
  virtual void on_held(std::string key, std::vector<base::Fd> fds) = 0;
  virtual void on_held_done() = 0;
  virtual void on_builder_ended(std::uint64_t job, int wait_status) = 0;
  // End in order within `grace`, then call `done`; the process exits. Called once.
  virtual void on_stop(base::Duration grace, std::function<void()> done) = 0;
};

// role → keeper.
using ToKeeper = std::function<void(RoleToKeeper message, std::vector<base::Fd> fds)>;

}  // namespace marea::net
