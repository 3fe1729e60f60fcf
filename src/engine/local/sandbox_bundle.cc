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

}  // namespace

uid_t id_base(int slot) {
  return net::kInstanceIdBase + static_cast<uid_t>(slot) * net::kIdRangeSize;
}

base::Result<void> check_order(const SandboxOrder& order) {
  const model::Revision& revision = order.revision;
  const model::Container& container = revision.spec.container;
  const auto refuse = [](const std::string& why) {
    return base::fail(base::ErrorCode::invalid_argument, "cannot make a sandbox", why);
  };
  if (!is_name(order.id.str())) return refuse("the instance's name is no DNS label");
  if (!is_label(revision.service.str()) || !is_label(revision.name.str())) return refuse("a name is malformed");
  if (order.slot < 0 || order.slot >= net::kMostInstanceSlots) return refuse("there is no such slot");
  if (!revision.image.rootfs.starts_with('/')) return refuse("the image's path is not absolute");
  if (container.limits.memory_bytes < model::kLeastMemoryBytes || container.limits.milli_cpu <= 0) {
    return refuse("a limit is out of range");
  }
  const std::int64_t user = container.run_as_user.value_or(revision.image.config.uid);
  if (user < 0 || user > kMostUser || revision.image.config.gid > kMostUser) {
    return refuse("the app's user id is above 65535");
  }
  return {};
}

base::Result<base::Fd> make_bundle(const SandboxMachine& machine, const SandboxOrder& order) {
  const std::string& id = order.id.str();
  const std::string stage = machine.stage_of(id);
  const std::string bundle = machine.bundle_of(id);
  const model::Limits& limits = order.revision.spec.container.limits;
  base::Result<void> done = make_folder(machine.trace_of(id));
  if (done) done = make_folder(stage);
  if (done) done = make_folder(bundle);
  if (done) done = write_files(machine, order, stage + "/files");
  if (done) {
    done = mount_root({.folder = stage,
                       .image = order.revision.image.rootfs,
                       .id_base = id_base(order.slot),
                       .writable = writable_bytes(limits)});
  }
  if (!done) return std::unexpected(std::move(done.error()));
  base::Result<base::Fd> users =
      make_user_namespace(net::kInstanceOwnerBase + static_cast<uid_t>(order.slot), id_base(order.slot));
  if (!users) return users;
  const OciOrder oci{.hostname = id,
                     .rootfs = stage + "/root",
                     .files = stage + "/files",
                     .shim = machine.shim,
                     .cgroup = "/" + machine.cgroup_of(id),
                     .id_base = id_base(order.slot),
                     .limits = limits,
                     .swap_accounting = machine.swap_accounting,
                     .user_namespace = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(users->get()),
                     .seccomp_program = machine.seccomp_program};
  done = write_file(bundle + "/config.json", oci_config(oci).dump());
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
