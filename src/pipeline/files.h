// Small files, read and written whole. Nothing here follows instructions from the content; every failure names the
// path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace marea::pipeline {

struct OpenFile {
  base::Fd fd;
  std::int64_t bytes = 0;
};

// Opens a regular file for reading; a FIFO or device is refused without waiting for it.
base::Result<OpenFile> open_regular(const std::string& path);

// Opens `path` with the directory `root` as its root: "..", absolute names and links cannot lead outside. -1 and errno
// when it fails; close-on-exec.
int open_inside(int root, const char* path, int flags);

// Reads the rest of an open file; `path` is for errors. E_TOO_LARGE beyond `most` bytes.
base::Result<std::string> read_to_end(int fd, const std::string& path, std::size_t most);

// E_TOO_LARGE beyond `most` bytes; a file that grows meanwhile counts as too large.
base::Result<std::string> read_small_file(const std::string& path, std::size_t most);

// Writes all bytes; loops over short writes.
base::Result<void> write_all(int fd, std::string_view bytes, const std::string& path);

// Writes beside `path`, syncs, then renames over it: a reader sees the old or the new content, never a part.
base::Result<void> write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode);

// Removes a file or a whole tree without following links; an absent one is fine.
base::Result<void> remove_tree(const std::string& path);

// What the files below a folder take of the disk, as far as they can be seen.
std::int64_t bytes_below(const std::string& folder);

}  // namespace marea::pipeline
