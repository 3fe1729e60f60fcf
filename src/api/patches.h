// Changes to a document as clients send them: JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396). Pure. What a patch
// may make of a document is bounded, however its operations copy.
#pragma once

#include <expected>
#include <string>

#include "api/errors.h"

namespace marea::api {

inline constexpr std::size_t kMostPatchOperations = 1'000;
// Of what "copy" and "add" put into the document, in values: a document has at most kMostManifestNodes.
inline constexpr std::size_t kMostPatchedValues = 100'000;
// The same in bytes of text and names: a large text is one value.
inline constexpr std::size_t kMostPatchedBytes = 4U << 20;

// The error is a sentence. `document` is left half changed by one that fails.
std::expected<void, std::string> apply_json_patch(Json& document, const Json& patch);

// Members that are null in the patch are removed; lists are replaced.
void apply_merge_patch(Json& document, const Json& patch);

}  // namespace marea::api
