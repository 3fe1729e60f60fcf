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
    rule.pattern = (anchored ? "" : "**/") + std::string(line);
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

bool GitIgnoreRules::ignores(std::string_view path, bool is_folder) const {
  if (rules_.empty()) return false;
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const bool last = end == std::string_view::npos;
    if (decides(prefix_ + std::string(path.substr(0, end)), !last || is_folder)) return true;
    if (last) return false;
  }
}

base::Result<GitIgnoreRules> read_git_ignore(const std::string& dir) {
  return GitIgnoreReading(dir).read();
}

}  // namespace marea::app
