#include "pipeline/image_names.h"

#include <algorithm>
#include <optional>

namespace marea::pipeline {
namespace {

constexpr std::string_view kLocal = "localhost/";
constexpr std::string_view kLatest = ":latest";

bool is_repository_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '/' || c == ':';
}

bool is_tag_character(char c) {
  return is_repository_character(c) ? c != '/' && c != ':' : c >= 'A' && c <= 'Z';
}

struct NameParts {
  std::string_view repository;
  std::string_view tag;
};

// The colon of a tag comes after the last slash; an earlier one belongs to a port.
NameParts split(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon == std::string_view::npos) return {.repository = name, .tag = {}};
  return {.repository = name.substr(0, colon), .tag = name.substr(colon + 1)};
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

std::string_view next_word(std::string_view& line) {
  constexpr std::string_view kBlank = " \t\r,";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

// The words of a line that may name images: the first one of FROM that is no flag, and every from=.
std::vector<std::string_view> named_in(std::string_view line) {
  std::vector<std::string_view> out;
  bool after_from = lower(next_word(line)) == "from";
  while (!line.empty()) {
    std::string_view word = next_word(line);
    const std::size_t from = word.find("from=");
    if (from != std::string_view::npos) {
      out.push_back(word.substr(from + 5));
    } else if (after_from && !word.starts_with("--")) {
      out.push_back(word);
      after_from = false;
    }
  }
  return out;
}

bool same_image(std::string_view full, std::string_view written) {
  while (written.starts_with('"')) written.remove_prefix(1);
  while (written.ends_with('"')) written.remove_suffix(1);
  return full_image_name(written) == full;
}

}  // namespace

std::string full_image_name(std::string_view name) {
  const NameParts parts = split(name);
  if (parts.repository.empty() || name.size() > kMostImageNameBytes || name.ends_with(':')) return {};
  if (!std::ranges::all_of(parts.repository, is_repository_character)) return {};
  if (!std::ranges::all_of(parts.tag, is_tag_character)) return {};
  if (parts.repository.starts_with('/') || parts.repository.ends_with('/') || name.starts_with("oci:")) {
    return {};
  }
  const std::string_view first = name.substr(0, name.find('/'));
  const bool has_host = first.size() < name.size() && (first == "localhost" || first.find_first_of(".:") != first.npos);
  std::string out(has_host ? "" : kLocal);
  out += name;
  if (parts.tag.empty()) out += kLatest;
  return out;
}

KnownImages images_for(std::string_view dockerfile, const KnownImages& known) {
  std::vector<std::string_view> written;
  bool unclear = false;
  while (!dockerfile.empty()) {
    const std::size_t end = dockerfile.find('\n');
    for (const std::string_view word : named_in(dockerfile.substr(0, end))) {
      unclear = unclear || word.find_first_of("$\\") != std::string_view::npos;
      written.push_back(word);
    }
    dockerfile = end == std::string_view::npos ? std::string_view() : dockerfile.substr(end + 1);
  }
  KnownImages out;
  for (const auto& [name, digest] : known) {
    std::string full = full_image_name(name);
    if (full.empty()) continue;
    const bool named = std::ranges::any_of(written, [&](std::string_view word) { return same_image(full, word); });
    if (unclear || named) out.emplace_back(std::move(full), digest);
  }
  return out;
}

}  // namespace marea::pipeline
