// Which of its instance's containers a sandbox holds, and what it shares with the first one's: the user and the network
// namespace, and the volumes. Sandboxes of one instance have a cgroup, a root file system and a shim each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/strong_id.h"
#include "model/revision.h"

namespace marea::engine::local {

struct SandboxPart {
  std::size_t number = 0;  // 0: the app's, which has network and volumes made; 1: the first sidecar's
  base::Fd network;        // of a sidecar: the first one's namespaces
  base::Fd users;
  bool of_group = false;              // there are others: who holds them all releases keeper's copies
  bool waits = false;                 // of an adopted one: it was not started yet
  std::vector<std::int64_t> volumes;  // of the first one: bytes of each, by what all containers may use

  // What its cgroup and its folders are called; no instance's name has a dot.
  std::string name(const base::InstanceId& id) const;
};

// The instance whose container `name` is of: "a-b.2" is of "a-b".
std::string instance_of(const std::string& name);

// The revision as if the container were its only one. 0: the app's.
model::Revision container_view(const model::Revision& revision, std::size_t number);

}  // namespace marea::engine::local
