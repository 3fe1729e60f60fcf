#include "pipeline/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "pipeline/files.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using Components = Tree::Components;

constexpr std::int64_t kMostId = 65535;  // the builder's and every instance's user namespace ends here

std::unexpected<base::Error> unsafe(std::string why) {
  return base::fail(ErrorCode::image_invalid, {}, std::move(why));
}

std::unexpected<base::Error> system_refused(const char* call) {
  const int number = errno;
  base::Error error = base::os_error({}, number);
  error.why = std::string(call) + ": " + error.why;
  if (number == ELOOP || number == ENOTDIR || number == ENAMETOOLONG) error.code = ErrorCode::image_invalid;
  return base::fail(std::move(error));
}

std::string join(const Components& path, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += '/';
    out += path[i];
  }
  return out;
}

// Attributes that would act in another user namespace (security.*, trusted.*) or steer an overlay are not kept.
bool keep_xattr(const std::string& name) {
  return name.starts_with("user.") && !name.starts_with("user.overlay.") && !name.starts_with("user.fuseoverlayfs.");
}

base::Result<void> check_owner(const Attributes& attributes) {
  if (attributes.uid >= 0 && attributes.uid <= kMostId && attributes.gid >= 0 && attributes.gid <= kMostId) return {};
  return unsafe("its owner " + std::to_string(attributes.uid) + ":" + std::to_string(attributes.gid) +
                " is outside 0…65535, the ids that exist inside an instance");
}

std::unexpected<base::Error> too_many() {
  return base::fail(ErrorCode::image_too_large, {}, "the image has too many files", "Make the image smaller.");
}

base::Result<void> write_content(int fd, std::int64_t bytes, const FileContent& content) {
  std::int64_t end = 0;
  for (;;) {
    const base::Result<std::optional<FilePiece>> piece = content();
    if (!piece) return std::unexpected(piece.error());
    if (!*piece) break;
    std::span<const std::byte> rest = (*piece)->bytes;
    std::int64_t at = (*piece)->offset;
    if (at < 0 || at > bytes || static_cast<std::int64_t>(rest.size()) > bytes - at) {
      return unsafe("its data lies beyond its size");
    }
    while (!rest.empty()) {
      const ssize_t put = ::pwrite(fd, rest.data(), rest.size(), at);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return system_refused("write");
      rest = rest.subspan(static_cast<std::size_t>(put));
      at += put;
    }
    end = std::max(end, at);
  }
  if (end < bytes && ::ftruncate(fd, bytes) != 0) return system_refused("truncate");
  return {};
}

bool same_inode(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

base::Result<std::vector<std::string_view>> split_path(std::string_view path) {
  if (path.size() >= kMostPathBytes) {
    return unsafe("its path is longer than " + std::to_string(kMostPathBytes - 1) + " bytes");
  }
  if (path.find('\0') != std::string_view::npos) return unsafe("its path has a NUL byte");
  Components out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") return unsafe("its path has \"..\": it could leave the image");
    if (name.size() > kMostNameBytes) {
      return unsafe("a name in its path is longer than " + std::to_string(kMostNameBytes) + " bytes");
    }
    out.push_back(name);
  }
  if (out.size() > static_cast<std::size_t>(kMostDepth)) {
    return unsafe("its path is deeper than " + std::to_string(kMostDepth) + " directories");
  }
  return out;
}

Tree::Tree(base::Fd root, TreeOptions options, ino_t root_inode)
    : root_(std::move(root)), options_(options), root_inode_(root_inode) {}

base::Result<Tree> Tree::open(const std::string& root, TreeOptions options) {
  base::Fd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return base::fail(base::os_error("cannot open the directory " + root));
  return Tree(std::move(fd), options, info.st_ino);
}

// The depth of a directory below the root; it and all above it count as touched.
base::Result<int> Tree::mark(int folder) {
  std::vector<ino_t> chain;
  base::Fd up;
  int depth = 0;
  for (int at = folder;; at = up.get()) {
    struct stat info{};
    if (::fstat(at, &info) != 0) return system_refused("fstat");
    if (info.st_ino == root_inode_) break;
    if (const auto known = touched_.find(info.st_ino); known != touched_.end()) {
      depth = known->second;
      break;
    }
    chain.push_back(info.st_ino);
    if (chain.size() > static_cast<std::size_t>(kMostDepth)) break;
    base::Fd parent(::openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!parent) return system_refused("open ..");
    up = std::move(parent);
  }
  depth += static_cast<int>(chain.size());
  if (depth > kMostDepth) {
    return unsafe("it lies deeper than " + std::to_string(kMostDepth) + " directories");
  }
  int each = depth;
  for (const ino_t inode : chain) touched_[inode] = each--;
  return depth;
}

base::Result<base::Fd> Tree::make_folders(const Components& path) {
  base::Fd at = root_.duplicate();
  for (std::size_t i = 1; i < path.size(); ++i) {
    const std::string prefix = join(path, i);
    base::Fd next(open_inside(root_.get(), prefix.c_str(), O_PATH | O_DIRECTORY));
    if (!next && errno == ENOENT) {
      const std::string name(path[i - 1]);
      if (::mkdirat(at.get(), name.c_str(), 0755) != 0) {
        if (errno == EEXIST) return unsafe("its parent directory is a link that leads nowhere");
        return system_refused("mkdir");
      }
      if (base::Result<void> made = note_made(at.get(), name.c_str()); !made) return std::unexpected(made.error());
      next = base::Fd(open_inside(root_.get(), prefix.c_str(), O_PATH | O_DIRECTORY));
      if (next && ::fchmodat(at.get(), name.c_str(), 0755, 0) != 0) return system_refused("chmod");
    }
    if (!next) return system_refused("open its parent directory");
    at = std::move(next);
    if (base::Result<int> depth = mark(at.get()); !depth) return std::unexpected(depth.error());
  }
  return at;
}

base::Result<int> Tree::enter(const std::string& folder, const Components& path, Missing missing) {
  base::Fd fd(folder.empty() ? ::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0)
                             : open_inside(root_.get(), folder.c_str(), O_PATH | O_DIRECTORY));
  if (!fd && errno == ENOENT && missing == Missing::make) {
    base::Result<base::Fd> made = make_folders(path);
    if (!made) return std::unexpected(made.error());
    fd = std::move(*made);
  }
  if (!fd) return system_refused("open its parent directory");
  if (base::Result<int> depth = mark(fd.get()); !depth) return std::unexpected(depth.error());
  cached_path_ = folder;
  cached_ = std::move(fd);
  return cached_.get();
}

base::Result<int> Tree::parent_of(const Components& path, Missing missing) {
  if (path.empty()) return unsafe("it would replace the root directory");
  const std::string folder = join(path, path.size() - 1);
  if (cached_ && folder == cached_path_) return cached_.get();
  return enter(folder, path, missing);
}

base::Result<void> Tree::note_made(int parent, const char* name) {
  if (--options_.most_inodes < 0) return too_many();
  struct stat info{};
  if (::fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return system_refused("stat");
  if (S_ISDIR(info.st_mode)) {
    const base::Result<int> depth = mark(parent);
    if (!depth) return std::unexpected(depth.error());
    if (*depth >= kMostDepth) return unsafe("it lies deeper than " + std::to_string(kMostDepth) + " directories");
    touched_[info.st_ino] = *depth + 1;
  } else {
    touched_[info.st_ino] = 0;
  }
  return {};
}

base::Result<void> Tree::directory(const Components& path, const Attributes& attributes) {
  if (path.empty()) {
    const base::Fd fd(::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return system_refused("open");
    return dress(fd.get(), attributes);
  }
  const base::Result<int> parent = parent_of(path, Missing::make);
  if (!parent) return std::unexpected(parent.error());
  const std::string name(path.back());
  if (::mkdirat(*parent, name.c_str(), 0700) != 0) {
    if (errno != EEXIST) return system_refused("mkdir");
    struct stat info{};
    if (::fstatat(*parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return system_refused("stat");
    if (!S_ISDIR(info.st_mode)) {
      // Removing drops the cached parent; this keeps it open.
      const base::Fd kept(::fcntl(*parent, F_DUPFD_CLOEXEC, 0));
      if (base::Result<void> cleared = remove(kept.get(), name.c_str(), false); !cleared) return cleared;
      return directory(path, attributes);
    }
  }
  if (base::Result<void> noted = note_made(*parent, name.c_str()); !noted) return noted;
  const base::Fd fd(::openat(*parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return system_refused("open");
  std::string whole = join(path, path.size());
  pending_bytes_ += whole.size() + sizeof(PendingTime);
  if (pending_bytes_ <= kMostPendingTimeBytes) {
    pending_times_.push_back({.path = std::move(whole), .mtime = attributes.mtime});
  }
  return dress(fd.get(), attributes);
}

base::Result<void> Tree::file(const Components& path, const Attributes& attributes, std::int64_t bytes,
                              const FileContent& content) {
  const base::Result<int> found = parent_of(path, Missing::make);
  if (!found) return std::unexpected(found.error());
  const std::string name(path.back());
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  base::Fd fd(::openat(*found, name.c_str(), kFlags, 0600));
  if (!fd && errno == EEXIST) {
    const base::Fd parent(::fcntl(*found, F_DUPFD_CLOEXEC, 0));
    if (base::Result<void> cleared = remove(parent.get(), name.c_str(), false); !cleared) return cleared;
    fd = base::Fd(::openat(parent.get(), name.c_str(), kFlags, 0600));
  }
  if (!fd) return system_refused("create");
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return system_refused("fstat");
  touched_[info.st_ino] = 0;
  if (--options_.most_inodes < 0) return too_many();
  if (base::Result<void> written = write_content(fd.get(), bytes, content); !written) return written;
  if (base::Result<void> dressed = dress(fd.get(), attributes); !dressed) return dressed;
  const timespec times[2] = {attributes.mtime, attributes.mtime};
  if (::futimens(fd.get(), times) != 0) return system_refused("set the time");
  return {};
}

base::Result<void> Tree::symlink(const Components& path, const Attributes& attributes, const std::string& target) {
  if (target.empty() || target.size() >= kMostPathBytes) return unsafe("its link target is empty or too long");
  const base::Result<int> found = parent_of(path, Missing::make);
  if (!found) return std::unexpected(found.error());
  const base::Fd parent(::fcntl(*found, F_DUPFD_CLOEXEC, 0));
  const std::string name(path.back());
  if (::symlinkat(target.c_str(), parent.get(), name.c_str()) != 0) {
    if (errno != EEXIST) return system_refused("symlink");
    if (base::Result<void> cleared = remove(parent.get(), name.c_str(), false); !cleared) return cleared;
    if (::symlinkat(target.c_str(), parent.get(), name.c_str()) != 0) return system_refused("symlink");
  }
  if (base::Result<void> noted = note_made(parent.get(), name.c_str()); !noted) return noted;
  return dress_unopened(parent.get(), name.c_str(), attributes);
}

base::Result<void> Tree::fifo(const Components& path, const Attributes& attributes) {
  const base::Result<int> found = parent_of(path, Missing::make);
  if (!found) return std::unexpected(found.error());
  const base::Fd parent(::fcntl(*found, F_DUPFD_CLOEXEC, 0));
  const std::string name(path.back());
  if (base::Result<void> cleared = remove(parent.get(), name.c_str(), false); !cleared) return cleared;
  if (::mkfifoat(parent.get(), name.c_str(), 0600) != 0) return system_refused("mkfifo");
  if (base::Result<void> noted = note_made(parent.get(), name.c_str()); !noted) return noted;
  if (base::Result<void> dressed = dress_unopened(parent.get(), name.c_str(), attributes); !dressed) return dressed;
  // Not opened and not followed: it was made a FIFO here, in a directory that nobody else changes.
  if (::fchmodat(parent.get(), name.c_str(), attributes.mode, 0) != 0) return system_refused("chmod");
  return {};
}

base::Result<void> Tree::hard_link(const Components& path, const Components& target) {
  if (target.empty()) return unsafe("it is a hard link to the root directory");
  const base::Result<int> from = parent_of(target, Missing::fail);
  if (!from) return unsafe("it is a hard link to '" + join(target, target.size()) + "', which is not in the image");
  const base::Fd source(::fcntl(*from, F_DUPFD_CLOEXEC, 0));
  const std::string source_name(target.back());
  struct stat wanted{};
  if (::fstatat(source.get(), source_name.c_str(), &wanted, AT_SYMLINK_NOFOLLOW) != 0) {
    return unsafe("it is a hard link to '" + join(target, target.size()) + "', which is not in the image");
  }
  if (S_ISDIR(wanted.st_mode)) return unsafe("it is a hard link to a directory");
  const base::Result<int> found = parent_of(path, Missing::make);
  if (!found) return std::unexpected(found.error());
  const base::Fd parent(::fcntl(*found, F_DUPFD_CLOEXEC, 0));
  const std::string name(path.back());
  struct stat present{};
  const bool exists = ::fstatat(parent.get(), name.c_str(), &present, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && same_inode(present, wanted)) return note_made(parent.get(), name.c_str());
  if (exists) {
    if (base::Result<void> cleared = remove(parent.get(), name.c_str(), false); !cleared) return cleared;
  }
  if (::linkat(source.get(), source_name.c_str(), parent.get(), name.c_str(), 0) != 0) return system_refused("link");
  return note_made(parent.get(), name.c_str());
}

base::Result<void> Tree::remove_lower(const Components& path) {
  const base::Result<int> found = parent_of(path, Missing::fail);
  if (!found) return {};
  const base::Fd parent(::fcntl(*found, F_DUPFD_CLOEXEC, 0));
  return remove(parent.get(), std::string(path.back()).c_str(), true);
}

base::Result<void> Tree::remove_lower_inside(const Components& path) {
  const std::string folder = join(path, path.size());
  const base::Fd fd(open_inside(root_.get(), folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd) return errno == ENOENT ? base::Result<void>() : base::Result<void>(system_refused("open"));
  return remove_inside(fd.get(), true);
}

base::Result<void> Tree::remove_inside(int folder, bool keep_touched) {
  base::Fd own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(own ? ::fdopendir(own.get()) : nullptr, &::closedir);
  if (!stream) return system_refused("read a directory");
  own.release();  // the stream closes it
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  stream.reset();
  for (const std::string& name : names) {
    if (base::Result<void> removed = remove(folder, name.c_str(), keep_touched); !removed) return removed;
  }
  return {};
}

base::Result<void> Tree::remove(int parent, const char* name, bool keep_touched) {
  cached_.reset();
  struct stat info{};
  if (::fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? base::Result<void>() : base::Result<void>(system_refused("stat"));
  }
  const bool keep = keep_touched && touched_.contains(info.st_ino);
  if (S_ISDIR(info.st_mode)) {
    const base::Fd folder(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) return system_refused("open a directory");
    if (base::Result<void> emptied = remove_inside(folder.get(), keep_touched); !emptied) return emptied;
    if (!keep && ::unlinkat(parent, name, AT_REMOVEDIR) != 0) return system_refused("rmdir");
    return {};
  }
  if (!keep && ::unlinkat(parent, name, 0) != 0) return system_refused("unlink");
  return {};
}

base::Result<void> Tree::dress(int fd, const Attributes& attributes) const {
  if (options_.keep_owners) {
    if (base::Result<void> exists = check_owner(attributes); !exists) return exists;
    if (::fchown(fd, static_cast<uid_t>(attributes.uid), static_cast<gid_t>(attributes.gid)) != 0) {
      return system_refused("chown");
    }
  }
  for (const auto& [name, value] : attributes.xattrs) {
    // A file system without such attributes, or without room for them, keeps the file.
    if (keep_xattr(name)) ::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0);
  }
  // After chown, which clears the set-user-id bit.
  if (::fchmod(fd, attributes.mode) != 0) return system_refused("chmod");
  return {};
}

base::Result<void> Tree::dress_unopened(int parent, const char* name, const Attributes& attributes) const {
  if (options_.keep_owners) {
    if (base::Result<void> exists = check_owner(attributes); !exists) return exists;
    if (::fchownat(parent, name, static_cast<uid_t>(attributes.uid), static_cast<gid_t>(attributes.gid),
                   AT_SYMLINK_NOFOLLOW) != 0) {
      return system_refused("chown");
    }
  }
  const timespec times[2] = {attributes.mtime, attributes.mtime};
  if (::utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) != 0) return system_refused("set the time");
  return {};
}

void Tree::finish() {
  for (const PendingTime& pending : pending_times_) {
    const base::Fd fd(open_inside(root_.get(), pending.path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const timespec times[2] = {pending.mtime, pending.mtime};
    if (fd) ::futimens(fd.get(), times);  // one that was replaced since has no time to set
  }
  pending_times_.clear();
}

}  // namespace marea::pipeline
