#include "app/cli_text.h"

#include <cstdlib>

namespace marea::app {

Language language_of(const char* lc_all, const char* lc_messages, const char* lang) {
  for (const char* value : {lc_all, lc_messages, lang}) {
    if (value == nullptr || *value == '\0') continue;
    const std::string_view name = value;
    const bool spanish = name.starts_with("es") && (name.size() == 2 || name[2] == '_' || name[2] == '.');
    return spanish ? Language::es : Language::en;
  }
  return Language::en;
}

Language language_of_environment() {
  return language_of(std::getenv("LC_ALL"), std::getenv("LC_MESSAGES"), std::getenv("LANG"));
}

}  // namespace marea::app
