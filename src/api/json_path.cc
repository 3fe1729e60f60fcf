#include "api/json_path.h"

#include <algorithm>

namespace marea::api {

const Json& value_at(const Json& object, std::string_view path) {
  static const Json kNothing;
  const Json* at = &object;
  while (!path.empty()) {
    const std::string_view word = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), word.size() + 1));
    if (!at->is_object()) return kNothing;
    const auto found = at->find(std::string(word));
    if (found == at->end()) return kNothing;
    at = &*found;
  }
  return *at;
}

std::string text_at(const Json& object, std::string_view path) {
  const Json& value = value_at(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

}  // namespace marea::api
