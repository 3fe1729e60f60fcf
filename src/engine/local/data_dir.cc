#include "engine/local/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "net/role.h"

namespace marea::engine::local {
namespace {

struct Part {
  const char* name;
  uid_t owner;
  gid_t group;
  mode_t mode;
};

constexpr uid_t kControl = net::role_uid(net::Role::control);
constexpr uid_t kLogs = net::role_uid(net::Role::logs);
constexpr uid_t kRouter = net::role_uid(net::Role::router);
constexpr uid_t kBuilder = net::kBuilderIdBase;

// Group bits let control into what others write; the set-group-id bit hands control's group on to new files.
constexpr std::array kParts = {
    Part{"control", kControl, kControl, 0700},  Part{"incoming", kControl, kControl, 0711},
    Part{"blobs", kBuilder, kControl, 0770},    Part{"blobs/sha256", kBuilder, kControl, 0770},
    Part{"images", kBuilder, kControl, 0750},   Part{"build", kBuilder, kBuilder, 0700},
    Part{"logs", kLogs, kControl, 02750},       Part{"router", kRouter, kRouter, 0700},
    Part{"requests", kRouter, kControl, 02750}, Part{"run", 0, 0, 0700},
    Part{"registry", 0, kBuilder, 0750},
};

base::Error cannot_prepare(const std::string& path, int error_number) {
  base::Error error = base::os_error("cannot prepare the data directory " + path, error_number);
  error.remedy = "Choose a directory that root can write, on a file system that keeps owners: --data DIR";
  return error;
}

}  // namespace

base::Result<void> prepare_data_dir(const std::string& path) {
  std::error_code problem;
  std::filesystem::create_directories(path, problem);
  if (problem) return base::fail(cannot_prepare(path, problem.value()));
  if (std::filesystem::exists(path + "/" + kRestoring, problem)) {
    return base::fail(base::ErrorCode::conflict, "cannot use the data directory " + path,
                      "a restore into it did not end", "Run it again: sudo marea restore FILE --data " + path);
  }
  if (::chmod(path.c_str(), 0711) != 0) return base::fail(cannot_prepare(path, errno));
  for (const Part& part : kParts) {
    const std::string full = path + "/" + part.name;
    if (::mkdir(full.c_str(), part.mode) != 0 && errno != EEXIST) return base::fail(cannot_prepare(full, errno));
    // Owner first: chown clears the set-group-id bit.
    if (::chown(full.c_str(), part.owner, part.group) != 0) return base::fail(cannot_prepare(full, errno));
    if (::chmod(full.c_str(), part.mode) != 0) return base::fail(cannot_prepare(full, errno));
  }
  // What the roles write durably hangs on these names.
  const base::Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return base::fail(cannot_prepare(path, errno));
  if (::mkdir(kDataView, 0711) != 0 && errno != EEXIST) return base::fail(cannot_prepare(kDataView, errno));
  return {};
}

base::Result<base::Fd> lock_data_dir(const std::string& path) {
  const std::string file = path + "/keeper.lock";
  base::Fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return base::fail(cannot_prepare(file, errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return base::fail(base::ErrorCode::address_in_use, "cannot use the data directory " + path,
                      "another marea is running on it", "Stop it, or choose another --data directory");
  }
  return lock;
}

}  // namespace marea::engine::local
