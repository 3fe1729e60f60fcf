// What is at a path such as "status.conditions" of an object; names without dots only.
#pragma once

#include <string>
#include <string_view>

#include "api/errors.h"

namespace marea::api {

// Null when there is nothing.
const Json& value_at(const Json& object, std::string_view path);
// Empty when there is no text.
std::string text_at(const Json& object, std::string_view path);

}  // namespace marea::api
