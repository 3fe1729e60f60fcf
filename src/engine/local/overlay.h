// The root file system of a sandbox: the image's tree, shared and read-only, seen through an id map of the sandbox's
// own, under a writable layer in memory. All mounts are made in the private mount namespace of the engine, on a folder
// that exists there alone, and taken down as soon as the runtime has its copy: then they live exactly as long as the
// sandbox, whatever becomes of the engine.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace marea::engine::local {

// Gives this process a mount namespace of its own, nothing of which reaches the machine, with an empty memory file
// system at kStage. To be called once, before threads start.
base::Result<void> enter_stage();

// Every user may pass through it: the runtime makes mounts with the sandbox's own root, who owns nothing outside.
inline constexpr const char* kStage = "/run/marea-stage";

struct RootOrder {
  std::string folder;         // below kStage, exists
  std::string image;          // the unpacked tree, owned by net::kBuilderIdBase + n
  uid_t id_base = 0;          // the tree's id n is seen as id_base + n
  std::int64_t writable = 0;  // bytes of the writable layer; they count against whoever writes
};

// Mounts it at FOLDER/root.
base::Result<void> mount_root(const RootOrder& order);
// Takes it away from our namespace; who has a copy keeps it.
void unmount_root(const std::string& folder);

// A user namespace that maps `from`… onto `to`…, 65,536 ids: for id-mapped mounts.
base::Result<base::Fd> make_id_map(uid_t from, uid_t to);

// Whether the file system of `folder` can be mounted with mapped ids.
base::Result<void> check_id_mapped_mount(const std::string& folder);

}  // namespace marea::engine::local
