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
// in any case at most what each container that writes into it has for it: three quarters of its memory limit, shared
// evenly among the volumes that it writes into.
std::int64_t volume_bytes(const model::Template& spec, const model::Volume& volume);
// Of all volumes, in their order.
std::vector<std::int64_t> volumes_bytes(const model::Template& spec);

struct VolumeOwner {  // ids of the machine
  uid_t user = 0;
  gid_t group = 0;
};

// Mounts those of the template below FOLDER/volumes, with `bytes` each (volumes_bytes of all containers' template);
// they are the owner's and open to every user of the sandbox, as in Kubernetes. Fails for volumes whose values are not
// here; one whose values are all optional is empty.
base::Result<void> mount_volumes(const std::string& folder, const model::Template& spec,
                                 const std::vector<std::int64_t>& bytes, VolumeOwner owner);

// Where the container's mounts come from, outer ones first; makes folders for those that want a part of a volume, and
// in an outer volume for those that lie below it, since nobody could in a read-only one. To be called before any
// container of the instance runs: no part can be a link that one of them has made, and none is followed.
base::Result<std::vector<VolumeBind>> bind_volumes(const std::string& folder, const model::Template& spec,
                                                   const model::Container& container);

// Takes them away from our namespace; who has a copy keeps it. Does nothing where there are none.
void unmount_volumes(const std::string& folder);

}  // namespace marea::engine::local
