#include "engine/local/sandbox_bundle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>

#include "engine/local/network_egress.h"
#include "engine/local/oci_config.h"
#include "engine/local/overlay.h"
#include "engine/local/user_namespace.h"
#include "engine/local/volumes.h"
#include "net/role.h"

namespace marea::engine::local {
namespace {

constexpr std::size_t kMostNameBytes = 63;  // a host name and a cgroup name
constexpr std::int64_t kMostUser = net::kIdRangeSize - 1;

bool is_name(std::string_view text) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !text.empty() && text.size() <= kMostNameBytes && text.front() != '-' &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '.' && text.find('/') == std::string_view::npos &&
         text.find('\0') == std::string_view::npos;
}

base::Result<void> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return base::fail(base::os_error("cannot write " + path));
  ::chmod(path.c_str(), 0644);
  return {};
}

base::Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0711) != 0) return base::fail(base::os_error("cannot make " + path));
  return {};
}

std::string hosts(const std::string& name) {
  return "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t" + name + "\n";
}

base::Result<void> write_files(const SandboxMachine& machine, const SandboxOrder& order, const std::string& folder) {
  base::Result<void> done = make_folder(folder);
  if (done) done = write_file(folder + "/hosts", hosts(order.id.str()));
  if (done) done = write_file(folder + "/hostname", order.id.str() + "\n");
  if (done)
    done = write_file(folder + "/resolv.conf",
                      resolver_file(machine.egress.plan(), order.revision.spec.egress, order.slot));
  return done;
}

std::string fd_path(const base::Fd& fd) {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd.get());
}

base::Result<void> check_container(const model::Revision& revision, std::size_t number) {
  const model::Container& container = number == 0 ? revision.spec.container : revision.spec.sidecars[number - 1];
  const model::Image& image = number == 0 ? revision.image : revision.sidecar_images[number - 1];
  const auto refuse = [](const std::string& why) {
    return base::fail(base::ErrorCode::invalid_argument, "cannot make a sandbox", why);
  };
  if (!image.rootfs.starts_with('/')) return refuse("the image's path is not absolute");
  if (number > 0 && !is_name(container.name)) return refuse("a container's name is no DNS label");
  if (container.limits.memory_bytes < model::kLeastMemoryBytes || container.limits.milli_cpu <= 0) {
    return refuse("a limit is out of range");
  }
  const std::int64_t user = container.run_as_user.value_or(image.config.uid);
  if (user < 0 || user > kMostUser || image.config.gid > kMostUser) {
    return refuse("the app's user id is above 65535");
  }
  for (const model::VolumeMount& mount : container.mounts) {
    if (model::mount_path_fault(mount.path) || model::sub_path_fault(mount.sub_path)) {
      return refuse("a volume's path is malformed");
    }
  }
  return {};
}

// The first one's, or what joins it.
base::Result<base::Fd> users_of(const SandboxOrder& order, const SandboxPart& part) {
  if (part.number > 0) return part.users.duplicate();
  return make_user_namespace(net::kInstanceOwnerBase + static_cast<uid_t>(order.slot), id_base(order.slot));
}

// Folders, files and root file system, and of the first container the volumes.
base::Result<void> make_files(const SandboxMachine& machine, const SandboxOrder& order, const SandboxPart& part) {
  const std::string name = part.name(order.id);
  const std::string stage = machine.stage_of(name);
  const model::Template& spec = order.revision.spec;
  base::Result<void> done = make_folder(machine.trace_of(name));
  if (done) done = make_folder(stage);
  if (done) done = make_folder(machine.bundle_of(name));
  if (done) done = write_files(machine, order, stage + "/files");
  if (done && part.number == 0) {
    const std::int64_t user = spec.container.run_as_user.value_or(order.revision.image.config.uid);
    done = mount_volumes(stage, spec, part.of_group ? part.volumes : volumes_bytes(spec),
                         {.user = id_base(order.slot) + static_cast<uid_t>(user),
                          .group = id_base(order.slot) + order.revision.image.config.gid});
  }
  if (done) {
    done = mount_root({.folder = stage,
                       .image = order.revision.image.rootfs,
                       .id_base = id_base(order.slot),
                       .writable = writable_bytes(spec.container.limits)});
  }
  return done;
}

}  // namespace

uid_t id_base(int slot) {
  return net::kInstanceIdBase + static_cast<uid_t>(slot) * net::kIdRangeSize;
}

base::Result<void> check_order(const SandboxOrder& order) {
  const model::Revision& revision = order.revision;
  const auto refuse = [](const std::string& why) {
    return base::fail(base::ErrorCode::invalid_argument, "cannot make a sandbox", why);
  };
  if (!is_name(order.id.str())) return refuse("the instance's name is no DNS label");
  if (!is_label(revision.service.str()) || !is_label(revision.name.str())) return refuse("a name is malformed");
  if (order.slot < 0 || order.slot >= net::kMostInstanceSlots) return refuse("there is no such slot");
  if (revision.sidecar_images.size() != revision.spec.sidecars.size()) return refuse("a sidecar has no image");
  for (std::size_t i = 0; i <= revision.spec.sidecars.size(); ++i) {
    if (base::Result<void> checked = check_container(revision, i); !checked) return checked;
  }
  return {};
}

base::Result<base::Fd> make_bundle(const SandboxMachine& machine, const SandboxOrder& order, const SandboxPart& part) {
  const std::string name = part.name(order.id);
  const std::string stage = machine.stage_of(name);
  const model::Template& spec = order.revision.spec;
  if (base::Result<void> made = make_files(machine, order, part); !made)
    return std::unexpected(std::move(made.error()));
  base::Result<std::vector<VolumeBind>> volumes = bind_volumes(machine.stage_of(order.id.str()), spec, spec.container);
  if (!volumes) return std::unexpected(std::move(volumes.error()));
  base::Result<base::Fd> users = users_of(order, part);
  if (!users) return users;
  const OciOrder oci{.hostname = order.id.str(),
                     .rootfs = stage + "/root",
                     .files = stage + "/files",
                     .shim = machine.shim,
                     .cgroup = "/" + machine.cgroup_of(name),
                     .id_base = id_base(order.slot),
                     .limits = spec.container.limits,
                     .swap_accounting = machine.swap_accounting,
                     .user_namespace = fd_path(*users),
                     .network_namespace = part.number == 0 ? std::string() : fd_path(part.network),
                     .volumes = std::move(*volumes),
                     .seccomp_program = machine.seccomp_program};
  base::Result<void> done = write_file(machine.bundle_of(name) + "/config.json", oci_config(oci).dump());
  if (!done) return std::unexpected(std::move(done.error()));
  return users;
}

base::Result<OutputPipes> make_output_pipes(uid_t owner, gid_t group) {
  constexpr mode_t kWriteOnly = 0222;
  OutputPipes pipes;
  for (const auto& [read_end, write_end] :
       {std::pair{&pipes.out_read, &pipes.out_write}, std::pair{&pipes.err_read, &pipes.err_write}}) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail(base::os_error("cannot make a pipe"));
    *read_end = base::Fd(ends[0]);
    *write_end = base::Fd(ends[1]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (::fchown(ends[1], owner, group) != 0 || ::fchmod(ends[1], kWriteOnly) != 0) {
      return base::fail(base::os_error("cannot give a pipe to the app's user"));
    }
  }
  return pipes;
}

}  // namespace marea::engine::local
