// From a directory with a Dockerfile to an unpacked image in marea's store, with buildah. The images that a FROM may
// name are those that marea knows; nothing is fetched here, as a build must not see the credentials of registries. The
// result's blobs are moved into the blob store, each under the digest that its bytes have, and unpacked like any other
// image (unpack_image.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/revision.h"
#include "net/loop.h"
#include "net/messages.h"
#include "pipeline/unpack_image.h"

namespace marea::pipeline {

inline constexpr std::size_t kMostDockerfileBytes = 1U << 20;
// Lines of a build that are passed on; a step that prints without end is still ended by the job's deadline.
inline constexpr int kMostProgressLines = 50'000;

// What a build is made on.
struct BuildBases {
  // A build that lacks images ends before it began: their names come here, as the Dockerfile has them, beside
  // E_IMAGE_NOT_FOUND; who pulls them begins it anew. Null: it is an error alone.
  std::vector<std::string>* needed = nullptr;
  // Called before it begins, with the digests of those that it is built on; may be empty.
  std::function<void(std::vector<std::string> digests)> on_used = {};
};

// The context is the folder itself, or CONTEXT/context.tar (plain, gzip or zstd), as the API stores an upload. Without
// a `Dockerfile` it gets the one of build_pack.h.
//
// Turns the loop until the build has ended. E_NOT_FOUND: no Dockerfile; E_IMAGE_NOT_FOUND: a FROM that marea does not
// know, with the names it knows; E_BUILD_FAILED: a step failed, with its last lines; and those of unpack_image().
base::Result<model::Image> build_image(net::Loop& loop, const net::msg::BuildImage& job, const JobEvents& events,
                                       const BuildBases& bases = {});

}  // namespace marea::pipeline
