// Images in one file: what `docker save` and `podman save` write (docker-archive:FILE[:NAME[:TAG]]) and a layout in a
// tar (oci-archive:FILE[:TAG]), plain or compressed with gzip or zstd. Both become an image layout in a folder, from
// which they go on like any other (oci_layout.h). Runs in the command line's process: the file is unpacked within the
// bounds of an image, links in it lead nowhere outside, and each layer is compared with its digest.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "pipeline/layer.h"
#include "pipeline/oci_layout.h"

namespace marea::pipeline {

enum class ArchiveKind { docker, oci };

struct ArchiveReference {
  ArchiveKind kind = ArchiveKind::docker;
  std::string file;
  std::string image;  // which of them: a name of docker's, or a layout's tag; empty: the only one
  friend bool operator==(const ArchiveReference&, const ArchiveReference&) = default;
};

bool is_archive_reference(std::string_view text);  // begins with "docker-archive:" or "oci-archive:"
// The file ends at the first colon. E_INVALID_ARGUMENT.
base::Result<ArchiveReference> parse_archive_reference(std::string_view text);
std::string to_string(const ArchiveReference& reference);

// oci:…, docker-archive:… or oci-archive:…: something on the machine where it was written.
bool is_local_reference(std::string_view text);

// Fills the empty folder `scratch` within `budget` and gives the image in it. E_IMAGE_NOT_FOUND (no such file or name;
// the names there are listed), E_IMAGE_INVALID, E_IMAGE_TOO_LARGE, E_DIGEST_MISMATCH, E_DISK_FULL, E_IO.
base::Result<OciReference> unpack_archive(const ArchiveReference& reference, const std::string& scratch,
                                          Budget budget = {});

}  // namespace marea::pipeline
