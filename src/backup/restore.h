// From a backup to a data directory: read_backup() writes what the archive holds into an empty folder and believes none
// of it (names, sizes and digests must be those that the manifest lists, in its order; no name of the archive is ever
// used as a path; the store must open and load). restore() wraps it: everything appears in DATA whole or not at all,
// and where it may, the archive is read by a process without privileges, locked into that folder.
#pragma once

#include <cstdint>
#include <string>

#include "backup/backup_manifest.h"
#include "base/error.h"
#include "pipeline/layer_stream.h"

namespace marea::backup {

struct Restored {
  std::string created;  // when the backup was made
  std::int64_t services = 0;
  std::int64_t revisions = 0;
  std::int64_t blobs = 0;
};

// `folder` has control/ and blobs/sha256/, both empty. E_INVALID_ARGUMENT: it is no backup, or damaged, with the cause
// and the entry; E_DIGEST_MISMATCH; E_IO; E_DISK_FULL. `place` names the archive in errors.
base::Result<Restored> read_backup(pipeline::LayerStream& archive, const std::string& place, const std::string& folder);

// While this folder of a data directory exists, a restore into it has not ended.
inline constexpr const char* kRestoring = "restoring";

struct RestoreOptions {
  std::string archive;
  std::string data;    // made when missing; what is in it must be nothing, or what a restore that was killed left
  unsigned owner = 0;  // whom the files belong to (net::role_uid of control)
};
// E_CONFLICT when `data` is not empty.
base::Result<Restored> restore(const RestoreOptions& options);

}  // namespace marea::backup
