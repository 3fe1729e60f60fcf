#include "engine/local/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>

namespace marea::engine::local {
namespace {

constexpr std::size_t kMostFileBytes = 1U << 20;  // cgroup.procs of a group with 1,024 processes has 8 kB

std::string read_at(const base::Fd& root, const std::string& path) {
  const base::Fd file(::openat(root.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string out;
  if (!file) return out;
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while (out.size() < kMostFileBytes && (got = ::read(file.get(), buffer.data(), buffer.size())) > 0) {
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

bool write_at(const base::Fd& root, const std::string& path, const std::string& text) {
  const base::Fd file(::openat(root.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, separator);) {
    if (!word.empty()) out.push_back(word);
  }
  return out;
}

// One on each line.
std::vector<int> numbers_in(const std::string& text) {
  std::vector<int> out;
  for (const std::string& line : split(text, '\n')) {
    if (const int number = std::atoi(line.c_str()); number > 0) out.push_back(number);
  }
  return out;
}

std::vector<std::string> folders_at(const base::Fd& root, const std::string& path) {
  std::vector<std::string> out;
  const int fd = ::openat(root.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd), ::closedir);
  if (!folder) {
    ::close(fd);
    return out;
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") out.push_back(name);
  }
  return out;
}

// Groups that the app itself cannot have made (the tree is read-only or absent inside), but a runtime may have.
bool remove_tree(const base::Fd& root, const std::string& path) {
  for (const std::string& child : folders_at(root, path)) {
    std::string inner = path;
    inner.append("/").append(child);
    remove_tree(root, inner);
  }
  return ::unlinkat(root.get(), path.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

}  // namespace

std::vector<CgroupHierarchy> parse_cgroup_mounts(const std::string& mountinfo) {
  std::vector<CgroupHierarchy> out;
  std::istringstream in(mountinfo);
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> words = split(line, ' ');
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 6 || std::distance(dash, words.end()) < 4) continue;
    const std::string& type = *(dash + 1);
    if (type != "cgroup" && type != "cgroup2") continue;
    CgroupHierarchy hierarchy;
    hierarchy.mount_point = words[4];
    hierarchy.unified = type == "cgroup2";
    if (!hierarchy.unified) {
      for (const std::string& option : split(*(dash + 3), ',')) {
        if (option != "rw" && option != "ro") hierarchy.controllers.push_back(option);
      }
    }
    out.push_back(std::move(hierarchy));
  }
  return out;
}

std::int64_t parse_flat_key(const std::string& text, const std::string& key) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key + " ")) return std::strtoll(line.c_str() + key.size() + 1, nullptr, 10);
  }
  return 0;
}

std::string without_first_cpu(const std::string& list) {
  const std::string first = list.substr(0, list.find(','));
  std::string others = first.size() == list.size() ? "" : list.substr(first.size() + 1);
  const std::size_t dash = first.find('-');
  if (dash == std::string::npos) return others;
  const long from = std::strtol(first.c_str(), nullptr, 10) + 1;
  const long to = std::strtol(first.c_str() + dash + 1, nullptr, 10);
  std::string rest = from == to ? std::to_string(to) : std::to_string(from) + "-" + std::to_string(to);
  if (!others.empty()) rest.append(",").append(others);
  return rest;
}

base::Result<Cgroups> Cgroups::open() {
  std::ifstream in("/proc/self/mountinfo");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  Cgroups out;
  for (CgroupHierarchy& hierarchy : parse_cgroup_mounts(text)) {
    hierarchy.root = base::Fd(::open(hierarchy.mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!hierarchy.root) continue;
    if (hierarchy.unified) hierarchy.controllers = split(read_at(hierarchy.root, "cgroup.controllers"), ' ');
    for (std::string& name : hierarchy.controllers) std::erase(name, '\n');
    out.hierarchies_.push_back(std::move(hierarchy));
  }
  for (const char* controller : {"memory", "cpu", "pids"}) {
    if (out.has(controller)) continue;
    return base::fail(base::ErrorCode::kernel_feature,
                      std::string("the cgroup controller '") + controller + "' is missing",
                      "no mounted cgroup file system has it",
                      std::string("Mount cgroup2 at /sys/fs/cgroup, or the v1 hierarchy: mount -t cgroup -o ") +
                          controller + " cgroup /sys/fs/cgroup/" + controller);
  }
  return out;
}

const CgroupHierarchy* Cgroups::find(const std::string& controller) const {
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    if (std::ranges::find(hierarchy.controllers, controller) != hierarchy.controllers.end()) return &hierarchy;
  }
  return nullptr;
}

const CgroupHierarchy* Cgroups::empty_unified() const {
  const auto found = std::ranges::find(hierarchies_, true, &CgroupHierarchy::unified);
  return found == hierarchies_.end() || hierarchies_.size() == 1 ? nullptr : &*found;
}

void Cgroups::hide_empty_unified() {
  std::string place = "/sys/fs/cgroup/unified";
  if (const CgroupHierarchy* unified = empty_unified()) {
    place = unified->mount_point;
    ::umount2(place.c_str(), MNT_DETACH);
    if (::mount("tmpfs", place.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700,size=4m") != 0) return;
  }
  shadow_ = base::Fd(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));  // or hidden earlier
}

base::Fd Cgroups::own_members() const {
  const CgroupHierarchy* memory = find("memory");
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; memory != nullptr && std::getline(in, line);) {  // "4:memory:/group", "0::/group"
    const std::string controllers = line.substr(0, line.rfind(':'));
    if (!controllers.ends_with(memory->unified ? "0:" : ":memory")) continue;
    const std::string path = "." + line.substr(line.rfind(':') + 1) + "/cgroup.procs";
    return base::Fd(::openat(memory->root.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
  }
  return {};
}

bool Cgroups::swap_accounting() const {
  const CgroupHierarchy* memory = find("memory");
  if (memory == nullptr) return false;
  // v2's root group has no limit files; there, swap accounting is only off by a boot parameter.
  if (memory->unified) return ::access("/proc/swaps", R_OK) == 0;
  return ::faccessat(memory->root.get(), "memory.memsw.limit_in_bytes", F_OK, 0) == 0;
}

std::int64_t Cgroups::out_of_memory_kills(const std::string& path) const {
  const CgroupHierarchy* memory = find("memory");
  const char* file = memory->unified ? "/memory.events" : "/memory.oom_control";
  return parse_flat_key(read_at(memory->root, path + file), "oom_kill");
}

std::int64_t Cgroups::peak_memory_bytes(const std::string& path) const {
  const CgroupHierarchy* memory = find("memory");
  const char* file = memory->unified ? "/memory.peak" : "/memory.max_usage_in_bytes";
  return std::strtoll(read_at(memory->root, path + file).c_str(), nullptr, 10);
}

std::int64_t Cgroups::memory_bytes(const std::string& path) const {
  const CgroupHierarchy* memory = find("memory");
  const char* file = memory->unified ? "/memory.current" : "/memory.usage_in_bytes";
  return std::strtoll(read_at(memory->root, path + file).c_str(), nullptr, 10);
}

void Cgroups::bound_sockets(const std::string& path, std::int64_t bytes) const {
  const CgroupHierarchy* memory = find("memory");
  if (memory->unified) return;
  [[maybe_unused]] const bool bounded =
      write_at(memory->root, path + "/memory.kmem.tcp.limit_in_bytes", std::to_string(bytes));
}

base::Duration Cgroups::cpu_time(const std::string& path) const {
  if (const CgroupHierarchy* v1 = find("cpuacct")) {
    return base::Duration(std::strtoll(read_at(v1->root, path + "/cpuacct.usage").c_str(), nullptr, 10));
  }
  const CgroupHierarchy* cpu = find("cpu");
  if (cpu == nullptr || !cpu->unified) return {};
  return std::chrono::microseconds(parse_flat_key(read_at(cpu->root, path + "/cpu.stat"), "usage_usec"));
}

bool Cgroups::populated(const std::string& path) const {
  const CgroupHierarchy* memory = find("memory");
  return !read_at(memory->root, path + "/cgroup.procs").empty();
}

std::vector<int> Cgroups::processes(const std::string& path) const {
  return numbers_in(read_at(find("memory")->root, path + "/cgroup.procs"));
}

std::vector<int> Cgroups::threads(const std::string& path) const {
  const CgroupHierarchy* memory = find("memory");
  return numbers_in(read_at(memory->root, path + (memory->unified ? "/cgroup.threads" : "/tasks")));
}

bool Cgroups::keep_off_first_cpu(const std::string& path, bool off) const {
  const CgroupHierarchy* cpuset = find("cpuset");
  if (cpuset == nullptr) return false;
  const std::string above = path.substr(0, path.rfind('/'));
  std::string cpus = read_at(cpuset->root, above + (cpuset->unified ? "/cpuset.cpus.effective" : "/cpuset.cpus"));
  std::erase(cpus, '\n');
  if (off) cpus = without_first_cpu(cpus);
  if (cpus.empty()) return false;
  if (!off && cpuset->unified) cpus = "\n";  // those of the group above, as they change
  return write_at(cpuset->root, path + "/cpuset.cpus", cpus);
}

// v1 takes the two apart, and each pair in between must be one that it accepts: a quota is at least 1 ms.
bool Cgroups::limit_cpu(const std::string& path, const CpuQuota& limit) const {
  const CgroupHierarchy* cpu = find("cpu");
  if (cpu == nullptr) return false;
  const std::string quota = std::to_string(limit.quota_us);
  const std::string period = std::to_string(limit.period_us);
  if (cpu->unified) return write_at(cpu->root, path + "/cpu.max", quota + " " + period);
  const std::int64_t before = std::strtoll(read_at(cpu->root, path + "/cpu.cfs_period_us").c_str(), nullptr, 10);
  if (before >= limit.period_us) {
    return write_at(cpu->root, path + "/cpu.cfs_period_us", period) &&
           write_at(cpu->root, path + "/cpu.cfs_quota_us", quota);
  }
  return write_at(cpu->root, path + "/cpu.cfs_quota_us", quota) &&
         write_at(cpu->root, path + "/cpu.cfs_period_us", period);
}

void Cgroups::kill(const std::string& path) const {
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    if (hierarchy.unified && write_at(hierarchy.root, path + "/cgroup.kill", "1")) continue;
    for (const std::string& pid : split(read_at(hierarchy.root, path + "/cgroup.procs"), '\n')) {
      const int number = std::atoi(pid.c_str());
      if (number > 0) ::kill(number, SIGKILL);
    }
  }
}

bool Cgroups::remove(const std::string& path) const {
  bool gone = true;
  for (const CgroupHierarchy& hierarchy : hierarchies_) gone = remove_tree(hierarchy.root, path) && gone;
  if (gone && shadow_) {
    ::unlinkat(shadow_.get(), (path + "/cgroup.procs").c_str(), 0);  // crun's, a plain file
    ::unlinkat(shadow_.get(), path.c_str(), AT_REMOVEDIR);
  }
  return gone;
}

std::vector<std::string> Cgroups::children(const std::string& path) const {
  std::set<std::string> names;
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    for (std::string& name : folders_at(hierarchy.root, path)) names.insert(std::move(name));
  }
  return {names.begin(), names.end()};
}

}  // namespace marea::engine::local
