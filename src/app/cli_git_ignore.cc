#include "app/cli_git_ignore.h"

#include <algorithm>
#include <filesystem>
#include <ranges>

#include "app/cli_ignore.h"
#include "pipeline/files.h"

namespace marea::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 1U << 20;
constexpr int kMostFoldersAbove = 64;
constexpr int kMostDepth = 64;  // of folders that are searched for .gitignore

// Spaces at the end count only behind a backslash.
std::string_view without_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
  return line;
}

// git negates a class with `!` too; glob_matches() knows `^` alone, as Docker does.
std::string with_docker_classes(std::string_view pattern) {
  std::string out(pattern);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '\\') {
      ++i;
    } else if (out[i] == '[') {
      const std::size_t first = i + 1 < out.size() && (out[i + 1] == '!' || out[i + 1] == '^') ? i + 2 : i + 1;
      const std::size_t end = first < out.size() ? out.find(']', first + 1) : std::string::npos;
      if (end == std::string::npos) break;
      if (out[i + 1] == '!') out[i + 1] = '^';
      i = end;
    }
  }
  return out;
}

class GitIgnoreReading {
 public:
  explicit GitIgnoreReading(std::string dir) : dir_(std::move(dir)) {}

  base::Result<GitIgnoreRules> read() {
    std::vector<fs::path> above;  // from the checkout's top to the directory's parent
    fs::path top = fs::path(dir_);
    std::error_code ignored;
    for (int i = 0; i < kMostFoldersAbove && !fs::exists(top / ".git", ignored); ++i) {
      if (!top.has_relative_path()) break;
      top = top.parent_path();
      above.push_back(top);
    }
    if (!fs::exists(top / ".git", ignored)) {
      top = dir_;
      above.clear();
    }
    std::string prefix = fs::path(dir_).lexically_relative(top).string();
    prefix = prefix == "." ? std::string() : prefix + "/";
    rules_ = GitIgnoreRules(prefix);
    if (auto done = take(top / ".git/info/exclude", ""); !done) return base::fail(done.error());
    for (const fs::path& folder : above | std::views::reverse) {
      const std::string place = folder.lexically_relative(top).string();
      if (auto done = take(folder / ".gitignore", place == "." ? "" : place + "/"); !done)
        return base::fail(done.error());
    }
    if (auto done = folder("", prefix, 0); !done) return base::fail(done.error());
    return std::move(rules_);
  }

 private:
  base::Result<void> take(const fs::path& file, const std::string& folder) {
    std::error_code ignored;
    if (!fs::is_regular_file(fs::symlink_status(file, ignored))) return {};
    const base::Result<std::string> text = pipeline::read_small_file(file.string(), kMostBytes);
    if (!text) return base::fail(text.error());
    if (rules_.add(*text, folder)) return {};
    return base::fail(base::ErrorCode::too_large, "cannot use " + file.string(),
                      "there are more than " + std::to_string(kMostGitRules) + " patterns in the .gitignore files",
                      "Write a Dockerfile and a .dockerignore, which then decides alone");
  }

  // `inside` is relative to the directory, `place` to the checkout.
  base::Result<void> folder(const std::string& inside, const std::string& place, int depth) {
    const fs::path here = fs::path(dir_) / inside;
    if (auto done = take(here / ".gitignore", place); !done) return done;
    if (depth == kMostDepth) return {};
    std::vector<std::string> names;
    std::error_code failed;
    for (fs::directory_iterator at(here, failed), end; !failed && at != end; at.increment(failed)) {
      std::error_code ignored;
      if (fs::is_directory(at->symlink_status(ignored))) names.push_back(at->path().filename().string());
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
      if (name == ".git" || name == "node_modules" || rules_.ignores(inside + name, true)) continue;
      if (auto done = folder(inside + name + "/", place + name + "/", depth + 1); !done) return done;
    }
    return {};
  }

  std::string dir_;
  GitIgnoreRules rules_;
};

}  // namespace

bool GitIgnoreRules::add(std::string_view text, const std::string& folder) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = without_end(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    Rule rule{.folder = folder, .pattern = {}, .exception = line.starts_with('!'), .folders_only = false};
    if (rule.exception) line.remove_prefix(1);
    rule.folders_only = line.ends_with('/');
    while (line.ends_with('/')) line.remove_suffix(1);
    const bool anchored = line.contains('/');
    while (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) continue;
    rule.pattern = (anchored ? "" : "**/") + with_docker_classes(line);
    if (rules_.size() == kMostGitRules) return false;
    rules_.push_back(std::move(rule));
  }
  return true;
}

bool GitIgnoreRules::decides(const std::string& path, bool is_folder) const {
  for (const Rule& rule : rules_ | std::views::reverse) {
    if ((rule.folders_only && !is_folder) || !path.starts_with(rule.folder)) continue;
    if (glob_matches(rule.pattern, std::string_view(path).substr(rule.folder.size()))) return !rule.exception;
  }
  return false;
}

std::size_t GitIgnoreRules::ignored_part(std::string_view path, bool is_folder) const {
  if (rules_.empty()) return 0;
  for (std::size_t end = path.size(); end != std::string_view::npos && end > 0; end = path.rfind('/', end - 1)) {
    if (decides(prefix_ + std::string(path.substr(0, end)), end < path.size() || is_folder)) return end;
  }
  return 0;
}

base::Result<GitIgnoreRules> read_git_ignore(const std::string& dir) {
  return GitIgnoreReading(dir).read();
}

}  // namespace marea::app
