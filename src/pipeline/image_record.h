// IMAGES/HEX/image.json: what is known of an unpacked image, written beside it as the last step, so that whoever finds
// the folder later need not read the image again. `rootfs` is not stored: it lies beside the file.
#pragma once

#include <string>

#include "base/error.h"
#include "model/revision.h"

namespace marea::pipeline {

std::string print_image_record(const model::Image& image);

// `place` names the file in errors. E_IMAGE_INVALID.
base::Result<model::Image> parse_image_record(const std::string& text, const std::string& place);

}  // namespace marea::pipeline
