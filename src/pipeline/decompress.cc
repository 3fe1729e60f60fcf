#include "pipeline/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace marea::pipeline {
namespace {

using Step = Decompressor::Step;

class Plain final : public Decompressor {
 public:
  std::expected<Step, std::string> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    const std::size_t count = std::min(in.size(), out.size());
    std::memcpy(out.data(), in.data(), count);
    return Step{.consumed = count, .produced = count};
  }
  bool complete() const override { return true; }
};

class Gzip final : public Decompressor {
 public:
  Gzip() { ready_ = ::inflateInit2(&stream_, kGzipOnly) == Z_OK; }
  ~Gzip() override { ::inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  std::expected<Step, std::string> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (!ready_) return std::unexpected("out of memory");
    if (between_ && !in.empty()) {
      ::inflateReset(&stream_);
      between_ = false;
    }
    const auto in_size = static_cast<uInt>(std::min<std::size_t>(in.size(), std::numeric_limits<uInt>::max()));
    const auto out_size = static_cast<uInt>(std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max()));
    // zlib's interface predates const; it does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = out_size;
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      between_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return std::unexpected(std::string("its gzip data is damaged") +
                             (stream_.msg != nullptr ? std::string(" (") + stream_.msg + ")" : ""));
    }
    return Step{.consumed = in_size - stream_.avail_in, .produced = out_size - stream_.avail_out};
  }
  bool complete() const override { return between_; }

 private:
  static constexpr int kGzipOnly = 15 + 16;  // largest window; 16: no zlib or raw streams
  z_stream stream_{};
  bool ready_ = false;
  bool between_ = false;
};

class Zstd final : public Decompressor {
 public:
  Zstd() : stream_(::ZSTD_createDCtx()) {
    if (stream_) ::ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMostZstdWindowLog);
  }
  std::expected<Step, std::string> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (!stream_) return std::unexpected("out of memory");
    ZSTD_inBuffer from{.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer to{.dst = out.data(), .size = out.size(), .pos = 0};
    const std::size_t result = ::ZSTD_decompressStream(stream_.get(), &to, &from);
    if (::ZSTD_isError(result) != 0) {
      return std::unexpected(std::string("its zstd data is damaged (") + ::ZSTD_getErrorName(result) + ")");
    }
    // Zero: a frame ended and all of it came out.
    if (from.pos > 0 || to.pos > 0) between_ = result == 0;
    return Step{.consumed = from.pos, .produced = to.pos};
  }
  bool complete() const override { return between_; }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* stream) const { ::ZSTD_freeDCtx(stream); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> stream_;
  bool between_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> make_decompressor(Compression compression) {
  switch (compression) {
    case Compression::none: return std::make_unique<Plain>();
    case Compression::gzip: return std::make_unique<Gzip>();
    case Compression::zstd: return std::make_unique<Zstd>();
  }
  return std::make_unique<Plain>();
}

}  // namespace marea::pipeline
