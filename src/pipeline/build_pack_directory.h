// Reads what build_pack.h decides from: a closed list of names in a folder, links not followed, texts bounded.
#pragma once

#include <functional>
#include <string>

#include "pipeline/build_pack.h"

namespace marea::pipeline {

// `left_out(path)`: an ignore file keeps it out of the image, so it does not count. E_TOO_LARGE beyond
// kMostPackTextBytes; E_IO. A folder of a static site that is a link is not looked into.
base::Result<AppDirectory> read_app_directory(const std::string& dir,
                                              const std::function<bool(const std::string&)>& left_out);

}  // namespace marea::pipeline
