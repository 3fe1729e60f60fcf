// A layer's blob as a stream of plain tar bytes, read once: the blob's digest and the diff_id of the plain bytes are
// computed on the way and compared at the end, by finish(). Until then nothing of it may be trusted, so the reader
// writes into a directory that is thrown away when finish() fails.
//
// Compression bombs end here: the plain bytes are bounded in number and in proportion to the blob's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "pipeline/digest.h"
#include "pipeline/oci_image.h"

namespace marea::pipeline {

// A whole image, unpacked. The largest images in ordinary use (CUDA, LLM servers) are below it; a small disk is full.
inline constexpr std::int64_t kMostImageBytes = 16LL << 30;
// gzip reaches 1032:1 and zstd more on zeros; real layers stay below 20:1. Checked once a layer is large enough to
// hurt.
inline constexpr std::int64_t kMostRatio = 200;
inline constexpr std::int64_t kRatioFreeBytes = 256LL << 20;

// "gzip" and its like, as people write it.
std::string_view to_string(Compression compression);

// What the first bytes say: gzip 1f 8b, zstd 28 b5 2f fd (or a skippable frame); else plain.
Compression sniff(std::span<const std::byte> head);

class Decompressor;  // pipeline/decompress.h

struct StreamLimits {
  std::int64_t most_bytes = kMostImageBytes;        // plain bytes of this layer
  std::int64_t ratio_free_bytes = kRatioFreeBytes;  // plain bytes from which on kMostRatio holds
};

class LayerStream {
 public:
  // E_IMAGE_INVALID when the bytes are not what the media type says.
  static base::Result<LayerStream> open(const std::string& blobs, const Layer& layer, StreamLimits limits);
  // Any file, whose form its first bytes tell and whose digests nobody knows: finish() is not for it.
  static base::Result<LayerStream> open_untrusted(const std::string& path, StreamLimits limits);
  LayerStream(LayerStream&&) noexcept;
  LayerStream& operator=(LayerStream&&) noexcept;
  ~LayerStream();

  // The next plain bytes, valid until the next call; empty at the end. A failure repeats.
  base::Result<std::span<const std::byte>> next();

  // Reads what is left, then compares both digests. E_DIGEST_MISMATCH names the file, what was expected and found.
  base::Result<void> finish();

  // What to report when unpacking failed with `error`: if the blob is not what its digest says, that is the cause.
  base::Error blame(base::Error error);

  std::int64_t plain_bytes() const { return plain_bytes_; }

 private:
  LayerStream(std::string path, Layer layer, StreamLimits limits, base::Fd file);
  base::Result<void> fill();
  base::Result<std::span<const std::byte>> advance();

  std::string path_;
  Layer layer_;
  StreamLimits limits_;
  base::Fd file_;
  Sha256 blob_hash_;
  Sha256 plain_hash_;
  std::vector<std::byte> in_;
  std::span<const std::byte> pending_;  // the part of in_ that is not yet decompressed
  bool in_ended_ = false;
  std::int64_t blob_bytes_ = 0;
  std::int64_t plain_bytes_ = 0;
  std::vector<std::byte> out_;
  std::unique_ptr<Decompressor> decompressor_;
  std::optional<base::Error> failed_;
};

}  // namespace marea::pipeline
