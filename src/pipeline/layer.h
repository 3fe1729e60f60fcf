// Unpacking: a tar stream into a directory, safely (tree.h), within limits, with the whiteouts of OCI layers.
//
//   Budget budget;
//   unpack_layer("…/blobs", image.layers[0], "…/rootfs", {.budget = budget, .notice = say});
//
// A failure leaves the directory half-filled; the caller throws it away. Errors name the layer and the entry.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "pipeline/layer_stream.h"
#include "pipeline/oci_image.h"
#include "pipeline/tree.h"

namespace marea::pipeline {

// Half of an image: one file larger than that is a disk image or a mistake.
inline constexpr std::int64_t kMostFileBytes = 8LL << 30;
// Headers and padding come on top of the files: at most 1.5 kB for each, were all of them empty.
inline constexpr std::int64_t kMostStreamBytes = kMostImageBytes + (2LL << 30);
// An image's files and directories; ten times those of a large Node.js image.
inline constexpr std::int64_t kMostImageInodes = 1'000'000;
// Of skipped entries, named one by one; after that they are only counted.
inline constexpr int kMostNotices = 5;

inline constexpr std::int64_t kDiskBlock = 4096;  // what the smallest file takes, on most file systems

// What may still be spent; shared by all layers of an image.
struct Budget {
  std::int64_t bytes = kMostImageBytes;          // of files, holes included
  std::int64_t stream_bytes = kMostStreamBytes;  // of the tar streams
  std::int64_t inodes = kMostImageInodes;
  std::int64_t file_bytes = kMostFileBytes;
  std::int64_t ratio_free_bytes = kRatioFreeBytes;  // of each stream
  std::int64_t room = INT64_MAX;                    // of the disk, in whole blocks of kDiskBlock: E_DISK_BUDGET
};

struct UnpackOptions {
  Budget& budget;
  std::function<void(const std::string& line)> notice;  // something was left out; may be empty
  std::function<bool()> go_on;                          // asked now and then; false ends it; may be empty
  bool keep_owners = true;                              // false: all files belong to the caller
  bool whiteouts = true;                                // false: .wh.NAME is an ordinary name
};

// Applies one layer on top of what is in `root`; verifies its digest and diff_id.
base::Result<void> unpack_layer(const std::string& blobs, const Layer& layer, const std::string& root,
                                const UnpackOptions& options);

// Unpacks a plain, gzip or zstd tar file that nobody vouches for: a build context.
base::Result<void> unpack_tar_file(const std::string& file, const std::string& root, const UnpackOptions& options);

// For messages: control characters escaped, cut to 200 bytes.
std::string printable(std::string_view name);

}  // namespace marea::pipeline
