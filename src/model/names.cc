#include "model/names.h"

#include <algorithm>

#include "model/characters.h"

namespace marea::model {
namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_alphanumeric(char c) {
  return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

// The shape shared by label values and the name part of metadata keys.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kMostLabelBytes && is_alphanumeric(text.front()) &&
         is_alphanumeric(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

std::string length_fault(std::size_t most, std::size_t bytes) {
  return "must have at most " + std::to_string(most) + " characters, has " + std::to_string(bytes);
}

}  // namespace

std::optional<std::string> source_name_fault(std::string_view name) {
  const auto good = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  if (!name.empty() && name.size() <= kMostAnnotationBytes && name.front() != '-' && name != "." && name != ".." &&
      std::ranges::all_of(name, good)) {
    return std::nullopt;
  }
  return "must be 1 to 253 letters, digits, -, _ or ., and not begin with -";
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string suggest_label(std::string_view text) {
  std::string out;
  for (const char c : lower_case(text)) {
    if (is_lower(c) || is_digit(c)) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  out.resize(std::min(out.size(), kMostLabelBytes));
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

std::optional<std::string> label_fault(std::string_view name) {
  if (name.empty()) return "must not be empty";
  if (name.size() > kMostLabelBytes) return length_fault(kMostLabelBytes, name.size());
  const bool good = name.front() != '-' && name.back() != '-' &&
                    std::ranges::all_of(name, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
  if (good) return std::nullopt;
  std::string out = "must consist of a-z, 0-9 and '-' and begin and end with a letter or digit";
  if (const std::string better = suggest_label(name); !better.empty()) out += "; for example \"" + better + "\"";
  return out;
}

std::optional<std::string> host_fault(std::string_view host) {
  if (host.empty()) return "must not be empty";
  if (host.size() > kMostHostBytes) return length_fault(kMostHostBytes, host.size());
  if (host.find("://") != std::string_view::npos) return "must be a host name alone, without a scheme such as http://";
  if (host.find('/') != std::string_view::npos) return "must be a host name alone, without a path";
  if (host.find('*') != std::string_view::npos) return "must name one host; wildcards are not supported";
  if (host.find(':') != std::string_view::npos) return "must be a host name alone, without a port";
  const std::string lower = lower_case(host);
  std::string_view rest = lower;
  while (true) {
    const std::size_t dot = rest.find('.');
    if (label_fault(rest.substr(0, dot))) {
      return "must be labels of a-z, 0-9 and '-', at most 63 characters each, joined by single dots";
    }
    if (dot == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(dot + 1);
  }
}

std::optional<std::string> metadata_key_fault(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view prefix = key.substr(0, slash);
    if (host_fault(prefix) || lower_case(prefix) != prefix) {
      return "must have a lower-case host name before the '/', as in example.com/team";
    }
    key.remove_prefix(slash + 1);
  }
  if (is_word(key)) return std::nullopt;
  return "must be [prefix/]name; the name has 1 to 63 letters, digits, '-', '_' or '.' and begins and ends with a "
         "letter or digit";
}

std::optional<std::string> label_value_fault(std::string_view value) {
  if (value.empty() || is_word(value)) return std::nullopt;
  return "must be empty or have 1 to 63 letters, digits, '-', '_' or '.', and begin and end with a letter or digit; "
         "longer text belongs in an annotation";
}

std::optional<std::string> env_name_fault(std::string_view name) {
  if (name.empty()) return "must not be empty";
  if (name.size() > kMostEnvNameBytes) return length_fault(kMostEnvNameBytes, name.size());
  const bool good = !is_digit(name.front()) && std::ranges::all_of(name, [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '-' || c == '.';
  });
  if (!good) return "must consist of letters, digits, '_', '-' and '.', and not begin with a digit";
  if (name == "PORT") {
    return "is reserved: the platform sets PORT; choose the port with ports[0].containerPort";
  }
  if (name.starts_with("K_")) return "is reserved: the platform sets K_SERVICE, K_REVISION, K_CONFIGURATION and others";
  if (name.starts_with("X_GOOGLE_")) return "is reserved on Cloud Run: names that begin with X_GOOGLE_ are refused";
  return std::nullopt;
}

}  // namespace marea::model
