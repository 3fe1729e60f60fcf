// The image config: what the image says about how it is run, and the digests of its unpacked layers. Pure: text in,
// values out (OCI image-spec config.md; Docker's config has the same members).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "model/revision.h"

namespace marea::pipeline {

struct ConfigFile {
  std::string os;
  std::string architecture;
  std::vector<std::string> diff_ids;
  model::ImageConfig config;  // uid, gid, groups and home are not resolved
};

// `place` names the file in errors. E_IMAGE_INVALID.
base::Result<ConfigFile> parse_config(const std::string& text, const std::string& place);

}  // namespace marea::pipeline
