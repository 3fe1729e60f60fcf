// Which files of a build context stay at home: .containerignore, else .dockerignore, read as Docker reads it (moby
// patternmatcher): one pattern a line, `#` comments, `!` exceptions, `*`, `?`, `[a-z]`, `**`; the last pattern that
// fits decides; what is below an ignored directory is ignored. Pure.
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

  // These rules, where no pattern of this file says otherwise.
  void begin_with(GitIgnoreRules git) { git_ = std::move(git); }

  // `path` is relative to the context, without "./".
  bool ignores(std::string_view path, bool is_folder = false) const;
  // No exception can bring back what is below an ignored directory: it need not be walked.
  bool prunes() const { return !has_exceptions_; }

 private:
  struct Rule {
    std::string pattern;
    bool exception = false;
  };
  std::vector<Rule> rules_;
  GitIgnoreRules git_;
  bool has_exceptions_ = false;
};

// One pattern against one whole path.
bool glob_matches(std::string_view pattern, std::string_view path);

}  // namespace marea::app
