// The build context as a tar: the directory without what its ignore file leaves out, in the order of names, owned by
// nobody in particular (uid and gid 0), links as links. It is spooled to a file without a name, because a request needs
// its length and a context may be larger than memory. Sockets, FIFOs and devices are left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/cli_ignore.h"
#include "base/error.h"
#include "base/fd.h"

namespace marea::app {

struct BuildTar {
  base::Fd file;
  std::int64_t bytes = 0;
  std::int64_t entries = 0;
};

// What a directory's image is made by: its own file, which is packed even when a rule ignores it, or one that was made
// for it (build_pack.h), which is packed under that path.
struct Dockerfile {
  std::string path;
  std::optional<std::string> made;
};

// The Dockerfile's path inside `dir`: `wanted` if it is there, else Dockerfile, else Containerfile, else empty. Of the
// two an empty file does not count: `marea up --print-dockerfile > Dockerfile` finds the one that its shell just made.
base::Result<std::string> find_dockerfile(const std::string& dir, const std::string& wanted);

base::Result<BuildTar> pack_build_tar(const std::string& dir, const IgnoreRules& rules, const Dockerfile& dockerfile);

// The content of .containerignore, else of .dockerignore, else nothing.
base::Result<std::string> read_ignore_file(const std::string& dir);

}  // namespace marea::app
