// Removes what nobody needs of what the builder made: unpacked images and buildah's storage. An image's folder loses
// its name before its content, so that whoever looks meanwhile finds it whole or not at all; what a killed process
// leaves is removed by the next unpacking.
#pragma once

#include "base/error.h"
#include "net/messages.h"

namespace marea::pipeline {

// E_CONFLICT when a build is running and the storage shall be emptied.
base::Result<net::msg::DiskCleaned> clean_disk(const net::msg::CleanDisk& job);

}  // namespace marea::pipeline
