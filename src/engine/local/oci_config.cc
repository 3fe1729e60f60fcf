#include "engine/local/oci_config.h"

#include <algorithm>
#include <vector>

#include "engine/local/capabilities.h"
#include "engine/local/cpu_grant.h"
#include "engine/local/kernel_limits.h"
#include "engine/local/seccomp.h"
#include "net/role.h"

namespace marea::engine::local {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostSharedMemoryBytes = 64LL << 20;  // what container engines give
constexpr std::int64_t kCpuSharesPerCpu = 1024;

Json entry(std::string_view destination, std::string_view type, std::vector<std::string> options,
           std::string source = {}) {
  if (source.empty()) source = std::string(type);
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

Json bound_file(std::string_view destination, std::string source, bool executable) {
  std::vector<std::string> options = {"bind", "ro", "nosuid", "nodev"};
  if (!executable) options.emplace_back("noexec");
  return entry(destination, "bind", std::move(options), std::move(source));
}

Json mounts(const OciOrder& order) {
  const std::string shm = "size=" + std::to_string(shared_memory_bytes(order.limits));
  std::vector<Json> out = {
      entry("/proc", "proc", {"nosuid", "noexec", "nodev"}),
      entry("/dev", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536", "nr_inodes=256"}),
      entry("/dev/pts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5",
             "max=" + std::to_string(kMostTerminals)}),
      entry("/dev/shm", "tmpfs", {"nosuid", "noexec", "nodev", "mode=1777", "nr_inodes=4096", shm}, "shm"),
      entry("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      entry("/sys", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
      // Java and Node read their memory limit there and size their heaps by it.
      entry("/sys/fs/cgroup", "cgroup", {"nosuid", "noexec", "nodev", "ro"}),
      bound_file(kShimInside, order.shim, true),
      bound_file("/etc/hosts", order.files + "/hosts", false),
      bound_file("/etc/hostname", order.files + "/hostname", false),
      bound_file("/etc/resolv.conf", order.files + "/resolv.conf", false),
  };
  for (const VolumeBind& volume : order.volumes) {
    out.push_back(
        entry(volume.destination, "bind", {"bind", "nosuid", "nodev", volume.read_only ? "ro" : "rw"}, volume.source));
  }
  return out;
}

Json process() {
  std::vector<std::string> capabilities(kAppCapabilities.begin(), kAppCapabilities.end());
  capabilities.emplace_back(kShimCapability);
  return {{"terminal", false},
          {"user", {{"uid", 0}, {"gid", 0}}},
          {"args", {kShimInside}},
          {"env", Json::array()},
          {"cwd", "/"},
          {"capabilities",
           {{"bounding", capabilities},
            {"effective", capabilities},
            {"permitted", capabilities},
            {"inheritable", Json::array()},
            {"ambient", Json::array()}}},
          {"noNewPrivileges", true}};
}

Json resources(const OciOrder& order) {
  const CpuQuota quota = quota_of(order.limits.milli_cpu);
  Json memory = {{"limit", order.limits.memory_bytes}};
  if (order.swap_accounting) memory["swap"] = order.limits.memory_bytes;  // memory and swap together: no swap
  return {{"devices", {{{"allow", false}, {"access", "rwm"}}}},
          {"memory", std::move(memory)},
          {"cpu",
           {{"period", quota.period_us},
            {"quota", quota.quota_us},
            {"shares", std::max<std::int64_t>(2, kCpuSharesPerCpu * order.limits.milli_cpu / 1000)}}},
          {"pids", {{"limit", kMostProcesses}}}};
}

// Beside a program the profile is not read. A runtime that reads it all the same can start nothing: never too much.
Json seccomp(const OciOrder& order) {
  if (order.seccomp_program.empty()) return seccomp_profile();
  return {{"defaultAction", "SCMP_ACT_ERRNO"}};
}

Json namespaces(const OciOrder& order) {
  Json network = {{"type", "network"}};
  if (!order.network_namespace.empty()) network["path"] = order.network_namespace;
  return {{{"type", "user"}, {"path", order.user_namespace}},
          {{"type", "mount"}},
          {{"type", "pid"}},
          {{"type", "ipc"}},
          {{"type", "uts"}},
          std::move(network),
          {{"type", "cgroup"}}};
}

// Any user of the image may serve port 80: the namespace is the app's alone. Who joins one finds it so.
Json kernel_settings(const OciOrder& order) {
  if (!order.network_namespace.empty()) return Json::object();
  return {{"net.ipv4.ip_unprivileged_port_start", "0"}, {"net.ipv6.conf.default.disable_ipv6", "1"}};
}

Json linux_part(const OciOrder& order) {
  const Json map = Json::array({Json{{"containerID", 0}, {"hostID", order.id_base}, {"size", net::kIdRangeSize}}});
  return {
      {"namespaces", namespaces(order)},
      {"uidMappings", map},
      {"gidMappings", map},
      {"cgroupsPath", order.cgroup},
      {"resources", resources(order)},
      {"rootfsPropagation", "private"},
      {"seccomp", seccomp(order)},
      {"sysctl", kernel_settings(order)},
      {"maskedPaths",
       {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/proc/kmsg", "/proc/interrupts", "/sys/firmware",
        "/sys/fs/selinux", "/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/kernel/debug"}},
      {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}},
  };
}

}  // namespace

std::int64_t writable_bytes(const model::Limits& limits) {
  return limits.memory_bytes / 2;
}

std::int64_t shared_memory_bytes(const model::Limits& limits) {
  return std::min(kMostSharedMemoryBytes, limits.memory_bytes / 4);
}

Json oci_config(const OciOrder& order) {
  Json out = {
      {"ociVersion", "1.0.0"},      {"process", process()},    {"root", {{"path", order.rootfs}, {"readonly", false}}},
      {"hostname", order.hostname}, {"mounts", mounts(order)}, {"linux", linux_part(order)}};
  if (!order.seccomp_program.empty()) out["annotations"] = {{"run.oci.seccomp_bpf_data", order.seccomp_program}};
  return out;
}

}  // namespace marea::engine::local
