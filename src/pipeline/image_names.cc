#include "pipeline/image_names.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <optional>

#include "pipeline/archive_layout.h"
#include "pipeline/digest.h"
#include "pipeline/registry_reference.h"

namespace marea::pipeline {
namespace {

constexpr std::string_view kLocal = "localhost/";
constexpr std::string_view kPinned = "localhost/pinned:";
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
  constexpr std::string_view kBlank = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

std::string_view unquoted(std::string_view word) {
  while (word.starts_with('"')) word.remove_prefix(1);
  while (word.ends_with('"')) word.remove_suffix(1);
  return word;
}

bool same_image(std::string_view full, std::string_view written) {
  return full_image_name(unquoted(written)) == full;
}

using Arguments = std::map<std::string, std::string, std::less<>>;

// $NAME, ${NAME} and ${NAME:-VALUE}; a variable without a value stays.
std::string with_arguments(std::string_view word, const Arguments& arguments) {
  std::string out;
  for (std::size_t i = 0; i < word.size();) {
    if (word[i] != '$') {
      out += word[i++];
      continue;
    }
    const bool braced = i + 1 < word.size() && word[i + 1] == '{';
    const std::size_t from = i + (braced ? 2 : 1);
    std::size_t end = from;
    while (end < word.size() && (std::isalnum(static_cast<unsigned char>(word[end])) != 0 || word[end] == '_')) ++end;
    const auto found = arguments.find(word.substr(from, end - from));
    std::size_t next = end;
    std::string otherwise;
    if (braced) {
      const std::size_t close = word.find('}', end);
      if (close == std::string_view::npos) return std::string(word);
      const std::string_view rest = word.substr(end, close - end);
      if (rest.starts_with(":-")) otherwise = rest.substr(2);
      next = close + 1;
    }
    const std::string value = found == arguments.end() || found->second.empty() ? otherwise : found->second;
    out += value.empty() ? std::string(word.substr(i, next - i)) : value;
    i = next;
  }
  return out;
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  text.remove_suffix(text.size() - std::min(text.find_last_not_of(kBlank) + 1, text.size()));
  return text;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return out;
}

struct Instruction {
  std::string keyword;  // in lower case
  std::string rest;     // its lines, joined
};

// "# escape=`" before anything else; only a backslash or a backtick may be.
char escape_of(const std::vector<std::string_view>& lines) {
  for (std::string_view line : lines) {
    line = without_blanks(line);
    if (!line.starts_with('#')) break;
    line = without_blanks(line.substr(1));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) break;
    if (lower(without_blanks(line.substr(0, equals))) == "escape" && without_blanks(line.substr(equals + 1)) == "`")
      return '`';
  }
  return '\\';
}

// The words that end the here-documents of an instruction: of <<WORD, <<-WORD, <<"WORD", with a descriptor before it.
std::vector<std::string> document_ends(std::string_view rest) {
  std::vector<std::string> out;
  while (!rest.empty()) {
    std::string_view word = next_word(rest);
    word.remove_prefix(std::min(word.find_first_not_of("0123456789"), word.size()));
    if (!word.starts_with("<<") || word.find('<', 2) != std::string_view::npos) continue;
    word.remove_prefix(word.starts_with("<<-") ? 3 : 2);
    if (word.size() > 1 && (word.front() == '"' || word.front() == '\'') && word.back() == word.front()) {
      word = word.substr(1, word.size() - 2);
    }
    if (!word.empty()) out.emplace_back(word);
  }
  return out;
}

// Lines joined where they are continued, without comments and the texts of here-documents.
std::vector<Instruction> instructions_of(std::string_view dockerfile) {
  const std::vector<std::string_view> lines = lines_of(dockerfile);
  const char escape = escape_of(lines);
  std::vector<Instruction> out;
  std::string joined;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = without_blanks(lines[i]);
    if (line.starts_with('#') || line.empty()) continue;  // also between the lines of an instruction
    const bool goes_on = line.ends_with(escape);
    if (goes_on) line.remove_suffix(1);
    joined += line;
    if (goes_on) joined += ' ';
    if (goes_on && i + 1 < lines.size()) continue;
    std::string_view rest = joined;
    Instruction next{.keyword = lower(next_word(rest)), .rest = {}};
    next.rest = rest;
    joined.clear();
    if (next.keyword == "run" || next.keyword == "copy" || next.keyword == "add") {
      for (const std::string& end : document_ends(next.rest)) {
        const auto last = std::find_if(lines.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines.end(),
                                       [&](std::string_view each) { return without_blanks(each) == end; });
        if (last != lines.end()) i = static_cast<std::size_t>(last - lines.begin());
      }
    }
    out.push_back(std::move(next));
  }
  return out;
}

// The names of images that it has: FROM's first word that is no flag, --from= of COPY and ADD, from= of RUN's --mount=.
std::vector<std::string_view> named_in(const Instruction& instruction) {
  constexpr std::string_view kFrom = "--from=";
  constexpr std::string_view kMount = "--mount=";
  std::vector<std::string_view> out;
  std::string_view rest = instruction.rest;
  const bool copies = instruction.keyword == "copy" || instruction.keyword == "add";
  while (!rest.empty()) {
    std::string_view word = unquoted(next_word(rest));
    if (!word.starts_with("--")) {
      if (instruction.keyword == "from" && !word.empty()) out.push_back(word);
      break;
    }
    if (copies && word.starts_with(kFrom)) out.push_back(word.substr(kFrom.size()));
    if (instruction.keyword != "run" || !word.starts_with(kMount)) continue;
    word.remove_prefix(kMount.size());
    while (!word.empty()) {
      const std::size_t comma = std::min(word.find(','), word.size());
      const std::string_view part = unquoted(word.substr(0, comma));
      if (part.starts_with("from=")) out.push_back(part.substr(5));
      word.remove_prefix(std::min(comma + 1, word.size()));
    }
  }
  return out;
}

// The name of the stage that a FROM begins; empty: none.
std::string stage_of(const Instruction& instruction) {
  if (instruction.keyword != "from") return {};
  std::string_view rest = instruction.rest;
  while (!rest.empty()) {
    if (lower(next_word(rest)) == "as") return lower(next_word(rest));
  }
  return {};
}

bool is_pinned(std::string_view word) {
  const std::size_t at = word.find('@');
  return at != std::string_view::npos && is_digest(word.substr(at + 1));
}

// As buildah's storage is given it.
std::string local_name(std::string_view word) {
  if (!is_pinned(word)) return full_image_name(word);
  return std::string(kPinned) + std::string(hex_of(word.substr(word.find('@') + 1)));
}

// The one of `known` that `word` means; null: none.
const KnownImages::value_type* find_known(std::string_view word, const KnownImages& known) {
  const std::string full = full_image_name(word);
  for (const auto& one : known) {
    if (!full.empty() && full_image_name(one.first) == full) return &one;
  }
  const auto reference = parse_registry_reference(word);
  if (!reference) return nullptr;
  const std::string name = to_string(*reference);
  for (const auto& one : known) {
    if (one.first == name) return &one;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> images_wanted(std::string_view dockerfile) {
  Arguments arguments;
  std::vector<std::string> stages;
  std::vector<std::string> out;
  bool in_stage = false;
  for (const Instruction& instruction : instructions_of(dockerfile)) {
    in_stage = in_stage || instruction.keyword == "from";
    std::string_view rest = instruction.keyword == "arg" && !in_stage ? instruction.rest : std::string_view();
    while (!rest.empty()) {
      const std::string_view word = next_word(rest);
      const std::size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      arguments[std::string(word.substr(0, equals))] = with_arguments(unquoted(word.substr(equals + 1)), arguments);
    }
    for (const std::string_view word : named_in(instruction)) {
      std::string name = with_arguments(unquoted(word), arguments);
      const bool number = name.find_first_not_of("0123456789") == std::string::npos;
      const bool usable = !number && name.find_first_of("$\\") == std::string::npos && name != "scratch" &&
                          std::ranges::find(stages, lower(name)) == stages.end() &&
                          std::ranges::find(out, name) == out.end() && parse_registry_reference(name);
      if (usable) out.push_back(std::move(name));
    }
    if (std::string stage = stage_of(instruction); !stage.empty()) stages.push_back(std::move(stage));
  }
  return out;
}

std::vector<std::string> images_missing(std::string_view dockerfile, const KnownImages& known) {
  std::vector<std::string> out = images_wanted(dockerfile);
  std::erase_if(out, [&](const std::string& name) { return find_known(name, known) != nullptr; });
  return out;
}

std::string without_digests(std::string dockerfile) {
  for (const std::string& name : images_wanted(dockerfile)) {
    if (!is_pinned(name)) continue;
    for (std::size_t at = 0; (at = dockerfile.find(name, at)) != std::string::npos;) {
      const std::string local = local_name(name);
      dockerfile.replace(at, name.size(), local);
      at += local.size();
    }
  }
  return dockerfile;
}

std::string full_image_name(std::string_view name) {
  const NameParts parts = split(name);
  if (parts.repository.empty() || name.size() > kMostImageNameBytes || name.ends_with(':')) return {};
  if (!std::ranges::all_of(parts.repository, is_repository_character)) return {};
  if (!std::ranges::all_of(parts.tag, is_tag_character)) return {};
  if (parts.repository.starts_with('/') || parts.repository.ends_with('/') || is_local_reference(name)) {
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
  std::vector<std::string> written;
  bool unclear = false;
  for (const Instruction& instruction : instructions_of(dockerfile)) {
    for (const std::string_view word : named_in(instruction)) {
      unclear = unclear || word.find_first_of("$\\") != std::string_view::npos;
      written.emplace_back(word);
    }
  }
  KnownImages out;
  for (const auto& [name, digest] : known) {
    std::string full = full_image_name(name);
    if (full.empty()) continue;
    const bool named = std::ranges::any_of(written, [&](std::string_view word) { return same_image(full, word); });
    if (unclear || named) out.emplace_back(std::move(full), digest);
  }
  for (const std::string& word : images_wanted(dockerfile)) {
    const auto* const one = find_known(word, known);
    std::string local = local_name(word);
    if (one == nullptr || local.empty() ||
        std::ranges::find(out, local, &KnownImages::value_type::first) != out.end()) {
      continue;
    }
    out.emplace_back(std::move(local), one->second);
  }
  return out;
}

}  // namespace marea::pipeline
