// The images that a revision runs: what may not be removed while it is there.
#pragma once

#include <vector>

#include "model/revision.h"

namespace marea::control {

inline std::vector<const model::Image*> images_of(const model::Revision& revision) {
  return {&revision.image};
}

}  // namespace marea::control
