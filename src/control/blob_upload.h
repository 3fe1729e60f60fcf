// A blob on its way into the store: written beside, verified by its digest, put in place whole. Resource type; what is
// not finished leaves nothing behind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "pipeline/digest.h"

namespace marea::control {

inline constexpr std::uint64_t kMostBlobBytes = 16ULL << 30;  // a layer; the largest known ones are below 10 GiB

class BlobUpload {
 public:
  // `blobs` is the store (its folder sha256/ holds the files); `digest` must be valid (pipeline::is_digest).
  static base::Result<BlobUpload> begin(const std::string& blobs, const std::string& digest);
  BlobUpload(BlobUpload&& other) noexcept;
  BlobUpload& operator=(BlobUpload&&) = delete;
  BlobUpload(const BlobUpload&) = delete;
  BlobUpload& operator=(const BlobUpload&) = delete;
  ~BlobUpload();

  // Removes what a killed process left; before the first begin().
  static void remove_unfinished(const std::string& blobs);

  base::Result<void> write(std::string_view bytes);
  // E_DIGEST_MISMATCH when the bytes are others; then nothing is stored. On success the blob survives power loss.
  base::Result<void> finish();

 private:
  BlobUpload(std::string blobs, std::string digest, std::string path, base::Fd file);
  std::string folder_;
  std::string digest_;
  std::string path_;  // of the unfinished file; empty once it is in place
  base::Fd file_;
  pipeline::Sha256 hash_;
};

// Everything, or an error that names `what`.
base::Result<void> write_all(const base::Fd& file, std::string_view bytes, const std::string& what);

// The file of a blob.
std::string blob_path(const std::string& blobs, std::string_view digest);

}  // namespace marea::control
