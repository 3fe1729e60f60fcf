// What went wrong with a registry, as marea's own error: skopeo tells it in words, which are looked through for the
// cause. None of them is shown, as a registry may put anything into them, send its reader anywhere, and sign addresses:
// each cause has a sentence of marea's own, and what is unknown is told by its HTTP status. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "pipeline/registry_reference.h"

namespace marea::pipeline {

// `said` is the last line of skopeo, or the error of its proxy.
base::Error registry_error(const RegistryReference& reference, std::string_view said);

// The same for a build whose FROM `name` could not be had: what helps without that registry, too.
base::Error base_image_error(base::Error error, std::string_view build, std::string_view name);

}  // namespace marea::pipeline
