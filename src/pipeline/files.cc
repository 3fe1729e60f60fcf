#include "pipeline/files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace marea::pipeline {

base::Result<OpenFile> open_regular(const std::string& path) {
  OpenFile out;
  out.fd = base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!out.fd) return base::fail(base::os_error("cannot read " + path));
  struct stat info{};
  if (::fstat(out.fd.get(), &info) != 0) return base::fail(base::os_error("cannot read " + path));
  if (!S_ISREG(info.st_mode)) {
    return base::fail(base::ErrorCode::invalid_argument, "cannot read " + path, "it is not a regular file");
  }
  out.bytes = info.st_size;
  return out;
}

int open_inside(int root, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
    // EAGAIN: a rename somewhere in the system raced with "..": the kernel asks to try again.
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
  }
}

base::Result<std::string> read_to_end(int fd, const std::string& path, std::size_t most) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return base::fail(base::os_error("cannot read " + path));
  std::string text;
  text.resize(std::min(static_cast<std::size_t>(info.st_size), most) + 1);
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(fd, text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail(base::os_error("cannot read " + path));
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length == text.size()) {
    return base::fail(base::ErrorCode::too_large, "cannot read " + path,
                      "it is larger than " + std::to_string(text.size() - 1) + " bytes");
  }
  text.resize(length);
  return text;
}

base::Result<std::string> read_small_file(const std::string& path, std::size_t most) {
  const base::Result<OpenFile> file = open_regular(path);
  if (!file) return std::unexpected(file.error());
  return read_to_end(file->fd.get(), path, most);
}

base::Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return base::fail(base::os_error("cannot write " + path));
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

base::Result<void> write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode) {
  std::string partial = path + ".XXXXXX";
  const base::Fd fd(::mkostemp(partial.data(), O_CLOEXEC));
  if (!fd) return base::fail(base::os_error("cannot write " + path));
  base::Result<void> written = write_all(fd.get(), bytes, partial);
  if (written &&
      (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0 || ::rename(partial.c_str(), path.c_str()) != 0)) {
    written = base::fail(base::os_error("cannot write " + path));
  }
  if (!written) ::unlink(partial.c_str());
  return written;
}

base::Result<void> remove_tree(const std::string& path) {
  std::error_code problem;
  std::filesystem::remove_all(path, problem);
  if (problem) return base::fail(base::os_error("cannot remove " + path, problem.value()));
  return {};
}

std::int64_t bytes_below(const std::string& folder) {
  constexpr std::int64_t kBlock = 512;  // of st_blocks, whatever the file system
  std::int64_t bytes = 0;
  std::error_code problem;
  constexpr auto kGoOn = std::filesystem::directory_options::skip_permission_denied;
  for (auto at = std::filesystem::recursive_directory_iterator(folder, kGoOn, problem);
       !problem && at != std::filesystem::recursive_directory_iterator(); at.increment(problem)) {
    struct stat info{};
    if (::lstat(at->path().c_str(), &info) == 0) bytes += info.st_blocks * kBlock;
  }
  return bytes;
}

}  // namespace marea::pipeline
