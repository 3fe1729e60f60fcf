#include "app/cli_ignore.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

namespace marea::app {
namespace {

// "[a-z]" or "[^a-z]" at the start of `pattern`: whether it has `c`, and its length. Nothing: no class at all.
std::optional<std::pair<bool, std::size_t>> class_matches(std::string_view pattern, char c) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const auto take = [&]() {
      if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
      return pattern[at++];
    };
    const char low = take();
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      ++at;
      high = take();
    }
    found = found || (low <= c && c <= high);
  }
  if (at >= pattern.size()) return std::nullopt;
  return std::pair(found != negated && c != '/', at + 1);
}

// Backtracking with a memory of dead ends, so that no pattern takes more than pattern × path steps.
class Glob {
 public:
  Glob(std::string_view pattern, std::string_view path)
      : pattern_(pattern), path_(path), dead_((pattern.size() + 1) * (path.size() + 1)) {}

  bool matches(std::size_t p, std::size_t t) {
    if (p == pattern_.size()) return t == path_.size();
    const std::size_t state = p * (path_.size() + 1) + t;
    if (dead_[state]) return false;
    const bool good = pattern_[p] == '*' ? star(p, t) : one(p, t);
    dead_[state] = !good;
    return good;
  }

 private:
  bool star(std::size_t p, std::size_t t) {
    if (p + 1 < pattern_.size() && pattern_[p + 1] == '*') {
      std::size_t rest = p + 2;
      if (rest < pattern_.size() && pattern_[rest] == '/') ++rest;
      if (rest == pattern_.size()) return true;
      if (matches(rest, t)) return true;
      for (std::size_t i = t; i < path_.size(); ++i) {
        if (path_[i] == '/' && matches(rest, i + 1)) return true;
      }
      return false;
    }
    for (std::size_t i = t; i <= path_.size(); ++i) {
      if (matches(p + 1, i)) return true;
      if (i == path_.size() || path_[i] == '/') return false;
    }
    return false;
  }

  bool one(std::size_t p, std::size_t t) {
    if (t == path_.size()) return false;
    const char c = path_[t];
    if (pattern_[p] == '?') return c != '/' && matches(p + 1, t + 1);
    if (pattern_[p] == '[') {
      if (const auto set = class_matches(pattern_.substr(p), c)) return set->first && matches(p + set->second, t + 1);
    }
    if (pattern_[p] == '\\' && p + 1 < pattern_.size()) ++p;
    return pattern_[p] == c && matches(p + 1, t + 1);
  }

  std::string_view pattern_;
  std::string_view path_;
  std::vector<bool> dead_;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// "/a/./b/" as "a/b"; "." stands for everything and is left out, as Docker does.
std::string cleaned(std::string_view pattern) {
  std::string out = std::filesystem::path(pattern).lexically_normal().string();
  while (out.starts_with('/')) out.erase(0, 1);
  while (out.ends_with('/')) out.pop_back();
  return out == "." ? std::string() : out;
}

// Length of the longest part of `path`, from its beginning and whole names long, that the pattern matches; 0: none.
std::size_t matched_part(std::string_view pattern, std::string_view path) {
  if (pattern.empty()) return 0;
  for (std::size_t end = path.size(); end != std::string_view::npos && end > 0; end = path.rfind('/', end - 1)) {
    if (glob_matches(pattern, path.substr(0, end))) return end;
  }
  return 0;
}

// What an exception names: "src" of "src/**" and "src/*", nothing of "*" and "**".
std::string_view named_by(std::string_view pattern) {
  while (!pattern.empty()) {
    const std::size_t slash = pattern.rfind('/');
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    if (pattern.find_first_not_of('*', begin) != std::string_view::npos) return pattern;
    pattern = pattern.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  return pattern;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view path) {
  return Glob(pattern, path).matches(0, 0);
}

IgnoreRules::IgnoreRules(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) continue;
    line = trimmed(line);
    Rule rule;
    if (line.starts_with('!')) {
      rule.exception = true;
      line = trimmed(line.substr(1));
    }
    rule.pattern = cleaned(line);
    if (rule.pattern.empty()) continue;
    has_exceptions_ = has_exceptions_ || rule.exception;
    rules_.push_back(std::move(rule));
  }
}

std::size_t IgnoreRules::kept_home(std::string_view path, bool is_folder) const {
  std::size_t most = git_.ignored_part(path, is_folder);
  for (const std::string& pattern : home_) most = std::max(most, matched_part(pattern, path));
  return most;
}

bool IgnoreRules::brought_back(std::string_view path, std::size_t kept) const {
  bool back = false;
  for (const Rule& rule : rules_) {
    if (rule.exception == back) continue;  // it would change nothing
    back = rule.exception ? matched_part(named_by(rule.pattern), path) >= kept : matched_part(rule.pattern, path) == 0;
  }
  return back;
}

bool IgnoreRules::ignores(std::string_view path, bool is_folder) const {
  bool ignored = false;
  for (const Rule& rule : rules_) {
    if (rule.exception != ignored) continue;
    if (matched_part(rule.pattern, path) > 0) ignored = !rule.exception;
  }
  if (ignored) return true;
  const std::size_t kept = kept_home(path, is_folder);
  return kept > 0 && !brought_back(path, kept);
}

}  // namespace marea::app
