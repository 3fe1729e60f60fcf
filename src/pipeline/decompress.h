// Streaming decompression of one layer: bytes in, plain bytes out, in the pieces that the caller has room for. gzip
// members and zstd frames may follow one another (pigz, stargz and zstd:chunked do that); anything else after the last
// one is an error.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "pipeline/oci_image.h"

namespace marea::pipeline {

// zstd may ask for a window as large as it likes; the command line tool stops at 128 MiB too.
inline constexpr int kMostZstdWindowLog = 27;

class Decompressor {
 public:
  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };
  virtual ~Decompressor() = default;
  // The error's text is the cause alone; the caller knows the file.
  virtual std::expected<Step, std::string> step(std::span<const std::byte> in, std::span<std::byte> out) = 0;
  // True when the input may end here: between members or frames.
  virtual bool complete() const = 0;
};

std::unique_ptr<Decompressor> make_decompressor(Compression compression);

}  // namespace marea::pipeline
