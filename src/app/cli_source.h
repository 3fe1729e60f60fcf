// Which commit a directory has, told by git itself, with a deadline. Nothing that a checkout's own settings name is
// run: no hook, file system monitor, filter (gitattributes(5)) or transport, and a bare repository among its files is
// none. A directory that is no checkout, a machine without git, a checkout that git does not trust: nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace marea::app {

struct GitSource {
  std::string commit;  // its whole hash
  std::string branch;  // empty: detached
  bool dirty = false;  // files of the directory differ from the commit, or git does not know them
};

std::optional<GitSource> source_of(const std::string& dir);

// One line of `git status --porcelain=v2 --branch`.
void read_status_line(std::string_view line, GitSource& source);

}  // namespace marea::app
