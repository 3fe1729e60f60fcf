// What an image is on paper: its manifest and its config, read from blobs that are named by their digests. Every byte
// is hashed before it is believed, every size and count is bounded, and a failure says which file, what was expected
// and what was found. OCI image-spec 1.0 (manifest.md, config.md, image-index.md) and Docker's schema 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/revision.h"

namespace marea::pipeline {

// Registries refuse larger manifests (distribution-spec); configs of real images are below 100 kB.
inline constexpr std::size_t kMostManifestBytes = 4U << 20;
inline constexpr std::size_t kMostConfigBytes = 4U << 20;
inline constexpr std::size_t kMostLayers = 128;          // overlay2 and Docker stop at 127 or fewer
inline constexpr std::size_t kMostIndexEntries = 1000;   // a nested index lists platforms and their attestations
inline constexpr int kMostIndexDepth = 4;                // an index of indexes; deeper ones are made to annoy
inline constexpr std::size_t kMostConfigStrings = 4096;  // of each list: env, cmd, entrypoint
inline constexpr std::int64_t kMostBlobBytes = 16LL << 30;

// How a layer's tar is stored.
enum class Compression { none, gzip, zstd };

struct Descriptor {
  std::string media_type;
  std::string digest;
  std::int64_t bytes = 0;
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

struct Layer {
  Descriptor blob;
  Compression compression = Compression::none;
  std::string diff_id;  // digest of the tar without compression
  friend bool operator==(const Layer&, const Layer&) = default;
};

// A manifest and its config that were read and found consistent. The layers' blobs are not opened here.
struct OciImage {
  std::vector<Descriptor> indexes;  // the indexes that led to the manifest, outermost first
  Descriptor manifest;
  Descriptor config_blob;
  std::vector<Layer> layers;  // lowest first
  model::ImageConfig config;  // uid, gid, groups and home are not resolved
};

// The file of a blob: BLOBS/sha256/HEX, in a layout's blobs/ and in marea's own store alike.
std::string blob_path(const std::string& blobs, const std::string& digest);

// Reads a small blob and compares its size (unless `blob.bytes` is negative: unknown) and digest.
base::Result<std::string> read_blob(const std::string& blobs, const Descriptor& blob, std::size_t most);

// Compares a blob's size and digest, streaming. E_IMAGE_NOT_FOUND, E_DIGEST_MISMATCH.
base::Result<void> verify_blob(const std::string& blobs, const Descriptor& blob);

// What one manifest or index says, alone.
struct ManifestText {
  std::optional<Descriptor> next;  // of an index: the entry for this machine; the rest is empty then
  Descriptor config_blob;
  std::vector<Layer> layers;  // lowest first; without diff_ids
};
// `media_type` counts where the text does not say its own; `place` names it in errors. E_IMAGE_INVALID,
// E_IMAGE_TOO_LARGE, E_IMAGE_ARCHITECTURE.
base::Result<ManifestText> parse_manifest_text(const std::string& text, const std::string& media_type,
                                               const std::string& place);

// The indexes and the manifest that `root` leads to, read and compared with their digests; its config is not read.
base::Result<OciImage> read_manifests(const std::string& blobs, const std::string& root);

// About what layers take once they are unpacked: three times what they take compressed, as measured on Debian's and
// Node's.
std::int64_t unpacked_guess(const std::vector<Layer>& layers);

// From a manifest or an index (then the entry for this machine's platform) to the image.
base::Result<OciImage> read_image(const std::string& blobs, const Descriptor& root);

// The digests of all blobs that an image consists of, `root` first.
base::Result<std::vector<std::string>> blobs_of(const std::string& blobs, const std::string& root);

// One entry of an index's "manifests".
struct IndexEntry {
  Descriptor blob;
  std::string os;            // empty: no platform given
  std::string architecture;  // as Go names it: amd64, arm64
  std::string ref_name;      // annotation org.opencontainers.image.ref.name
};
// `place` names the file in errors.
base::Result<std::vector<IndexEntry>> parse_index(const std::string& text, const std::string& place);

// "amd64", "arm64", …: this machine, as images name it.
std::string host_architecture();

// Whether an entry may run here: linux on this architecture, or an entry that does not say.
bool fits_host(const IndexEntry& entry);

}  // namespace marea::pipeline
