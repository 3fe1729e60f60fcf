#include "engine/local/volumes.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/fd.h"

namespace marea::engine::local {
namespace {

constexpr std::int64_t kVolumeBytesPerFile = 8192;  // as for the writable layer (overlay.cc)
constexpr mode_t kOpenToAll = 0777;

std::string place_of(const std::string& folder, std::size_t volume) {
  return folder + "/volumes/" + std::to_string(volume);
}

bool writes_into(const model::Container& container, const std::string& volume) {
  return std::ranges::any_of(
      container.mounts, [&](const model::VolumeMount& mount) { return mount.volume == volume && !mount.read_only; });
}

base::Result<void> mount_volume(const std::string& place, std::int64_t bytes, uid_t user, gid_t group) {
  if (::mkdir(place.c_str(), 0711) != 0) return base::fail(base::os_error("cannot make " + place));
  const std::string options = "mode=777,size=" + std::to_string(bytes) +
                              ",nr_inodes=" + std::to_string(bytes / kVolumeBytesPerFile) +
                              ",uid=" + std::to_string(user) + ",gid=" + std::to_string(group);
  if (::mount("marea", place.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return base::fail(base::os_error("cannot mount a volume", base::ErrorCode::sandbox_failed));
  }
  return {};
}

// A folder below `in`, made when it is missing, owned and open like `in` itself. No link is followed.
base::Result<base::Fd> open_folder(const base::Fd& in, const std::string& name) {
  struct stat parent{};
  const bool made = ::mkdirat(in.get(), name.c_str(), kOpenToAll) == 0;
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  base::Fd out(static_cast<int>(::syscall(SYS_openat2, in.get(), name.c_str(), &how, sizeof how)));
  if (!out || ::fstat(in.get(), &parent) != 0) {
    return base::fail(base::os_error("cannot open the folder " + name + " of a volume"));
  }
  // mkdir(2) minds our umask.
  if (made && (::fchown(out.get(), parent.st_uid, parent.st_gid) != 0 || ::fchmod(out.get(), kOpenToAll) != 0)) {
    return base::fail(base::os_error("cannot make the folder " + name + " of a volume"));
  }
  return out;
}

base::Result<void> make_part(const std::string& place, const std::string& sub_path) {
  base::Fd at(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at) return base::fail(base::os_error("cannot open a volume"));
  std::string rest = sub_path;
  while (!rest.empty()) {
    const std::string name = rest.substr(0, rest.find('/'));
    rest.erase(0, name.size() + 1);
    base::Result<base::Fd> next = open_folder(at, name);
    if (!next) return std::unexpected(next.error());
    at = std::move(*next);
  }
  return {};
}

}  // namespace

std::int64_t volume_bytes(const model::Template& spec, const model::Volume& volume) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  if (writes_into(spec.container, volume.name)) least = spec.container.limits.memory_bytes;
  for (const model::Container& sidecar : spec.sidecars) {
    if (writes_into(sidecar, volume.name)) least = std::min(least, sidecar.limits.memory_bytes);
  }
  return std::min(volume.size_bytes.value_or(model::instance_limits(spec).memory_bytes / 2), least / 4 * 3);
}

base::Result<void> mount_volumes(const std::string& folder, const model::Template& spec, uid_t user, gid_t group) {
  if (spec.volumes.empty()) return {};
  const std::string all = folder + "/volumes";
  if (::mkdir(all.c_str(), 0711) != 0) return base::fail(base::os_error("cannot make " + all));
  for (std::size_t i = 0; i < spec.volumes.size(); ++i) {
    const model::Volume& volume = spec.volumes[i];
    if (!std::ranges::all_of(volume.sources, &model::VolumeSource::optional)) {
      return base::fail(base::ErrorCode::sandbox_failed, "cannot make the volume " + volume.name,
                        "the values of secrets and config maps are not here");
    }
    base::Result<void> mounted = mount_volume(place_of(folder, i), volume_bytes(spec, volume), user, group);
    if (!mounted) return mounted;
  }
  return {};
}

base::Result<std::vector<VolumeBind>> bind_volumes(const std::string& folder, const model::Template& spec,
                                                   const model::Container& container) {
  std::vector<VolumeBind> out;
  for (const model::VolumeMount& mount : container.mounts) {
    const auto volume = std::ranges::find(spec.volumes, mount.volume, &model::Volume::name);
    if (volume == spec.volumes.end()) {
      return base::fail(base::ErrorCode::invalid_argument, "cannot make a sandbox",
                        "there is no volume " + mount.volume);
    }
    std::string source = place_of(folder, static_cast<std::size_t>(volume - spec.volumes.begin()));
    if (!mount.sub_path.empty()) {
      if (base::Result<void> made = make_part(source, mount.sub_path); !made) return std::unexpected(made.error());
      source += "/" + mount.sub_path;
    }
    out.push_back({.destination = mount.path, .source = std::move(source), .read_only = mount.read_only});
  }
  std::ranges::stable_sort(out, {}, [](const VolumeBind& bind) { return bind.destination.size(); });
  return out;
}

void unmount_volumes(const std::string& folder) {
  // Without gaps: each was made after the one before.
  for (std::size_t i = 0; ::umount2(place_of(folder, i).c_str(), MNT_DETACH) == 0; ++i) {
  }
}

}  // namespace marea::engine::local
