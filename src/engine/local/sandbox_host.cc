#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <set>
#include <utility>

#include "engine/local/overlay.h"
#include "engine/local/sandbox.h"
#include "engine/local/sandbox_group.h"
#include "engine/local/sandbox_instance.h"
#include "engine/local/sandbox_machine.h"
#include "engine/local/sandbox_part.h"
#include "engine/local/seccomp.h"
#include "engine/local/seccomp_program.h"
#include "engine/local/volumes.h"

namespace marea::engine::local {
namespace {

constexpr base::Duration kSweepPause = std::chrono::milliseconds(200);
// A runtime that the last engine had called may still make what is just removed; it ends within that.
constexpr base::Duration kSecondLook = std::chrono::seconds(2);

base::Result<void> copy_shim(const std::string& from, const std::string& to) {
  std::error_code problem;
  std::filesystem::copy_file(from, to, problem);
  if (problem || ::chmod(to.c_str(), 0555) != 0) {
    return base::fail(base::ErrorCode::dependency_missing, "cannot use " + from,
                      problem ? problem.message() : "its mode cannot be set",
                      "Install marea-shim beside the marea program");
  }
  return {};
}

class LocalSandboxHost final : public SandboxHost {
 public:
  LocalSandboxHost(net::Loop& loop, const base::Log& log, SandboxHostOptions options, OciRuntime runtime,
                   Cgroups cgroups)
      : machine_{.loop = loop,
                 .log = log,
                 .options = std::move(options),
                 .runtime = std::move(runtime),
                 .cgroups = std::move(cgroups)},
        sweep_(loop, [this] { sweep(); }) {
    machine_.clean_up_later = [this](const std::string& id) {
      left_.push_back(id);
      if (!sweep_.armed()) sweep_.arm_in(kSweepPause);
    };
  }

  ~LocalSandboxHost() override;

  base::Result<void> open();
  const std::string& runtime() const override { return machine_.runtime.version; }
  std::int64_t memory_bytes() const override {
    struct sysinfo info{};
    ::sysinfo(&info);
    return static_cast<std::int64_t>(info.totalram) * static_cast<std::int64_t>(info.mem_unit);
  }
  MachineLoad load() override {
    return gauge_.read(machine_.loop.clock().now(), machine_.cgroups.cpu_time(machine_.cgroup_root()));
  }
  base::Result<std::unique_ptr<Sandbox>> create(SandboxOrder order, Sandbox::Events events) override;
  base::Result<std::unique_ptr<Sandbox>> adopt(SandboxOrder order, SandboxPast past, HeldDescriptors held,
                                               Sandbox::Events events) override;
  void remove_leftovers(const std::map<base::InstanceId, int>& adopted_slots) override;

 private:
  void sweep();

  SandboxMachine machine_;
  MachineGauge gauge_;
  net::Timer sweep_;
  std::deque<std::string> left_;
};

base::Result<void> LocalSandboxHost::open() {
  struct stat folder{};
  if (::stat(machine_.options.data_dir.c_str(), &folder) != 0) {
    return base::fail(base::os_error("cannot open " + machine_.options.data_dir));
  }
  machine_.tag = tag_of(folder);
  machine_.swap_accounting = machine_.cgroups.swap_accounting();
  base::Result<void> done = enter_stage();
  if (!done) return done;
  machine_.shim = std::string(kStage) + "/marea-shim";
  done = copy_shim(machine_.options.shim, machine_.shim);
  if (!done) return done;
  if (machine_.runtime.refuses_hybrid) machine_.cgroups.hide_empty_unified();
  machine_.own_members = machine_.cgroups.own_members();
  seal_program(machine_.runtime);
  if (machine_.runtime.takes_seccomp_program) {
    base::Result<std::string> program = compile_seccomp(seccomp_profile());
    if (!program) return std::unexpected(std::move(program.error()));
    machine_.seccomp_program = std::move(*program);
  }
  for (const std::string& path : {machine_.run_folder(), machine_.runtime_state()}) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return base::fail(base::os_error("cannot make " + path));
  }
  // Only what wants the way out fails without it.
  done = machine_.egress.open(machine_.loop.clock(), machine_.tag, machine_.run_folder());
  if (!done) {
    machine_.log(base::Severity::warning, "sandboxes have no way out", {{"why", done.error().line()}});
    machine_.no_egress = done.error();
  }
  return {};
}

LocalSandboxHost::~LocalSandboxHost() {
  // Our cgroups and rules; a sandbox that still ends keeps its group, which the next life removes.
  machine_.network.run([] { /* devices are gone before the rules that bind them */ });
  machine_.egress.close(machine_.loop.clock());
  machine_.cgroups.remove(machine_.cgroup_root());
}

void LocalSandboxHost::remove_leftovers(const std::map<base::InstanceId, int>& adopted_slots) {
  const std::vector<std::string> groups = machine_.cgroups.children(machine_.cgroup_root());
  std::set<std::string> ids(groups.begin(), groups.end());
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(machine_.run_folder(), problem)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.')) ids.insert(name);
  }
  std::erase_if(ids,
                [&](const std::string& name) { return adopted_slots.contains(base::InstanceId(instance_of(name))); });
  for (const std::string& id : ids) machine_.cgroups.kill(machine_.cgroup_of(id));
  std::set<int> slots;
  for (const auto& [id, slot] : adopted_slots) slots.insert(slot);
  machine_.egress.remove_devices_but(slots);
  for (const std::string& id : ids) {
    clean_up(machine_, id);
    left_.push_back(id);
  }
  if (!left_.empty()) sweep_.arm_in(kSecondLook);
}

base::Result<std::unique_ptr<Sandbox>> LocalSandboxHost::create(SandboxOrder order, Sandbox::Events events) {
  if (machine_.no_egress && order.revision.spec.egress == model::Egress::internet) {
    return base::fail(*machine_.no_egress);
  }
  if (!order.revision.spec.sidecars.empty()) {
    base::Result<std::unique_ptr<SandboxGroup>> group =
        SandboxGroup::create(machine_, std::move(order), std::move(events));
    if (!group) return std::unexpected(group.error());
    return std::unique_ptr<Sandbox>(std::move(*group));
  }
  base::Result<std::unique_ptr<LocalSandbox>> sandbox =
      LocalSandbox::create(machine_, std::move(order), {}, std::move(events));
  if (!sandbox) return std::unexpected(sandbox.error());
  return std::unique_ptr<Sandbox>(std::move(*sandbox));
}

base::Result<std::unique_ptr<Sandbox>> LocalSandboxHost::adopt(SandboxOrder order, SandboxPast past,
                                                               HeldDescriptors held, Sandbox::Events events) {
  if (!order.revision.spec.sidecars.empty()) {
    base::Result<std::unique_ptr<SandboxGroup>> group =
        SandboxGroup::adopt(machine_, std::move(order), past, std::move(held), std::move(events));
    if (!group) return std::unexpected(group.error());
    return std::unique_ptr<Sandbox>(std::move(*group));
  }
  std::vector<base::Fd> only = held.empty() ? std::vector<base::Fd>() : std::move(held.front());
  base::Result<std::unique_ptr<LocalSandbox>> sandbox =
      LocalSandbox::adopt(machine_, std::move(order), {}, past, std::move(only), std::move(events));
  if (!sandbox) return std::unexpected(sandbox.error());
  return std::unique_ptr<Sandbox>(std::move(*sandbox));
}

void LocalSandboxHost::sweep() {
  for (std::size_t i = left_.size(); i > 0; --i) {
    std::string id = std::move(left_.front());
    left_.pop_front();
    if (clean_up(machine_, id)) continue;
    machine_.cgroups.kill(machine_.cgroup_of(id));
    left_.push_back(std::move(id));
  }
  if (!left_.empty()) sweep_.arm_in(kSweepPause);
}

}  // namespace

void SandboxMachine::begin_grace_period() {
  if (!own_members || grace.busy()) return;
  grace.give([this] { [[maybe_unused]] const ssize_t written = ::write(own_members.get(), "0", 1); });
}

std::string tag_of(const struct stat& folder) {
  constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";
  std::uint64_t mixed = static_cast<std::uint64_t>(folder.st_ino) * 0x9E3779B97F4A7C15U;
  mixed ^= static_cast<std::uint64_t>(folder.st_dev) * 0xC2B2AE3D27D4EB4FU;
  std::string out;
  for (int i = 0; i < 5; ++i) out += kDigits[(mixed >> (20 + 5 * i)) & 31U];
  return out;
}

std::string SandboxMachine::stage_of(const std::string& id) const {
  return std::string(kStage) + "/" + id;
}

std::string SandboxMachine::runtime_state() const {
  return std::string(kStage) + "/.runtime";
}

bool clean_up(const SandboxMachine& machine, const std::string& id) {
  std::error_code ignored;
  unmount_root(machine.stage_of(id));
  unmount_volumes(machine.stage_of(id));
  std::filesystem::remove_all(machine.stage_of(id), ignored);
  std::filesystem::remove_all(machine.runtime_state() + "/" + id, ignored);
  if (!machine.cgroups.remove(machine.cgroup_of(id))) return false;
  std::filesystem::remove_all(machine.trace_of(id), ignored);  // last
  return true;
}

base::Result<std::unique_ptr<SandboxHost>> open_sandbox_host(net::Loop& loop, const base::Log& log,
                                                             SandboxHostOptions options) {
  if (::geteuid() != 0) {
    return base::fail(base::ErrorCode::privilege_missing, "cannot make sandboxes", "marea does not run as root",
                      "Start it with sudo, or as a system service");
  }
  base::Result<OciRuntime> runtime = find_runtime(loop.clock(), options.runtime);
  if (!runtime) return std::unexpected(runtime.error());
  base::Result<Cgroups> cgroups = Cgroups::open();
  if (!cgroups) return std::unexpected(cgroups.error());
  auto host =
      std::make_unique<LocalSandboxHost>(loop, log, std::move(options), std::move(*runtime), std::move(*cgroups));
  if (base::Result<void> opened = host->open(); !opened) return std::unexpected(opened.error());
  return host;
}

}  // namespace marea::engine::local
