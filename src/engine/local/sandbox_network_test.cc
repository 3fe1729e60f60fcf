#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "engine/local/cgroup.h"
#include "engine/local/sandbox_fixture.h"
#include "engine/local/sandbox_machine.h"

namespace marea::engine::local {
namespace {

using testing::HasSubstr;
using testing::Not;

// Sandboxes beside each other, and what is left of them.
class NeighboursTest : public SandboxFixture {
 protected:
  // Of this test's sandboxes: others may work on the machine.
  std::set<std::string> groups() const {
    std::set<std::string> out;
    struct stat folder{};
    const base::Result<Cgroups> all = Cgroups::open();
    if (!all || ::stat(data_.c_str(), &folder) != 0) return out;
    for (const CgroupHierarchy& each : all->hierarchies()) {
      std::error_code ignored;
      const std::string mine = each.mount_point + "/marea/" + tag_of(folder);
      for (const auto& entry : std::filesystem::directory_iterator(mine, ignored)) {
        if (entry.is_directory(ignored)) out.insert(entry.path().string());
      }
    }
    return out;
  }
  std::vector<pid_t> processes_of(const std::string& id) const {
    std::vector<pid_t> out;
    for (const std::string& group : groups()) {
      if (!group.ends_with("/" + id) || group.find("/memory/") == std::string::npos) continue;
      std::ifstream in(group + "/cgroup.procs");
      for (pid_t pid = 0; in >> pid;) out.push_back(pid);
    }
    return out;
  }
  static std::string mounts() {
    std::ifstream in("/proc/self/mountinfo");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t left_files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(data_ + "/run")) {
      count += entry.path().filename().string().starts_with('.') ? 0U : 1U;
    }
    return count;
  }
};

constexpr const char* kServer = "echo hello > /index.html; exec httpd -f -h / -p 0.0.0.0:8080";

TEST_P(NeighboursTest, a_sandbox_does_not_reach_its_neighbour_or_the_machine) {
  model::Revision wanted = revision(kServer);
  wanted.spec.egress = model::Egress::internet;
  auto server = create(wanted);
  ASSERT_TRUE(run_until_started(*server));
  ASSERT_TRUE(wait([&] { return !server->sandbox->listening().empty(); }));
  EXPECT_THAT(exchange(*server, 8080, "GET /index.html HTTP/1.0\r\n\r\n"), HasSubstr("hello"));
  // Slot 1 asks slot 0 at its address, then the machine's ends of both pairs.
  wanted.spec.container.command = {
      "/bin/sh", "-c",
      "mine=$(ip -4 -o addr show eth0 | head -1); mine=${mine#*inet }; mine=${mine%%/*}; last=${mine##*.};"
      "base=${mine%.*}; echo mine $mine;"
      "for n in $((last-2)) $((last-3)) $((last-1)); do wget -T 1 -q -O - http://$base.$n:8080/index.html; done 2>&1;"
      "wget -T 1 -q -O - http://169.254.169.254/ 2>&1; echo done"};
  auto client = create(wanted);
  ASSERT_TRUE(run_until_ended(*client));
  const std::string seen = read_output(*client);
  EXPECT_THAT(seen, HasSubstr("mine 198."));
  EXPECT_THAT(seen, HasSubstr("done"));
  EXPECT_THAT(seen, Not(HasSubstr("hello")));
}

TEST_P(NeighboursTest, without_egress_there_is_no_device) {
  auto run = create("ls /sys/class/net");
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_EQ(read_output(*run), "lo\n");
}

TEST_P(NeighboursTest, nothing_is_left_of_a_sandbox) {
  const std::set<std::string> others = groups();
  auto run = create("sleep 1000 & exit 0");
  ASSERT_TRUE(run_until_ended(*run));
  EXPECT_THAT(mounts(), Not(HasSubstr("/hola-0")));
  EXPECT_EQ(left_files(), 0U);
  for (const std::string& group : groups()) {
    if (others.contains(group)) continue;
    EXPECT_THAT(group, Not(HasSubstr("hola-0")));
  }
}

TEST_P(NeighboursTest, what_a_killed_engine_left_is_removed_at_the_next_start) {
  host_.reset();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t engine = ::fork();
  if (engine == 0) {
    loop_ = std::make_unique<net::Loop>(clock_);
    open_host();
    model::Revision wanted = revision("echo ready; exec sleep 1000");
    wanted.spec.egress = model::Egress::internet;
    auto run = create(wanted);
    const bool ready = run_until_started(*run) && wait_output(*run, "ready");
    [[maybe_unused]] const ssize_t told = ::write(ends[1], ready ? "y" : "n", 1);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  char ready = 0;
  ASSERT_EQ(::read(ends[0], &ready, 1), 1);
  ::close(ends[0]);
  EXPECT_EQ(ready, 'y');
  const std::vector<pid_t> processes = processes_of("hola-0");
  EXPECT_EQ(processes.size(), 2U);  // the shim and the app
  ::kill(engine, SIGKILL);
  ::waitpid(engine, nullptr, 0);
  for (const pid_t pid : processes) EXPECT_EQ(::kill(pid, 0), 0);  // apps survive an engine

  open_host();
  host_->remove_leftovers({});
  EXPECT_TRUE(wait([this] { return processes_of("hola-0").empty() && left_files() == 0; }));
  ++next_slot_;  // what was left is looked for a second time, by its name
  auto again = create("echo again");
  ASSERT_TRUE(run_until_ended(*again));
  EXPECT_EQ(read_output(*again), "again\n");
}

INSTANTIATE_TEST_SUITE_P(Runtimes, NeighboursTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
