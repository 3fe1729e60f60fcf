// IMAGES/HEX/image.json: what is known of an unpacked image, written beside it as the last step, so that whoever finds
// the folder later need not read the image again. `rootfs` is not stored: it lies beside the file. JSON;
// members that are not known are passed over, so that new ones may be added if they have a default. What this marea
// wrote is read by every later one.
#pragma once

#include <string>

#include "base/error.h"
#include "model/revision.h"

namespace marea::pipeline {

std::string print_image_record(const model::Image& image);

// `place` names the file in errors. E_IMAGE_INVALID.
base::Result<model::Image> parse_image_record(const std::string& text, const std::string& place);

}  // namespace marea::pipeline
