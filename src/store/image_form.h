// model::Image ↔ JSON text, for the store alone. Unknown members are ignored and missing ones keep their defaults, so
// that an older or newer marea reads what another wrote.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/revision.h"

namespace marea::store {

// Of an image's own row: with the time of its last use (0: none) and the names that marea gave it by itself, which are
// not part of the image.
std::string image_to_text(const model::Image& image, std::int64_t used_unix_ns = 0,
                          const std::vector<std::string>& given = {});
std::int64_t used_in_text(const std::string& text);
std::vector<std::string> given_in_text(const std::string& text);
// The error has no place: the caller knows the row.
base::Result<model::Image> image_from_text(const std::string& text);

// Those of a revision: the app's, with the sidecars' in a member that older ones pass over. Empty before any is known.
std::string images_to_text(const model::Revision& revision);
base::Result<void> images_from_text(const std::string& text, model::Revision& revision);

}  // namespace marea::store
