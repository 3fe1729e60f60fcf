// The images that a revision runs, in the order of its containers, the app's first: what may not be removed while it is
// there. One that is not resolved yet has no digest.
#pragma once

#include <string>
#include <vector>

#include "model/revision.h"

namespace marea::control {

inline std::vector<const model::Image*> images_of(const model::Revision& revision) {
  std::vector<const model::Image*> out = {&revision.image};
  for (const model::Image& image : revision.sidecar_images) out.push_back(&image);
  return out;
}

// The references as the manifest has them, in the same order.
inline std::vector<std::string> references_of(const model::Template& spec) {
  std::vector<std::string> out = {spec.container.image};
  for (const model::Container& sidecar : spec.sidecars) out.push_back(sidecar.image);
  return out;
}

}  // namespace marea::control
