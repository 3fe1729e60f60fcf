#include "engine/local/overlay.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <cerrno>
#include <cstdlib>

#include "net/role.h"

namespace marea::engine::local {
namespace {

constexpr std::int64_t kBytesPerFile = 8192;  // a file costs about 2 kB of kernel memory, charged like its bytes

base::Error cannot(const std::string& what) {
  return base::os_error(what, base::ErrorCode::sandbox_failed);
}

base::Result<void> write_map(pid_t pid, const char* name, const std::string& text) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return base::fail(cannot("cannot write " + path));
  }
  return {};
}

base::Result<base::Fd> clone_mapped(const std::string& tree, uid_t from, uid_t to) {
  const base::Result<base::Fd> map = make_id_map(from, to);
  if (!map) return std::unexpected(map.error());
  base::Fd mount(::open_tree(AT_FDCWD, tree.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!mount) return base::fail(cannot("cannot open the image " + tree));
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;
  attributes.userns_fd = static_cast<__u64>(map->get());
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    base::Error error = base::os_error("cannot map the ids of " + tree, base::ErrorCode::kernel_feature);
    error.remedy = "Put the data directory on ext4, xfs or btrfs (Linux 6.1 or newer)";
    return base::fail(std::move(error));
  }
  return mount;
}

base::Result<void> make_layer_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return base::fail(cannot("cannot make " + path));
  return {};
}

base::Result<void> mount_layers(const RootOrder& order) {
  const std::string lower = order.folder + "/lower";
  const std::string scratch = order.folder + "/scratch";
  const std::string upper = scratch + "/upper";
  const std::string work = scratch + "/work";
  const base::Result<base::Fd> image = clone_mapped(order.image, net::kBuilderIdBase, order.id_base);
  if (!image) return std::unexpected(image.error());
  if (::move_mount(image->get(), "", AT_FDCWD, lower.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return base::fail(cannot("cannot mount the image"));
  }
  const std::string memory = "mode=711,size=" + std::to_string(order.writable) +
                             ",nr_inodes=" + std::to_string(order.writable / kBytesPerFile);
  if (::mount("marea", scratch.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, memory.c_str()) != 0) {
    return base::fail(cannot("cannot mount the writable layer"));
  }
  struct stat top{};
  if (::stat(lower.c_str(), &top) != 0) return base::fail(cannot("cannot read the image's top folder"));
  if (::mkdir(upper.c_str(), 0755) != 0 || ::chmod(upper.c_str(), top.st_mode & 07777U) != 0 ||
      ::chown(upper.c_str(), top.st_uid, top.st_gid) != 0 || ::mkdir(work.c_str(), 0700) != 0) {
    return base::fail(cannot("cannot prepare the writable layer"));
  }
  const std::string options = "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work + ",index=off,xino=off";
  if (::mount("marea", (order.folder + "/root").c_str(), "overlay", MS_NODEV, options.c_str()) != 0) {
    return base::fail(cannot("cannot mount the root file system"));
  }
  return {};
}

}  // namespace

base::Result<void> enter_stage() {
  if (::mkdir(kStage, 0711) != 0 && errno != EEXIST)
    return base::fail(base::os_error(std::string("cannot make ") + kStage));
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    base::Error error = base::os_error("cannot get a mount namespace", base::ErrorCode::privilege_missing);
    error.remedy = "Start marea as root, with CAP_SYS_ADMIN";
    return base::fail(std::move(error));
  }
  if (::mount("marea", kStage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=711,size=512m") != 0) {
    return base::fail(base::os_error(std::string("cannot mount ") + kStage));
  }
  return {};
}

base::Result<void> mount_root(const RootOrder& order) {
  for (const char* part : {"/lower", "/scratch", "/root"}) {
    if (base::Result<void> made = make_layer_folder(order.folder + part, 0711); !made) return made;
  }
  base::Result<void> mounted = mount_layers(order);
  // The overlay holds its layers by itself.
  ::umount2((order.folder + "/scratch").c_str(), MNT_DETACH);
  ::umount2((order.folder + "/lower").c_str(), MNT_DETACH);
  return mounted;
}

void unmount_root(const std::string& folder) {
  ::umount2((folder + "/root").c_str(), MNT_DETACH);
}

base::Result<base::Fd> make_id_map(uid_t from, uid_t to) {
  // A process is the only way to get a user namespace; it waits to be killed.
  const long child = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;) ::poll(nullptr, 0, -1);
  }
  if (child < 0) {
    base::Error error = base::os_error("cannot make a user namespace", base::ErrorCode::kernel_feature);
    error.remedy = "Allow them: sysctl -w user.max_user_namespaces=15000";
    return base::fail(std::move(error));
  }
  const auto pid = static_cast<pid_t>(child);
  const std::string line =
      std::to_string(from) + " " + std::to_string(to) + " " + std::to_string(net::kIdRangeSize) + "\n";
  base::Result<void> written = write_map(pid, "uid_map", line);
  if (written) written = write_map(pid, "gid_map", line);
  base::Fd fd;
  if (written) {
    fd = base::Fd(::open(("/proc/" + std::to_string(pid) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) written = base::fail(cannot("cannot open a user namespace"));
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  if (!written) return std::unexpected(written.error());
  return fd;
}

base::Result<void> check_id_mapped_mount(const std::string& folder) {
  const base::Result<base::Fd> mount = clone_mapped(folder, net::kBuilderIdBase, net::kInstanceIdBase);
  if (!mount) return std::unexpected(mount.error());
  return {};
}

}  // namespace marea::engine::local
