// The data directory: who owns which part. Every role sees it at kDataView, through a mount of its own, so that it may
// lie anywhere, also below a folder that only root can enter.
#pragma once

#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace marea::engine::local {

inline constexpr const char* kDataView = "/run/marea";

// A folder that backup::restore() makes and removes (backup/restore.h): while it is there, the directory is not whole.
inline constexpr const char* kRestoring = "restoring";

// Makes what is missing and sets owners and modes:
//
//   control/   control's store                        incoming/  uploads on their way; control writes, builder reads
//   blobs/     image blobs; control and builder        images/    unpacked images; builder writes, control reads
//   build/     buildah's storage and cache             logs/      logs writes, control reads
//   router/    the last routes, the key of its cookies run/       engine's instances, final reports, last plan
//   requests/  records of requests; router writes, control reads
//   registry/  the operator's: auth.json, registries.conf, certs.d/; builder reads
base::Result<void> prepare_data_dir(const std::string& path);

// One marea per data directory: an exclusive lock for as long as the descriptor is open.
base::Result<base::Fd> lock_data_dir(const std::string& path);

}  // namespace marea::engine::local
