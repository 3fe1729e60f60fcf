// Removes what nobody needs of what the builder made: unpacked images and buildah's storage. An image's folder loses
// its name before its content, so that whoever looks meanwhile finds it whole or not at all; all names go before any
// content, and none once nobody waits for the job any more, since who asked may have died and another use them. What a
// killed process has left in the folder of images is removed, too, and blobs that control has taken the names of.
#pragma once

#include "base/error.h"
#include "net/messages.h"
#include "pipeline/unpack_image.h"

namespace marea::pipeline {

// E_CONFLICT when a build is running and the storage shall be emptied; E_UNAVAILABLE when the job was given up.
base::Result<net::msg::DiskCleaned> clean_disk(const net::msg::CleanDisk& job, const JobEvents& events);

}  // namespace marea::pipeline
