#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/local/cgroup.h"
#include "engine/local/overlay.h"
#include "engine/local/sandbox_fixture.h"
#include "engine/local/sandbox_machine.h"

namespace marea::engine::local {
namespace {

namespace fs = std::filesystem;

constexpr base::Duration kVeryLong = std::chrono::seconds(30);

std::string shim_path() {
  // The tests lie in BUILD/tests, programs in BUILD/bin.
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin" / "marea-shim";
}

void make_image(const fs::path& root) {
  fs::create_directories(root / "bin");
  for (const char* folder : {"etc", "tmp", "home"}) fs::create_directories(root / folder);
  fs::copy_file("/bin/busybox", root / "bin" / "busybox");
  for (const char* name : {"sh",       "cat",   "ls",    "id",   "env", "sleep", "kill", "dd",    "grep",
                           "stat",     "httpd", "mkdir", "nc",   "ps",  "head",  "tail", "chmod", "wget",
                           "nslookup", "pwd",   "mount", "echo", "seq", "wc",    "rm",   "ln",    "touch"}) {
    fs::create_symlink("busybox", root / "bin" / name);
  }
  ::chmod((root / "tmp").c_str(), 01777);
  const auto own = [](const fs::path& path) {
    ASSERT_EQ(::lchown(path.c_str(), net::kBuilderIdBase, net::kBuilderIdBase), 0);
  };
  own(root);
  for (const auto& entry : fs::recursive_directory_iterator(root)) own(entry.path());
}

}  // namespace

void SandboxFixture::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "NOT TESTED: sandboxes need root";
  std::string folder = (fs::temp_directory_path() / "marea-sandbox-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  data_ = folder;
  fs::create_directories(data_ + "/run");
  make_image(data_ + "/images/busybox");
  log_.emplace(STDERR_FILENO, "test");
  loop_ = std::make_unique<net::Loop>(clock_);
  open_host();
}

void SandboxFixture::TearDown() {
  host_.reset();
  if (!data_.empty()) fs::remove_all(data_);
}

void SandboxFixture::open_host() {
  host_.reset();
  auto host = open_sandbox_host(*loop_, *log_,
                                {.data_dir = data_,
                                 .runtime = GetParam(),
                                 .shim = shim_path(),
                                 .to_keeper = [this](net::RoleToKeeper message, std::vector<base::Fd> fds) {
                                   const auto* hold = std::get_if<net::msg::Hold>(&message);
                                   if (hold != nullptr) keep(*hold, std::move(fds));
                                 }});
  ASSERT_TRUE(host) << host.error().line();
  host_ = std::move(*host);
}

// "out/hola/hola-00001/hola-3/proxy", "shim/hola-3.1"
void SandboxFixture::keep(const net::msg::Hold& hold, std::vector<base::Fd> fds) {
  const std::string last = hold.key.substr(hold.key.rfind('/') + 1);
  if (hold.owner == net::Role::logs) {
    (std::ranges::count(hold.key, '/') == 3 ? last_held_ : sidecar_output_[last]) = std::move(fds);
    return;
  }
  const std::size_t dot = last.find('.');
  const std::size_t number = dot == std::string::npos ? 0 : std::stoul(last.substr(dot + 1));
  if (number == 0) held_shim_.clear();
  held_shim_.resize(std::max(held_shim_.size(), number + 1));
  held_shim_[number] = std::move(fds);
}

void SandboxFixture::abandon(TestRun& run) {
  struct Dead {
    std::unique_ptr<Sandbox> sandbox;
    std::unique_ptr<SandboxHost> host;
    std::unique_ptr<net::Loop> loop;
  };
  // Never destroyed: a killed engine says no goodbye.
  static auto* const graveyard = new std::vector<Dead>;  // NOLINT(cppcoreguidelines-owning-memory)
  graveyard->push_back({std::move(run.sandbox), std::move(host_), std::move(loop_)});
  loop_ = std::make_unique<net::Loop>(clock_);
  open_host();
}

std::unique_ptr<TestRun> SandboxFixture::adopt(const model::Revision& revision, SandboxPast past) {
  auto run = std::make_unique<TestRun>();
  const int slot = next_slot_ - 1;
  auto sandbox =
      host_->adopt({.id = base::InstanceId("hola-" + std::to_string(slot)), .slot = slot, .revision = revision}, past,
                   std::move(held_shim_),
                   {.on_prepared = [] {},
                    .on_started = [run = run.get()] { run->started = true; },
                    .on_dying = [run = run.get()](const SandboxEnd&) { ++run->dyings; },
                    .on_parting = [run = run.get()](const SandboxParting& parting) { run->parting = parting; },
                    .on_failing = [run = run.get()](const SandboxEnd& end) { run->failing = end; },
                    .on_ended = [run = run.get()](SandboxEnd end) { run->end = std::move(end); }});
  if (!sandbox) return nullptr;
  run->adopted = true;
  run->sandbox = std::move(*sandbox);
  return run;
}

model::Revision SandboxFixture::revision(const std::string& script) const {
  model::Revision out;
  out.name = base::RevisionName("hola-00001");
  out.service = base::ServiceName("hola");
  out.spec.container.command = {"/bin/sh", "-c", script};
  out.spec.container.limits.memory_bytes = 64LL << 20;
  out.spec.egress = model::Egress::none;
  out.image.rootfs = data_ + "/images/busybox";
  out.image.config.env = {"PATH=/bin"};
  return out;
}

void SandboxFixture::add_sidecar(model::Revision& to, const std::string& name, const std::string& script) const {
  const model::Revision one = revision(script);
  to.spec.sidecars.push_back(one.spec.container);
  to.spec.sidecars.back().name = name;
  to.spec.sidecars.back().port = 0;
  to.sidecar_images.push_back(one.image);
}

std::unique_ptr<TestRun> SandboxFixture::create(model::Revision revision) {
  auto run = std::make_unique<TestRun>();
  const int slot = next_slot_++;
  auto sandbox = host_->create(
      {.id = base::InstanceId("hola-" + std::to_string(slot)), .slot = slot, .revision = std::move(revision)},
      {.on_prepared = [run = run.get()] { run->prepared = true; },
       .on_started = [run = run.get()] { run->started = true; },
       .on_dying = [run = run.get()](const SandboxEnd&) { ++run->dyings; },
       .on_parting = [run = run.get()](const SandboxParting& parting) { run->parting = parting; },
       .on_failing = [run = run.get()](const SandboxEnd& end) { run->failing = end; },
       .on_ended = [run = run.get()](SandboxEnd end) { run->end = std::move(end); }});
  EXPECT_TRUE(sandbox) << sandbox.error().line();
  if (sandbox) run->sandbox = std::move(*sandbox);
  run->output = std::move(last_held_);
  return run;
}

bool SandboxFixture::wait(const std::function<bool()>& done) {
  const base::Instant deadline = clock_.now() + kVeryLong;
  while (!done()) {
    if (clock_.now() > deadline) return false;
    loop_->turn(std::chrono::milliseconds(20));
  }
  return true;
}

bool SandboxFixture::run_until_started(TestRun& run) {
  if (!run.sandbox || !wait([&] { return run.prepared || run.end; })) return false;
  if (run.end) {
    ADD_FAILURE() << run.end->detail;
    return false;
  }
  run.sandbox->start();
  return wait([&] { return run.started || run.end; });
}

bool SandboxFixture::run_until_ended(TestRun& run) {
  if (!run.sandbox || !wait([&] { return run.prepared || run.adopted || run.end; })) return false;
  if (!run.end && !run.adopted) run.sandbox->start();
  return wait([&] { return run.end.has_value(); });
}

std::string SandboxFixture::read_output(TestRun& run, std::size_t stream) {
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = ::read(run.output.at(stream).get(), buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

std::string SandboxFixture::read_sidecar(const std::string& name) const {
  std::string out;
  const auto found = sidecar_output_.find(name);
  if (found == sidecar_output_.end()) return out;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = ::read(found->second.at(0).get(), buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

std::string SandboxFixture::read_group(const std::string& controller, const std::string& file) const {
  struct stat folder{};
  const base::Result<Cgroups> groups = Cgroups::open();
  if (!groups || ::stat(data_.c_str(), &folder) != 0) return {};
  for (const CgroupHierarchy& each : groups->hierarchies()) {
    if (std::ranges::find(each.controllers, controller) == each.controllers.end()) continue;
    const std::string group = "/marea/" + tag_of(folder) + "/hola-" + std::to_string(next_slot_ - 1) + "/";
    std::ifstream in(each.mount_point + group + file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  return {};
}

std::vector<std::string> SandboxFixture::left_behind() const {
  std::vector<std::string> out;
  for (const std::string& folder : {data_ + "/run", std::string(kStage)}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().filename().string().starts_with("hola-")) out.push_back(entry.path().string());
    }
  }
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(std::string(kStage) + "/hola-") != std::string::npos) out.push_back(line);
  }
  return out;
}

bool SandboxFixture::wait_output(TestRun& run, const std::string& text) {
  std::string seen;
  return wait([&] {
    seen += read_output(run);
    return seen.find(text) != std::string::npos;
  });
}

std::string SandboxFixture::exchange(TestRun& run, std::uint16_t port, const std::string& request) {
  base::Result<std::vector<base::Fd>> sockets = run.sandbox->make_sockets(1);
  if (!sockets) return sockets.error().line();
  const int fd = sockets->front().get();
  ::fcntl(fd, F_SETFL, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return std::string("connect: ") + std::strerror(errno);
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) return "send";
  ::shutdown(fd, SHUT_WR);
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

}  // namespace marea::engine::local
