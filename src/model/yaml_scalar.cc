#include "model/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "model/characters.h"

namespace marea::model {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};

std::optional<std::uint64_t> magnitude(std::string_view digits) {
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char kind = digits[1];
    if (kind == 'x' || kind == 'X') {
      base = 16;
    } else if (kind == 'b' || kind == 'B') {
      base = 2;
    } else {
      base = 8;
    }
    digits.remove_prefix(base == 8 && kind != 'o' && kind != 'O' ? 1 : 2);
  }
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<Json> integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || !is_digit(text[0])) return std::nullopt;
  const auto value = magnitude(text);
  if (!value) return std::nullopt;
  if (!negative || *value == 0) return Json(*value);
  if (*value > 1ULL << 63U) return std::nullopt;
  return Json(static_cast<std::int64_t>(~*value + 1));
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool looks_like_float(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - from;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const std::size_t whole = digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<Json> decimal(std::string_view text) {
  if (!looks_like_float(text)) return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return Json(value);
}

std::optional<Json> number(std::string_view text) {
  if (text.empty() || !(is_digit(text[0]) || text[0] == '-' || text[0] == '+' || text[0] == '.')) return std::nullopt;
  std::string plain(text);
  std::erase(plain, '_');
  if (auto value = integer(plain)) return value;
  return decimal(plain);
}

}  // namespace

Json resolve_plain(std::string_view text) {
  if (std::ranges::find(kNull, text) != kNull.end()) return nullptr;
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  if (auto value = number(text)) return *std::move(value);
  return std::string(text);
}

std::optional<Json> resolve_tagged(std::string_view tag, std::string_view text) {
  if (!tag.starts_with(kTagPrefix)) return std::nullopt;
  tag.remove_prefix(kTagPrefix.size());
  if (tag == "str") return Json(std::string(text));
  Json value = resolve_plain(text);
  const bool fits = (tag == "int" && value.is_number_integer()) || (tag == "float" && value.is_number()) ||
                    (tag == "bool" && value.is_boolean()) || (tag == "null" && value.is_null()) ||
                    (tag == "timestamp" && value.is_string());
  if (!fits) return std::nullopt;
  return value;
}

std::optional<std::string> resolve_key(std::string_view text) {
  const Json value = resolve_plain(text);
  if (value.is_null()) return std::nullopt;
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_integer()) return value.dump();
  return std::string(text);
}

}  // namespace marea::model
