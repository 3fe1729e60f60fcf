// An OCI image layout: a directory with `oci-layout`, `index.json` and `blobs/sha256/HEX`, as buildah, skopeo, umoci,
// `docker buildx --output type=oci,tar=false` and tools/base-image write it. The CLI opens one to learn which blobs an
// image needs, uploads those that the platform lacks, and names the manifest's digest:
//
//   Result<OciReference> ref = parse_oci_reference("oci:./web:latest");
//   Result<LayoutImage> image = open_layout(ref->dir, ref->tag);
//   for (const LayoutBlob& blob : image->blobs) upload(blob.digest, blob.path, blob.bytes);
//
// Manifests and configs are verified by their digests here. Layers are only compared in size: they are hashed where
// they are received, and again where they are unpacked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/revision.h"

namespace marea::pipeline {

inline constexpr std::size_t kMostReferenceBytes = 4096;  // PATH_MAX

// oci:DIR[:TAG][@sha256:HEX]. The text after the last colon is the tag unless it contains a '/'; so a DIR that itself
// contains a colon in its last part is written with a tag or with a final colon ("oci:a:b:" is DIR "a:b", no tag).
struct OciReference {
  std::string dir;
  std::string tag;     // empty: the only image of the layout
  std::string digest;  // empty: not pinned
  friend bool operator==(const OciReference&, const OciReference&) = default;
};

bool is_oci_reference(std::string_view text);  // begins with "oci:"
base::Result<OciReference> parse_oci_reference(std::string_view text);
std::string to_string(const OciReference& reference);

struct LayoutBlob {
  std::string digest;
  std::int64_t bytes = 0;
  std::string path;
  std::string media_type;
};

struct LayoutImage {
  std::string digest;             // of the image manifest for this machine
  std::vector<LayoutBlob> blobs;  // layers, then config, then the manifest; each digest once
  model::ImageConfig config;      // uid, gid, groups and home are not resolved
};

// Errors: E_IMAGE_NOT_FOUND (no layout, no such tag; the tags there are listed), E_IMAGE_INVALID, E_DIGEST_MISMATCH.
base::Result<LayoutImage> open_layout(const std::string& dir, const std::string& tag);

// The same for a reference; a pinned digest must be the manifest's or that of the index entry that leads to it.
base::Result<LayoutImage> open_layout(const OciReference& reference);

}  // namespace marea::pipeline
