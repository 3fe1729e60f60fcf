#include "engine/local/machine_checks.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/local/cgroup.h"
#include "engine/local/kernel_limits.h"
#include "engine/local/oci_runtime.h"
#include "engine/local/overlay.h"
#include "engine/local/small_file.h"
#include "net/role.h"

namespace marea::engine::local {
namespace {

// An instance holds about ten descriptors in engine and keeper, and router one per pooled connection.
constexpr rlim_t kLeastDescriptors = 4096;

struct Capability {
  const char* name;
  unsigned number;
};
constexpr std::array kNeeded = {
    Capability{"CAP_SYS_ADMIN", CAP_SYS_ADMIN},
    Capability{"CAP_NET_ADMIN", CAP_NET_ADMIN},
    Capability{"CAP_SETUID", CAP_SETUID},
    Capability{"CAP_SETGID", CAP_SETGID},
    Capability{"CAP_CHOWN", CAP_CHOWN},
    Capability{"CAP_FOWNER", CAP_FOWNER},
    Capability{"CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE},
    Capability{"CAP_KILL", CAP_KILL},
    Capability{"CAP_SETPCAP", CAP_SETPCAP},
    Capability{"CAP_SYS_PTRACE", CAP_SYS_PTRACE},
};

MachineCheck answer(std::string name, std::string what, const base::Result<void>& result) {
  MachineCheck check{.name = std::move(name), .ok = result.has_value(), .what = std::move(what)};
  if (!result) {
    check.why = result.error().what + (result.error().why.empty() ? "" : ": " + result.error().why);
    check.remedy = result.error().remedy.empty() ? "Start marea as root" : result.error().remedy;
  }
  return check;
}

MachineCheck check_privilege() {
  MachineCheck check{.name = "privilege", .what = "marea runs as root with the capabilities that it needs"};
  const std::vector<std::string> missing = missing_capabilities(read_small_file("/proc/self/status"));
  check.ok = ::geteuid() == 0 && missing.empty();
  if (check.ok) return check;
  check.remedy = "Start it with sudo or as a system service; in a container, run that with --privileged";
  if (::geteuid() != 0) {
    check.why = "the user is not root";
    return check;
  }
  check.why = "missing:";
  for (const std::string& name : missing) check.why += " " + name;
  return check;
}

MachineCheck check_runtime(const base::Clock& clock, const std::string& wanted) {
  const base::Result<OciRuntime> runtime = find_runtime(clock, wanted);
  return answer("runtime", runtime ? runtime->version : "an OCI runtime (crun or runc)",
                runtime ? base::Result<void>() : std::unexpected(runtime.error()));
}

MachineCheck check_user_namespaces() {
  const base::Result<base::Fd> map = make_id_map(net::kBuilderIdBase, net::kInstanceIdBase);
  return answer("user-namespaces", "user namespaces with mapped ids",
                map ? base::Result<void>() : std::unexpected(map.error()));
}

MachineCheck check_overlay() {
  MachineCheck check{.name = "overlay", .what = "the overlay file system"};
  check.ok = read_small_file("/proc/filesystems").find("\toverlay\n") != std::string::npos;
  if (check.ok) return check;
  check.why = "the kernel does not list it in /proc/filesystems";
  check.remedy = "modprobe overlay";
  return check;
}

MachineCheck check_seccomp() {
  MachineCheck check{.name = "seccomp", .what = "system call filters"};
  check.ok = ::access("/proc/sys/kernel/seccomp/actions_avail", R_OK) == 0;
  if (check.ok) return check;
  check.why = "the kernel has none";
  check.remedy = "Use a kernel with CONFIG_SECCOMP_FILTER (every Debian kernel has it)";
  return check;
}

MachineCheck check_cgroups() {
  const base::Result<Cgroups> cgroups = Cgroups::open();
  std::string what = "cgroup controllers memory, cpu and pids";
  if (cgroups && !cgroups->swap_accounting()) what += " (swap is not bounded)";
  return answer("cgroups", std::move(what), cgroups ? base::Result<void>() : std::unexpected(cgroups.error()));
}

MachineCheck check_firewall(const base::Clock& clock) {
  MachineCheck check{.name = "firewall", .required = false, .what = "nftables, for services with a way out"};
  const base::Result<ProgramEnd> end = run_to_end(clock, {"nft", "list", "tables"});
  check.ok = end && end->status == 0;
  if (check.ok) return check;
  check.why = end ? end->output.substr(0, end->output.find('\n')) : end.error().what + ": " + end.error().why;
  check.remedy = "apt-get install nftables; without it only services with marea.dev/egress: none or channels start";
  return check;
}

MachineCheck check_registries(const base::Clock& clock) {
  MachineCheck check{.name = "registries", .required = false, .what = "skopeo, for images from registries"};
  const base::Result<ProgramEnd> end = run_to_end(clock, {"skopeo", "--version"});
  check.ok = end && end->status == 0;
  if (check.ok) {
    check.what = end->output.substr(0, end->output.find('\n')) + ", for images from registries";
    return check;
  }
  check.why = end ? end->output.substr(0, end->output.find('\n')) : end.error().what + ": " + end.error().why;
  check.remedy = "apt-get install skopeo; without it only images that are uploaded or built here run";
  return check;
}

MachineCheck check_forwarding() {
  MachineCheck check{.name = "forwarding",
                     .required = false,
                     .what =
                         "packets of sandboxes can be forwarded (marea switches it on for its own devices and those "
                         "of the default route, and leaves it on)"};
  check.ok = ::access("/proc/sys/net/ipv4/conf/all/forwarding", W_OK) == 0;
  if (check.ok) return check;
  check.why = std::string("/proc/sys/net cannot be written: ") + std::strerror(errno);
  check.remedy = "Mount /proc/sys writable, or give services marea.dev/egress: none";
  return check;
}

MachineCheck check_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  MachineCheck check{.name = "open-files",
                     .ok = limit.rlim_max >= kLeastDescriptors,
                     .what = "the limit of open files is " + std::to_string(limit.rlim_max)};
  if (check.ok) return check;
  check.why = "it is below " + std::to_string(kLeastDescriptors);
  check.remedy = "ulimit -Hn 20000, or LimitNOFILE=20000 in the system service";
  return check;
}

// Whether as many shares of a kernel limit fit as the machine's memory bears sandboxes.
MachineCheck check_need(const MachineNeed& need, std::int64_t sandboxes) {
  const std::string name = sysctl_name(need.file);
  const std::string text = read_small_file(("/proc/sys/" + std::string(need.file)).c_str());
  const std::int64_t value = std::strtoll(text.c_str(), nullptr, 10);
  const std::int64_t needed = need.each * sandboxes + need.beside;
  MachineCheck check{.name = std::string(need.name),
                     .ok = text.empty() || value >= needed,  // absent: the kernel has no such limit, or no such part
                     .required = false,
                     .what = name + " is " + (text.empty() ? "absent" : std::to_string(value))};
  if (check.ok) return check;
  check.why = std::to_string(needed) + " are needed for " + std::to_string(sandboxes) + " sandboxes at their limits";
  check.remedy = "sysctl -w " + name + "=" + std::to_string(needed);
  return check;
}

void check_needs(std::vector<MachineCheck>& out) {
  struct sysinfo info{};
  ::sysinfo(&info);
  const std::int64_t memory = static_cast<std::int64_t>(info.totalram) * static_cast<std::int64_t>(info.mem_unit);
  for (const MachineNeed& need : machine_needs()) out.push_back(check_need(need, sandboxes_of(memory)));
}

}  // namespace

std::vector<std::string> missing_capabilities(const std::string& status) {
  constexpr std::string_view kLine = "CapEff:";
  const std::size_t at = status.find(kLine);
  const unsigned long long bits =
      at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + kLine.size(), nullptr, 16);
  std::vector<std::string> out;
  for (const Capability& capability : kNeeded) {
    if ((bits >> capability.number & 1U) == 0) out.emplace_back(capability.name);
  }
  return out;
}

std::vector<MachineCheck> check_machine(const base::Clock& clock, const std::string& data_dir,
                                        const std::string& runtime) {
  const MachineCheck privilege = check_privilege();
  // The other questions need the privilege to be answered: without it they would all say the same.
  if (!privilege.ok) {
    return {privilege, check_runtime(clock, runtime), check_overlay(), check_seccomp(), check_descriptors()};
  }
  std::vector<MachineCheck> out = {
      privilege,
      check_runtime(clock, runtime),
      check_user_namespaces(),
      check_overlay(),
      answer("id-mapped-mounts", "id-mapped mounts on " + data_dir, check_id_mapped_mount(data_dir)),
      check_cgroups(),
      check_seccomp(),
      check_firewall(clock),
      check_registries(clock),
      check_forwarding(),
      check_descriptors(),
  };
  check_needs(out);
  return out;
}

}  // namespace marea::engine::local
