#include "pipeline/build_pack_procfile.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "pipeline/build_pack.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::string_view kBlank = " \t";
// What cannot follow `exec`: dash's own commands that are no programs, and its words.
constexpr std::array<std::string_view, 30> kShellWords = {
    "exec",  "cd",   "export", "set",   "unset", ".",    "source",  ":",     "eval",  "if",
    "while", "for",  "case",   "until", "trap",  "wait", "ulimit",  "umask", "alias", "read",
    "shift", "exit", "return", "!",     "{",     "type", "command", "then",  "do",    "local"};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::unexpected<base::Error> wrong_line(int line, std::string why, std::string remedy) {
  return base::fail(ErrorCode::invalid_argument, "cannot use the Procfile",
                    "Procfile:" + std::to_string(line) + ": " + std::move(why), std::move(remedy));
}

base::Result<ProcfileEntry> read_line(std::string_view line, int number) {
  if (!is_plain_text(line)) {
    return wrong_line(number, "it has control characters or is no UTF-8", "Save the Procfile as UTF-8 text.");
  }
  const std::size_t colon = line.find(':');
  const std::string_view name = trimmed(line.substr(0, colon));
  const std::string_view command = colon == std::string_view::npos ? "" : trimmed(line.substr(colon + 1));
  if (colon == std::string_view::npos || !is_name(name) || command.empty()) {
    return wrong_line(number, "it is not NAME: COMMAND", "Write one process a line, for example: web: node server.js");
  }
  if (command.ends_with('\\')) {
    return wrong_line(number, "the command ends with a backslash", "Write the whole command on one line.");
  }
  if (command.size() > kMostCommandBytes) {
    return wrong_line(number, "the command has more than " + std::to_string(kMostCommandBytes) + " bytes",
                      "Put it into a script and name that.");
  }
  return ProcfileEntry{.name = std::string(name), .command = std::string(command), .line = number};
}

}  // namespace

bool is_plain_text(std::string_view line) {
  for (std::size_t at = 0; at < line.size();) {
    const auto first = static_cast<unsigned char>(line[at]);
    if (first < 0x80) {
      if ((first < 0x20 && first != '\t') || first == 0x7F) return false;
      ++at;
      continue;
    }
    const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || at + bytes > line.size()) return false;
    std::uint32_t code = first & (0x7FU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
      const auto next = static_cast<unsigned char>(line[at + i]);
      if ((next & 0xC0U) != 0x80U) return false;
      code = (code << 6U) | (next & 0x3FU);
    }
    const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
    if (overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) || code < 0xA0) return false;
    at += bytes;
  }
  return true;
}

bool is_single_command(std::string_view command) {
  if (command.find_first_of(";&|<>()`\\#\n") != std::string_view::npos) return false;
  const std::string_view first = command.substr(0, command.find_first_of(" \t"));
  return first.find_first_of("=$\"'*?[~") == std::string_view::npos &&
         std::ranges::find(kShellWords, first) == kShellWords.end();
}

std::vector<std::string> words_of_command(std::string_view command) {
  if (!is_single_command(command) || command.find_first_of("$\"'*?[]{}~!") != std::string_view::npos) return {};
  std::vector<std::string> out;
  while (true) {
    command.remove_prefix(std::min(command.find_first_not_of(kBlank), command.size()));
    if (command.empty()) return out;
    const std::string_view word = command.substr(0, command.find_first_of(kBlank));
    out.emplace_back(word);
    command.remove_prefix(word.size());
  }
}

std::vector<std::string> argv_of_command(const std::string& command) {
  std::vector<std::string> words = words_of_command(command);
  if (!words.empty()) return words;
  return {"/bin/sh", "-c", is_single_command(command) ? "exec " + command : command};
}

base::Result<std::vector<ProcfileEntry>> read_procfile(std::string_view text) {
  std::vector<ProcfileEntry> out;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trimmed(line).empty() || trimmed(line).starts_with('#')) continue;
    base::Result<ProcfileEntry> entry = read_line(line, number);
    if (!entry) return std::unexpected(entry.error());
    const auto twice = std::ranges::find(out, entry->name, &ProcfileEntry::name);
    if (twice != out.end()) {
      return wrong_line(number, "'" + entry->name + "' is there already, on line " + std::to_string(twice->line),
                        "Leave one of the two.");
    }
    if (out.size() == kMostProcesses) {
      return wrong_line(number, "there are more than " + std::to_string(kMostProcesses) + " processes",
                        "Leave `web`, which is the one that serves.");
    }
    out.push_back(*std::move(entry));
  }
  return out;
}

bool names_folder(std::string_view command, std::string_view folder) {
  const std::string wanted = std::string(folder) + "/";
  for (std::size_t at = command.find(wanted); at != std::string_view::npos; at = command.find(wanted, at + 1)) {
    if (at == 0 || command.substr(0, at).ends_with("./")) return true;
    if (std::string_view(" \t'\"=(;&|").contains(command[at - 1])) return true;
  }
  return false;
}

}  // namespace marea::pipeline
