#include "pipeline/layer_stream.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "pipeline/decompress.h"
#include "pipeline/files.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::size_t kInBytes = 256U << 10;   // large enough that system calls do not show in a profile
constexpr std::size_t kOutBytes = 512U << 10;  // and small enough for the second-level cache
constexpr const char* kAgain = "Build or copy the image again.";

bool begins(std::span<const std::byte> head, std::initializer_list<unsigned> magic) {
  if (head.size() < magic.size()) return false;
  std::size_t at = 0;
  for (const unsigned byte : magic) {
    if (std::to_integer<unsigned>(head[at++]) != byte) return false;
  }
  return true;
}

}  // namespace

std::string_view to_string(Compression compression) {
  switch (compression) {
    case Compression::none: return "an uncompressed tar";
    case Compression::gzip: return "gzip";
    case Compression::zstd: return "zstd";
  }
  return "?";
}

Compression sniff(std::span<const std::byte> head) {
  if (begins(head, {0x1F, 0x8B})) return Compression::gzip;
  if (begins(head, {0x28, 0xB5, 0x2F, 0xFD})) return Compression::zstd;
  const bool skippable = head.size() >= 4 && (std::to_integer<unsigned>(head[0]) & 0xF0U) == 0x50U &&
                         begins(head.subspan(1), {0x2A, 0x4D, 0x18});
  return skippable ? Compression::zstd : Compression::none;
}

LayerStream::LayerStream(std::string path, Layer layer, StreamLimits limits, base::Fd file)
    : path_(std::move(path)),
      layer_(std::move(layer)),
      limits_(limits),
      file_(std::move(file)),
      in_(kInBytes),
      out_(kOutBytes),
      decompressor_(make_decompressor(layer_.compression)) {}
LayerStream::LayerStream(LayerStream&&) noexcept = default;
LayerStream& LayerStream::operator=(LayerStream&&) noexcept = default;
LayerStream::~LayerStream() = default;

base::Result<LayerStream> LayerStream::open(const std::string& blobs, const Layer& layer, StreamLimits limits) {
  const std::string path = blob_path(blobs, layer.blob.digest);
  base::Result<OpenFile> file = open_regular(path);
  if (!file) {
    base::Error error = file.error();
    error.code = ErrorCode::image_not_found;
    error.remedy = kAgain;
    return base::fail(std::move(error));
  }
  if (file->bytes != layer.blob.bytes) {
    return base::fail(ErrorCode::digest_mismatch, "cannot trust the layer " + path,
                      "expected " + std::to_string(layer.blob.bytes) + " bytes, found " + std::to_string(file->bytes),
                      kAgain);
  }
  LayerStream stream(path, layer, limits, std::move(file->fd));
  if (base::Result<void> filled = stream.fill(); !filled) return std::unexpected(filled.error());
  const Compression found = sniff(stream.pending_);
  if (found != layer.compression) {
    return base::fail(ErrorCode::image_invalid, "cannot unpack the layer " + path,
                      "its media type " + layer.blob.media_type + " says " + std::string(to_string(layer.compression)) +
                          ", its bytes are " + std::string(to_string(found)),
                      kAgain);
  }
  return stream;
}

base::Result<LayerStream> LayerStream::open_untrusted(const std::string& path, StreamLimits limits) {
  base::Result<OpenFile> file = open_regular(path);
  if (!file) return std::unexpected(file.error());
  LayerStream stream(path, Layer{}, limits, std::move(file->fd));
  if (base::Result<void> filled = stream.fill(); !filled) return std::unexpected(filled.error());
  stream.layer_.compression = sniff(stream.pending_);
  stream.decompressor_ = make_decompressor(stream.layer_.compression);
  return stream;
}

base::Error LayerStream::blame(base::Error error) {
  if (error.code != ErrorCode::image_invalid && error.code != ErrorCode::image_too_large) return error;
  while (!in_ended_) {
    if (base::Result<void> filled = fill(); !filled) return error;
  }
  const std::string blob = blob_hash_.finish();
  if (blob == layer_.blob.digest) return error;
  return {ErrorCode::digest_mismatch,
          "cannot trust the layer " + path_,
          "expected " + layer_.blob.digest + ", found " + blob,
          kAgain,
          {}};
}

base::Result<void> LayerStream::fill() {
  ssize_t got = -1;
  do {
    got = ::read(file_.get(), in_.data(), in_.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return base::fail(base::os_error("cannot read the layer " + path_));
  pending_ = std::span(in_).first(static_cast<std::size_t>(got));
  in_ended_ = got == 0;
  blob_bytes_ += got;
  blob_hash_.update(pending_);
  return {};
}

base::Result<std::span<const std::byte>> LayerStream::advance() {
  for (;;) {
    if (pending_.empty() && !in_ended_) {
      if (base::Result<void> filled = fill(); !filled) return std::unexpected(filled.error());
    }
    const std::expected<Decompressor::Step, std::string> step = decompressor_->step(pending_, out_);
    if (!step) return base::fail(ErrorCode::image_invalid, "cannot unpack the layer " + path_, step.error(), kAgain);
    pending_ = pending_.subspan(step->consumed);
    if (step->produced > 0) {
      plain_bytes_ += static_cast<std::int64_t>(step->produced);
      const std::span<const std::byte> piece = std::span(out_).first(step->produced);
      plain_hash_.update(piece);
      return piece;
    }
    if (step->consumed > 0 || !pending_.empty()) continue;
    if (!in_ended_) continue;
    if (!decompressor_->complete()) {
      return base::fail(ErrorCode::image_invalid, "cannot unpack the layer " + path_, "its data ends too early",
                        kAgain);
    }
    return std::span<const std::byte>();
  }
}

base::Result<std::span<const std::byte>> LayerStream::next() {
  if (failed_) return base::fail(*failed_);
  base::Result<std::span<const std::byte>> piece = advance();
  if (piece && plain_bytes_ > limits_.most_bytes) {
    piece = base::fail(ErrorCode::image_too_large, "cannot unpack the layer " + path_,
                       "unpacked, the image is larger than " + std::to_string(kMostImageBytes) + " bytes",
                       "Make the image smaller.");
  } else if (piece && plain_bytes_ > limits_.ratio_free_bytes && plain_bytes_ / kMostRatio > blob_bytes_) {
    piece = base::fail(ErrorCode::image_too_large, "cannot unpack the layer " + path_,
                       "it grows to more than " + std::to_string(kMostRatio) + " times its size: a decompression bomb",
                       "Make the image without large files of zeros.");
  }
  if (!piece) failed_ = piece.error();
  return piece;
}

base::Result<void> LayerStream::finish() {
  for (;;) {
    base::Result<std::span<const std::byte>> piece = next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) break;
  }
  const std::string blob = blob_hash_.finish();
  if (blob != layer_.blob.digest) {
    return base::fail(ErrorCode::digest_mismatch, "cannot trust the layer " + path_,
                      "expected " + layer_.blob.digest + ", found " + blob, kAgain);
  }
  const std::string plain = plain_hash_.finish();
  if (plain != layer_.diff_id) {
    return base::fail(
        ErrorCode::digest_mismatch, "cannot trust the layer " + path_,
        "its unpacked content should be " + layer_.diff_id + " (diff_id in the image config), found " + plain, kAgain);
  }
  return {};
}

}  // namespace marea::pipeline
