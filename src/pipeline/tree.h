// The files below one directory, and nothing else. Every path is untrusted: it is cut into components, resolved by the
// kernel with the directory as its root (openat2 with RESOLVE_IN_ROOT), and only the last component is ever made,
// replaced or removed, without following it. So "..", absolute names, links that lead outside and hard links to
// elsewhere cannot reach beyond the root, whatever was unpacked before. An existing file is never written into, always
// replaced: its inode may belong to another tree as well.
//
// A Tree also remembers which inodes it touched, so that whiteouts remove what was there before and nothing of what
// came with them (OCI image-spec layer.md). One Tree per layer. Single-threaded; nobody else may change the directory
// meanwhile. Errors are E_IMAGE_INVALID, E_IMAGE_TOO_LARGE, E_DISK_FULL or E_IO, with the cause; the caller names
// the entry.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace marea::pipeline {

inline constexpr std::size_t kMostNameBytes = 255;   // NAME_MAX
inline constexpr std::size_t kMostPathBytes = 4096;  // PATH_MAX, with its NUL
// Directories inside each other. Ten times what package managers make; a deeper tree could not even be removed with
// one open directory per level.
inline constexpr int kMostDepth = 256;
// Directory times are set when a layer is complete; their paths wait in memory until then.
inline constexpr std::size_t kMostPendingTimeBytes = 64U << 20;

struct Attributes {
  unsigned mode = 0644;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  timespec mtime{};
  std::vector<std::pair<std::string, std::string>> xattrs;
};

struct FilePiece {
  std::span<const std::byte> bytes;
  std::int64_t offset = 0;
};
using FileContent = std::function<base::Result<std::optional<FilePiece>>()>;

// Components of a relative path: no empty ones, no "."; a leading slash means the root of the tree. Refuses "..", and
// names longer than the system's limits.
base::Result<std::vector<std::string_view>> split_path(std::string_view path);

struct TreeOptions {
  bool keep_owners = true;               // false: everything belongs to the caller
  std::int64_t most_inodes = 1'000'000;  // ten times a large Node.js image
};

class Tree {
 public:
  using Components = std::vector<std::string_view>;
  // `root` is a directory.
  static base::Result<Tree> open(const std::string& root, TreeOptions options);

  // An empty path is the root itself, which only directory() accepts. Missing parents are made (0755, root).
  base::Result<void> directory(const Components& path, const Attributes& attributes);
  base::Result<void> file(const Components& path, const Attributes& attributes, std::int64_t bytes,
                          const FileContent& content);
  base::Result<void> symlink(const Components& path, const Attributes& attributes, const std::string& target);
  base::Result<void> fifo(const Components& path, const Attributes& attributes);
  base::Result<void> hard_link(const Components& path, const Components& target);

  // Whiteout: removes what this Tree did not touch at `path`; fine when nothing is there.
  base::Result<void> remove_lower(const Components& path);
  // Opaque whiteout: the same for everything inside the directory `path`.
  base::Result<void> remove_lower_inside(const Components& path);

  // Sets the times of the directories. Call once, last.
  void finish();

  std::int64_t inodes_left() const { return options_.most_inodes; }

 private:
  struct PendingTime {
    std::string path;
    timespec mtime;
  };
  enum class Missing { make, fail };

  Tree(base::Fd root, TreeOptions options, ino_t root_inode);
  base::Result<int> parent_of(const Components& path, Missing missing);
  base::Result<int> enter(const std::string& folder, const Components& path, Missing missing);
  base::Result<base::Fd> make_folders(const Components& path);
  base::Result<int> mark(int folder);
  base::Result<void> note_made(int parent, const char* name);
  base::Result<void> remove(int parent, const char* name, bool keep_touched);
  base::Result<void> remove_inside(int folder, bool keep_touched);
  base::Result<void> dress(int fd, const Attributes& attributes) const;
  base::Result<void> dress_unopened(int parent, const char* name, const Attributes& attributes) const;

  base::Fd root_;
  TreeOptions options_;
  ino_t root_inode_;
  std::unordered_map<ino_t, int> touched_;  // inode → depth (directories) or 0
  std::string cached_path_;
  base::Fd cached_;
  std::vector<PendingTime> pending_times_;
  std::size_t pending_bytes_ = 0;
};

}  // namespace marea::pipeline
