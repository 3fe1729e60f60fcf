// What went wrong with a registry, as marea's own error: skopeo tells it in words, which are looked through for the
// cause. What a person is shown of them has no address's query (it may hold a signature) and no body of an answer (a
// registry may send its reader anywhere). Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "pipeline/registry_reference.h"

namespace marea::pipeline {

// `said` is the last line of skopeo, or the error of its proxy.
base::Error registry_error(const RegistryReference& reference, std::string_view said);

// The words that may be shown.
std::string plain_cause(std::string_view said);

}  // namespace marea::pipeline
