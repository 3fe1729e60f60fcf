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
#include <set>

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

std::int64_t written_by(const model::Container& container) {
  std::set<std::string> volumes;
  for (const model::VolumeMount& mount : container.mounts) {
    if (!mount.read_only) volumes.insert(mount.volume);
  }
  return static_cast<std::int64_t>(volumes.size());
}

// What the container may have in the volume and live.
std::int64_t share_of(const model::Container& container, const std::string& volume) {
  if (!writes_into(container, volume)) return std::numeric_limits<std::int64_t>::max();
  return container.limits.memory_bytes / 4 * 3 / written_by(container);
}

base::Result<void> mount_volume(const std::string& place, std::int64_t bytes, VolumeOwner owner) {
  if (::mkdir(place.c_str(), 0711) != 0) return base::fail(base::os_error("cannot make " + place));
  const std::string options = "mode=777,size=" + std::to_string(bytes) +
                              ",nr_inodes=" + std::to_string(std::max<std::int64_t>(2, bytes / kVolumeBytesPerFile)) +
                              ",uid=" + std::to_string(owner.user) + ",gid=" + std::to_string(owner.group);
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

struct VolumePart {
  const model::VolumeMount* mount = nullptr;
  std::string place;  // of its volume
};

// In the volume whose mount is the next above `path`, if there is one. `parts` has outer mounts first.
base::Result<void> make_place_below(const std::vector<VolumePart>& parts, const std::string& path) {
  const auto above = std::find_if(parts.rbegin(), parts.rend(),
                                  [&](const VolumePart& part) { return path.starts_with(part.mount->path + "/"); });
  if (above == parts.rend()) return {};
  const std::string rest = path.substr(above->mount->path.size() + 1);
  const std::string& outer = above->mount->sub_path;
  return make_part(above->place, outer.empty() ? rest : outer + "/" + rest);
}

}  // namespace

std::int64_t volume_bytes(const model::Template& spec, const model::Volume& volume) {
  std::int64_t most = share_of(spec.container, volume.name);
  for (const model::Container& sidecar : spec.sidecars) most = std::min(most, share_of(sidecar, volume.name));
  return std::min(volume.size_bytes.value_or(model::instance_limits(spec).memory_bytes / 2), most);
}

std::vector<std::int64_t> volumes_bytes(const model::Template& spec) {
  std::vector<std::int64_t> out;
  out.reserve(spec.volumes.size());
  for (const model::Volume& volume : spec.volumes) out.push_back(volume_bytes(spec, volume));
  return out;
}

base::Result<void> mount_volumes(const std::string& folder, const model::Template& spec,
                                 const std::vector<std::int64_t>& bytes, VolumeOwner owner) {
  if (spec.volumes.empty()) return {};
  const std::string all = folder + "/volumes";
  if (::mkdir(all.c_str(), 0711) != 0) return base::fail(base::os_error("cannot make " + all));
  for (std::size_t i = 0; i < spec.volumes.size(); ++i) {
    const model::Volume& volume = spec.volumes[i];
    if (!std::ranges::all_of(volume.sources, &model::VolumeSource::optional)) {
      return base::fail(base::ErrorCode::sandbox_failed, "cannot make the volume " + volume.name,
                        "the values of secrets and config maps are not here");
    }
    base::Result<void> mounted = mount_volume(place_of(folder, i), bytes[i], owner);
    if (!mounted) return mounted;
  }
  return {};
}

base::Result<std::vector<VolumeBind>> bind_volumes(const std::string& folder, const model::Template& spec,
                                                   const model::Container& container) {
  std::vector<VolumePart> parts;
  for (const model::VolumeMount& mount : container.mounts) {
    const auto volume = std::ranges::find(spec.volumes, mount.volume, &model::Volume::name);
    if (volume == spec.volumes.end()) {
      return base::fail(base::ErrorCode::invalid_argument, "cannot make a sandbox",
                        "there is no volume " + mount.volume);
    }
    parts.push_back(
        {.mount = &mount, .place = place_of(folder, static_cast<std::size_t>(volume - spec.volumes.begin()))});
  }
  std::ranges::stable_sort(parts, {}, [](const VolumePart& part) { return part.mount->path.size(); });
  std::vector<VolumeBind> out;
  for (const VolumePart& part : parts) {
    const model::VolumeMount& mount = *part.mount;
    base::Result<void> made = make_part(part.place, mount.sub_path);
    if (made) made = make_place_below(parts, mount.path);
    if (!made) return std::unexpected(made.error());
    std::string source = mount.sub_path.empty() ? part.place : part.place + "/" + mount.sub_path;
    out.push_back({.destination = mount.path, .source = std::move(source), .read_only = mount.read_only});
  }
  return out;
}

void unmount_volumes(const std::string& folder) {
  // Without gaps: each was made after the one before.
  for (std::size_t i = 0; ::umount2(place_of(folder, i).c_str(), MNT_DETACH) == 0; ++i) {
  }
}

}  // namespace marea::engine::local
