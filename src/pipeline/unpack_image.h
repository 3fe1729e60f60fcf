// From blobs to a root file system: BLOBS/sha256/HEX → IMAGES/HEX/{rootfs,image.json}, once per image. Every byte is
// verified by its digest, all layers share one budget, and the folder appears whole or not at all: it is filled under
// another name, synced, and renamed. HEX is the digest as it was asked for, of a manifest or of an index.
//
//   Result<model::Image> image = unpack_image("/run/marea/blobs", "sha256:…", "/run/marea/images", events);
//
// Runs as uid 0 of a user namespace whose ids are those of the image; ownership in the tree is as the image says.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "model/revision.h"

namespace marea::pipeline {

// What a job tells while it works, and whether it should go on. Both may be empty.
struct JobEvents {
  std::function<void(const std::string& line)> line;
  std::function<bool()> go_on;

  void say(const std::string& text) const {
    if (line) line(text);
  }
};

// At once when it is there already. Several processes may unpack into the same IMAGES; what a killed one left behind is
// removed by the next. Its files take at most `room` bytes of the disk, else E_DISK_BUDGET. E_IMAGE_NOT_FOUND,
// E_IMAGE_INVALID, E_DIGEST_MISMATCH, E_IMAGE_TOO_LARGE, E_DISK_FULL, E_IO.
base::Result<model::Image> unpack_image(const std::string& blobs, const std::string& digest, const std::string& images,
                                        const JobEvents& events, std::int64_t room = INT64_MAX);

// The unpacked image, or nothing when it is not there or not whole. Its rootfs is below `images`.
base::Result<model::Image> find_unpacked(const std::string& images, const std::string& digest);

}  // namespace marea::pipeline
