#include "backup/restore.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include "base/fd.h"
#include "base/replace_file.h"
#include "net/wire.h"
#include "net/wire_model.h"
#include "pipeline/files.h"

namespace marea::backup {

template <class A, net::Is<Restored> T>
void visit(A& a, T& v) {
  a(v.created, v.services, v.revisions, v.blobs);
}

namespace {

constexpr std::int64_t kMostBackupBytes = 1LL << 44;  // digests and sizes bound it; this only ends an endless one
constexpr std::size_t kMostAnswer = 1U << 20;

using Answer = std::variant<Restored, base::Error>;

std::unexpected<base::Error> occupied(const std::string& data, const std::string& by) {
  return base::fail(base::ErrorCode::conflict, "cannot restore into " + data, "it holds " + by + " already",
                    "Stop the marea that uses it and move it away: mv " + data + " " + data +
                        ".old; or restore into another directory: --data DIR");
}

base::Result<void> check_empty(const std::string& data) {
  std::error_code problem;
  std::filesystem::create_directories(data, problem);
  if (problem) {
    base::Error error = base::os_error("cannot make " + data, problem.value());
    if (error.remedy.empty()) error.remedy = "Restore into a directory that root can make: --data DIR";
    return base::fail(std::move(error));
  }
  const bool killed = std::filesystem::exists(data + "/" + kRestoring, problem);
  for (const auto& entry : std::filesystem::directory_iterator(data, problem)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name == kRestoring || name == "control" || name == "blobs";
    if (name == "lost+found" || (killed && ours)) continue;
    return occupied(data, name);
  }
  if (problem) return base::fail(base::os_error("cannot read " + data, problem.value()));
  if (!killed) return {};
  for (const char* name : {"control", "blobs", kRestoring}) {
    if (auto gone = pipeline::remove_tree(data + "/" + name); !gone) return gone;
  }
  return {};
}

base::Result<void> make_folder(const std::string& path, mode_t mode, unsigned owner) {
  const bool made = ::mkdir(path.c_str(), mode) == 0 && ::chmod(path.c_str(), mode) == 0;
  if (!made || (::geteuid() == 0 && ::chown(path.c_str(), owner, owner) != 0)) {
    return base::fail(base::os_error("cannot make " + path));
  }
  return {};
}

// Root reads no archive: in a root directory that is the folder alone, as a user who owns nothing else.
base::Result<void> lock_in(const std::string& folder, unsigned owner) {
  if (::chroot(folder.c_str()) != 0 || ::chdir("/") != 0 || ::setgroups(0, nullptr) != 0 ||
      ::setresgid(owner, owner, owner) != 0 || ::setresuid(owner, owner, owner) != 0) {
    return base::fail(base::os_error("cannot give up root's rights"));
  }
  return {};
}

Answer read_locked_in(const RestoreOptions& options, const std::string& folder) {
  auto archive = pipeline::LayerStream::open_untrusted(
      options.archive, {.most_bytes = kMostBackupBytes, .ratio_free_bytes = kMostBackupBytes});
  if (!archive) {
    base::Error error = archive.error();
    error.what = "cannot restore " + options.archive;
    if (error.remedy.empty()) error.remedy = "Name a file that can be read and that marea backup has written";
    return error;
  }
  std::string inside = folder;
  if (::geteuid() == 0) {
    if (auto locked = lock_in(folder, options.owner); !locked) return locked.error();
    inside.clear();
  }
  base::Result<Restored> done = read_backup(*archive, options.archive, inside);
  if (!done) return done.error();
  return *done;
}

std::string read_all(const base::Fd& from) {
  std::string out;
  std::array<char, 4096> piece{};
  while (out.size() < kMostAnswer) {
    const ssize_t got = ::read(from.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    out.append(piece.data(), static_cast<std::size_t>(got));
  }
  return out;
}

base::Result<Restored> read_in_child(const RestoreOptions& options, const std::string& folder) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail(base::os_error("cannot restore"));
  const base::Fd from_child(ends[0]);
  base::Fd to_parent(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return base::fail(base::os_error("cannot restore"));
  if (child == 0) {
    const std::string answer = net::encode(read_locked_in(options, folder));
    const auto wrote = pipeline::write_all(to_parent.get(), answer, "the answer");
    ::_exit(wrote ? 0 : 1);
  }
  to_parent.reset();
  const std::string text = read_all(from_child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::optional<Answer> answer = net::decode<Answer>(text);
  if (!answer) {
    return base::fail(base::ErrorCode::invalid_argument, "cannot restore " + options.archive,
                      "whoever read it ended with wait status " + std::to_string(status), "Use another backup");
  }
  if (auto* error = std::get_if<base::Error>(&*answer)) return base::fail(std::move(*error));
  return std::get<Restored>(std::move(*answer));
}

// Into place: control/ last, and `restoring` stays until both are there.
base::Result<void> move_in(const std::string& data, const std::string& folder) {
  for (const char* part : {"blobs", "control"}) {
    if (auto done = base::sync_folder(folder + "/" + part); !done) return done;
    const std::string place = data + "/" + part;
    if (std::rename((folder + "/" + part).c_str(), place.c_str()) != 0) {
      return base::fail(base::os_error("cannot rename to " + place));
    }
  }
  if (auto done = base::sync_folder(data); !done) return done;
  if (::rmdir(folder.c_str()) != 0) return base::fail(base::os_error("cannot remove " + folder));
  return base::sync_folder(data);
}

}  // namespace

base::Result<Restored> restore(const RestoreOptions& options) {
  if (auto empty = check_empty(options.data); !empty) return base::fail(std::move(empty.error()));
  const std::string folder = options.data + "/" + kRestoring;
  constexpr mode_t kClosed = 0700;
  for (const char* part : {"", "/control", "/blobs", "/blobs/sha256"}) {
    if (auto made = make_folder(folder + part, kClosed, options.owner); !made)
      return base::fail(std::move(made.error()));
  }
  base::Result<Restored> done = read_in_child(options, folder);
  if (done) {
    base::Result<void> moved = base::sync_folder(folder + "/blobs/sha256");
    if (moved) moved = move_in(options.data, folder);
    if (moved) return done;
    done = base::fail(std::move(moved.error()));
  }
  for (const char* name : {"control", "blobs", kRestoring}) {
    [[maybe_unused]] const auto gone = pipeline::remove_tree(options.data + "/" + name);
  }
  return done;
}

}  // namespace marea::backup
