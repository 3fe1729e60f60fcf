// A directory to fill and then to give a name, or to throw away. While it exists its process holds a lock on it, so
// that what a killed process left behind can be told from what another one is filling, and removed. Resource type.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace marea::pipeline {

class ScratchDir {
 public:
  // Makes PARENT/.scratch-XXXXXX with `mode`.
  static base::Result<ScratchDir> make(const std::string& parent, mode_t mode);
  // Whether an entry of that name is one.
  static bool is_one(const std::string& name);
  // Removes those of `parent` whose process is gone; returns how many there were. Failures are ignored: they cost
  // space, and the next call tries again.
  static int remove_abandoned(const std::string& parent);

  ScratchDir(ScratchDir&& other) noexcept = default;
  ScratchDir& operator=(ScratchDir&&) = delete;
  // Removes the directory with all that is in it, unless it became something.
  ~ScratchDir();

  const std::string& path() const { return path_; }
  // Leaves it, with all that is in it, to whoever calls remove_abandoned() next.
  void leave() { lock_.reset(); }
  // Renames it to `path`; false and errno when that fails (EEXIST, ENOTEMPTY: there is one already).
  bool become(const std::string& path);

 private:
  ScratchDir(std::string path, base::Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  base::Fd lock_;  // empty: moved from, or no longer ours
};

}  // namespace marea::pipeline
