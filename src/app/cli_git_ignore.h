// What git leaves out of a directory: the .gitignore files of the checkout it lies in (those above it too, and
// .git/info/exclude), read as gitignore(5) says; a directory that is no checkout has the .gitignore files in it alone.
// The file of git's own settings (core.excludesFile) is not read: it is a person's, not the app's.
// The rules are pure; only read_git_ignore() looks at the disk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace marea::app {

inline constexpr std::size_t kMostGitRules = 10'000;  // of all files together

class GitIgnoreRules {
 public:
  GitIgnoreRules() = default;
  // `prefix`: the directory's own path in the checkout, "" or "a/b/".
  explicit GitIgnoreRules(std::string prefix) : prefix_(std::move(prefix)) {}

  // One file's content; `folder` is where it lies in the checkout, "" or "a/b/". Files of deeper folders come later.
  // False: beyond kMostGitRules.
  bool add(std::string_view text, const std::string& folder);

  // `path` is relative to the directory. What is below an ignored folder is ignored, whatever else is said of it.
  bool ignores(std::string_view path, bool is_folder) const { return ignored_part(path, is_folder) > 0; }
  // Length of the longest part of `path`, from its beginning, that a rule ignores by itself; 0: none.
  std::size_t ignored_part(std::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::string folder;
    std::string pattern;
    bool exception = false;
    bool folders_only = false;
  };
  bool decides(const std::string& path, bool is_folder) const;

  std::string prefix_;
  std::vector<Rule> rules_;
};

// E_TOO_LARGE beyond kMostGitRules or 1 MiB in a file.
base::Result<GitIgnoreRules> read_git_ignore(const std::string& dir);

}  // namespace marea::app
