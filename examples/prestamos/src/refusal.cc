#include "refusal.h"

namespace prestamos {
namespace {

std::string filled(std::string_view text, const std::vector<std::string>& values) {
  std::string out;
  auto value = values.begin();
  while (!text.empty()) {
    const std::size_t place = text.find("{}");
    out += text.substr(0, place);
    if (place == std::string_view::npos) break;
    if (value != values.end()) out += *value++;
    text.remove_prefix(place + 2);
  }
  return out;
}

}  // namespace

Language language_of(std::string_view accept_language) {
  while (!accept_language.empty()) {
    const std::size_t comma = accept_language.find(',');
    std::string_view word = accept_language.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    if (word.starts_with("es")) return Language::spanish;
    if (word.starts_with("en")) return Language::english;
    accept_language = comma == std::string_view::npos ? std::string_view() : accept_language.substr(comma + 1);
  }
  return Language::english;
}

Both both(std::string_view english, std::string_view spanish, const std::vector<std::string>& values) {
  return {.english = filled(english, values), .spanish = filled(spanish, values)};
}

std::string money(std::int64_t cents) {
  const std::string rest = std::to_string(cents % 100);
  return std::to_string(cents / 100) + (rest.size() < 2 ? ".0" : ".") + rest;
}

}  // namespace prestamos
