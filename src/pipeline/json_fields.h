// Reading untrusted JSON without exceptions: absent or mistyped members are answers, not surprises.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace marea::pipeline {

using Json = nlohmann::json;

// The member, or null when `object` is no object or lacks it.
const Json* member(const Json& object, const char* key);

// The member's text; empty when absent, null or no text.
std::string text_member(const Json& object, const char* key);

// Nothing when absent, fractional or beyond 63 bits.
std::optional<std::int64_t> integer_member(const Json& object, const char* key);

// The texts of a list: empty when absent or null, nothing when it is no list of texts or longer than `most`.
std::optional<std::vector<std::string>> texts_member(const Json& object, const char* key, std::size_t most);

}  // namespace marea::pipeline
