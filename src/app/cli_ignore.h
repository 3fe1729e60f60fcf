// Which files of a build context stay at home: .containerignore, else .dockerignore, read as Docker reads it (moby
// patternmatcher): one pattern a line, `#` comments, `!` exceptions, `*`, `?`, `[a-z]`, `**`; the last pattern that
// fits decides; what is below an ignored directory is ignored.
//
// Beneath them may lie rules that such a file cannot undo by the way: what git ignores, and what belongs to this
// machine alone. An exception brings that back only where it names it: `!build` a folder `build` and what is in it, but
// `!src`,
// `!src/*` and `!src/**` no `src/.env`, which a rule of its own keeps at home. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/cli_git_ignore.h"

namespace marea::app {

class IgnoreRules {
 public:
  IgnoreRules() = default;
  // The content of the file.
  explicit IgnoreRules(std::string_view text);

  // These rules, unless an exception of this file names what they ignore.
  void begin_with(GitIgnoreRules git) { git_ = std::move(git); }
  // Likewise; patterns as this file has them.
  void keep_home(std::vector<std::string> patterns) { home_ = std::move(patterns); }

  // `path` is relative to the context, without "./".
  bool ignores(std::string_view path, bool is_folder = false) const;
  // No exception can bring back what is below an ignored directory: it need not be walked.
  bool prunes() const { return !has_exceptions_; }

 private:
  struct Rule {
    std::string pattern;
    bool exception = false;
  };
  // Length of the longest part of `path`, from its beginning, that a rule beneath ignores; 0: none.
  std::size_t kept_home(std::string_view path, bool is_folder) const;
  // Whether exceptions bring back what a rule ignores for the first `kept` bytes of its path.
  bool brought_back(std::string_view path, std::size_t kept) const;

  std::vector<Rule> rules_;
  GitIgnoreRules git_;
  std::vector<std::string> home_;
  bool has_exceptions_ = false;
};

// One pattern against one whole path.
bool glob_matches(std::string_view pattern, std::string_view path);

}  // namespace marea::app
