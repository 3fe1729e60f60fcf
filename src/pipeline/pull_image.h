// From a registry into marea's blobs, in two steps, so that control can make room between them: resolve_image() asks
// where a name leads and brings the manifests, pull_image() brings what is missing of the rest and unpacks it. Each
// blob is put in place whole, verified and synced, so a pull that was killed goes on where it was; what it had
// half-done is removed by the next.
#pragma once

#include "base/error.h"
#include "model/revision.h"
#include "net/loop.h"
#include "net/messages.h"
#include "pipeline/skopeo.h"
#include "pipeline/unpack_image.h"

namespace marea::pipeline {

// Of an index the entry for this machine is taken; its digest stays that of the index. Errors: skopeo.h,
// registry_error.h, parse_manifest_text(), E_DIGEST_MISMATCH.
base::Result<net::msg::ImageResolved> resolve_image(net::Loop& loop, const net::msg::ResolveImage& job,
                                                    const RegistryFiles& files, const JobEvents& events);

// The same, E_IMAGE_TOO_LARGE, E_DISK_BUDGET (beyond the job's room), and those of unpack_image(). The files are closed
// before anything is unpacked.
base::Result<model::Image> pull_image(net::Loop& loop, const net::msg::PullImage& job, RegistryFiles files,
                                      const JobEvents& events);

}  // namespace marea::pipeline
