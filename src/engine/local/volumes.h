// The volumes of one instance: a file system in memory each, on the stage, which its containers see as bind mounts.
// They live as long as a container has them, whatever becomes of the engine.
//
// They count against the memory of whoever writes into them, so that a volume is always smaller than that: a full one
// is ENOSPC and not the end of a container.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/local/oci_config.h"
#include "model/service.h"

namespace marea::engine::local {

// Pure: bytes of a volume. Without a limit of its own half of what the containers may use together (Cloud Run's rule);
// in any case three quarters of the least memory limit among those that write into it.
std::int64_t volume_bytes(const model::Template& spec, const model::Volume& volume);

// Mounts those of the template below FOLDER/volumes; each is owned by `user` and `group` (ids of the machine) and open
// to every user of the sandbox, as in Kubernetes. Fails for volumes whose values are not here; one whose values are all
// optional is empty.
base::Result<void> mount_volumes(const std::string& folder, const model::Template& spec, uid_t user, gid_t group);

// Where the container's mounts come from, outer ones first; makes folders for those that want a part of a volume. To be
// called before any container of the instance runs: no part can be a link that one of them has made, and none is
// followed.
base::Result<std::vector<VolumeBind>> bind_volumes(const std::string& folder, const model::Template& spec,
                                                   const model::Container& container);

// Takes them away from our namespace; who has a copy keeps it. Does nothing where there are none.
void unmount_volumes(const std::string& folder);

}  // namespace marea::engine::local
