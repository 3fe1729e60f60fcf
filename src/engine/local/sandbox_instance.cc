#include "engine/local/sandbox_instance.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "base/crash_point.h"
#include "base/time_slice.h"
#include "engine/local/kernel_limits.h"
#include "engine/local/listening.h"
#include "engine/local/network_ingress.h"
#include "engine/local/overlay.h"
#include "engine/local/volumes.h"

namespace marea::engine::local {
namespace {

constexpr base::Duration kMostPrepareTime = std::chrono::seconds(30);  // a machine at its limits, not a normal start
constexpr std::size_t kMostRuntimeOutput = 4096;
constexpr base::Duration kCleanupPause = std::chrono::milliseconds(2);
constexpr int kMostCleanupTries = 50;  // then the host's sweep goes on without us
constexpr int kNotFound = 127;
constexpr int kCannotRun = 126;

pid_t read_pid(const std::string& path) {
  std::ifstream in(path);
  pid_t pid = -1;
  in >> pid;
  return in ? pid : -1;
}

// Of a pidfd's process; -1 when that has ended (proc_pid_fdinfo(5)).
pid_t pid_of(int pidfd) {
  std::ifstream in("/proc/self/fdinfo/" + std::to_string(pidfd));
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const std::size_t at = text.find("Pid:");
  return at == std::string::npos ? -1 : std::atoi(text.c_str() + at + 4);
}

base::Fd open_namespace_of(pid_t pid, const char* kind) {
  return base::Fd(::open(("/proc/" + std::to_string(pid) + "/ns/" + kind).c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

WatchedFd::WatchedFd(net::Loop& loop, base::Fd fd, std::function<void()> ready)
    : loop_(loop), fd_(std::move(fd)), ready_(std::move(ready)) {
  if (!loop_.add(fd_.get(), EPOLLIN, *this)) std::abort();  // a descriptor that epoll knows how to watch
}

WatchedFd::~WatchedFd() {
  rest();
}

void WatchedFd::rest() {
  if (std::exchange(watched_, false)) loop_.remove(fd_.get(), *this);
}

base::Result<std::unique_ptr<LocalSandbox>> LocalSandbox::create(SandboxMachine& machine, SandboxOrder order,
                                                                 SandboxPart part, Events events) {
  if (base::Result<void> checked = check_order(order); !checked) return std::unexpected(checked.error());
  base::Result<AppStart> app = resolve_app(order.revision);
  if (!app) return std::unexpected(app.error());
  if (const base::Result<std::string> message = encode_start(*app); !message) return std::unexpected(message.error());
  std::unique_ptr<LocalSandbox> sandbox(
      new LocalSandbox(machine, std::move(order), std::move(part), std::move(*app), std::move(events)));
  if (base::Result<void> prepared = sandbox->prepare(); !prepared) return std::unexpected(prepared.error());
  return sandbox;
}

base::Result<std::unique_ptr<LocalSandbox>> LocalSandbox::adopt(SandboxMachine& machine, SandboxOrder order,
                                                                SandboxPart part, SandboxPast past,
                                                                std::vector<base::Fd> held, Events events) {
  if (base::Result<void> checked = check_order(order); !checked) return std::unexpected(checked.error());
  base::Result<AppStart> app = resolve_app(order.revision);
  if (!app) return std::unexpected(app.error());
  ShimReport first;
  const bool known =
      held.size() == 2 && (past.app_started || part.waits ||
                           ::recv(held[0].get(), &first, sizeof first, MSG_PEEK | MSG_DONTWAIT) == sizeof first);
  if (!known) {
    return base::fail(base::ErrorCode::sandbox_failed, "cannot adopt " + order.id.str(), "its app was not started yet");
  }
  std::unique_ptr<LocalSandbox> out(
      new LocalSandbox(machine, std::move(order), std::move(part), std::move(*app), std::move(events)));
  out->phase_ = out->part_.waits ? Phase::prepared : Phase::started;
  out->facts_.app_started = past.app_started;
  out->facts_.asked_to_stop = past.asked_to_stop;
  out->has_device_ = out->part_.number == 0 && out->order_.revision.spec.egress == model::Egress::internet;
  out->shim_ = pid_of(held[1].get());
  base::Fd network = out->shim_ > 0 ? open_namespace_of(out->shim_, "net") : base::Fd();
  // Only while it lives is the namespace under its pid its own.
  if (network && pid_of(held[1].get()) == out->shim_)
    out->network_namespace_ = std::make_shared<base::Fd>(std::move(network));
  LocalSandbox* self = out.get();
  out->control_ = std::make_unique<WatchedFd>(machine.loop, std::move(held[0]), [self] { self->on_shim_message(); });
  out->life_ = std::make_unique<WatchedFd>(machine.loop, std::move(held[1]), [self] { self->on_dead(); });
  return out;
}

LocalSandbox::LocalSandbox(SandboxMachine& machine, SandboxOrder order, SandboxPart part, AppStart app, Events events)
    : machine_(machine),
      order_(std::move(order)),
      part_(std::move(part)),
      name_(part_.name(order_.id)),
      app_(std::move(app)),
      events_(std::move(events)),
      kill_timer_(machine.loop, [this] { kill_all(); }),
      prepare_timer_(machine.loop, [this] { fail("the OCI runtime did not finish within 30 s"); }),
      cleanup_timer_(machine.loop, [this] { finish(); }) {
  facts_.memory_limit = order_.revision.spec.container.limits.memory_bytes;
}

LocalSandbox::~LocalSandbox() {
  *alive_ = false;
  if (phase_ == Phase::ended) return;
  runtime_.reset();
  kill_all();
  disconnect();
  release();
  if (!clean_up(machine_, name_)) machine_.clean_up_later(name_);
}

base::Result<void> LocalSandbox::prepare() {
  machine_.begin_grace_period();
  base::Result<base::Fd> users = make_bundle(machine_, order_, part_);
  if (!users) return std::unexpected(users.error());
  user_namespace_ = std::move(*users);
  base::Result<OutputPipes> pipes = make_output_pipes(id_base(order_.slot) + app_.uid, id_base(order_.slot) + app_.gid);
  if (!pipes) return std::unexpected(pipes.error());
  base::Result<void> called = call_runtime(*pipes);
  if (!called) return called;
  std::vector<base::Fd> held;
  held.push_back(std::move(pipes->out_read));
  held.push_back(std::move(pipes->err_read));
  std::string key = "out/" + order_.revision.service.str() + "/" + order_.revision.name.str() + "/" + order_.id.str();
  if (part_.number > 0) key += "/" + order_.revision.spec.container.name;
  machine_.options.to_keeper(net::msg::Hold{.owner = net::Role::logs, .key = std::move(key)}, std::move(held));
  prepare_timer_.arm_in(kMostPrepareTime);
  return {};
}

base::Result<void> LocalSandbox::call_runtime(const OutputPipes& pipes) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::fail(base::os_error("cannot make a socket"));
  }
  base::Fd ours(ends[0]);
  const base::Fd theirs(ends[1]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  // Not /dev/null: runtimes hand their standard streams to the sandbox's root, and the machine's device is no one's.
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail(base::os_error("cannot make a pipe"));
  const base::Fd stdin_read(ends[0]);
  const base::Fd stdin_write(ends[1]);
  const std::string bundle = machine_.bundle_of(name_);
  auto process = net::Process::start(machine_.loop,
                                     {.argv = run_arguments(machine_.runtime, {.state = machine_.runtime_state(),
                                                                               .bundle = bundle,
                                                                               .pid_file = bundle + "/pid",
                                                                               .name = name_,
                                                                               .descriptors = 3}),
                                      .descriptors = {{STDIN_FILENO, stdin_read.get()},
                                                      {kShimSocket, theirs.get()},
                                                      {kShimStdout, pipes.out_write.get()},
                                                      {kShimStderr, pipes.err_write.get()}}},
                                     {.on_line =
                                          [this](std::string_view line) {
                                            if (runtime_output_.size() < kMostRuntimeOutput)
                                              runtime_output_ += std::string(line) + "\n";
                                          },
                                      .on_exit = [this](int status) { on_runtime_exit(status); }});
  if (!process) return std::unexpected(process.error());
  runtime_ = std::move(*process);
  control_ = std::make_unique<WatchedFd>(machine_.loop, std::move(ours), [this] { on_shim_message(); });
  return {};
}

void LocalSandbox::on_runtime_exit(int status) {
  prepare_timer_.cancel();
  // The sandbox has its own copy of the mounts now, or will never have one.
  unmount_root(machine_.stage_of(name_));
  if (!part_.of_group && !order_.revision.spec.volumes.empty()) unmount_volumes(machine_.stage_of(name_));
  user_namespace_.reset();
  part_.network.reset();
  part_.users.reset();
  machine_.cgroups.bound_sockets(machine_.cgroup_of(name_), socket_bytes(facts_.memory_limit));
  if (status != 0) {
    while (!runtime_output_.empty() && runtime_output_.back() == '\n') runtime_output_.pop_back();
    fail(machine_.runtime.version +
         " refused: " + (runtime_output_.empty() ? net::describe_wait_status(status) : runtime_output_));
    return;
  }
  if (base::Result<void> adopted = adopt_shim(); !adopted) {
    fail(adopted.error().line());
    return;
  }
  if (facts_.asked_to_stop) {
    kill_all();
    return;
  }
  if (part_.number == 0) {
    connect_network();
  } else {  // the first one has done so
    phase_ = Phase::connecting;
    on_connected({});
  }
}

base::Result<void> LocalSandbox::adopt_shim() {
  shim_ = read_pid(machine_.bundle_of(name_) + "/pid");
  base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, shim_, 0)));
  if (!pidfd) return base::fail(base::os_error("the sandbox's first process is gone"));
  network_namespace_ = std::make_shared<base::Fd>(open_namespace_of(shim_, "net"));
  life_ = std::make_unique<WatchedFd>(machine_.loop, std::move(pidfd), [this] { on_dead(); });
  if (!*network_namespace_) return base::fail(base::os_error("the sandbox's first process is gone"));
  hold();
  return {};
}

std::string hold_key(const base::InstanceId& id, std::size_t container) {
  return "shim/" + SandboxPart{.number = container}.name(id);
}

base::Fd LocalSandbox::open_namespace(const char* kind) const {
  if (shim_ <= 0 || !life_) return {};
  base::Fd out = open_namespace_of(shim_, kind);
  return pid_of(life_->get()) == shim_ ? std::move(out) : base::Fd();  // else the pid may be another's by now
}

// keeper's copies outlive us: the shim sees no end of its socket, what it says meanwhile waits there, and its pid
// cannot be mistaken for another's.
void LocalSandbox::hold() const {
  std::vector<base::Fd> held;
  held.push_back(control_->duplicate());
  held.push_back(life_->duplicate());
  machine_.options.to_keeper(net::msg::Hold{.owner = net::Role::engine, .key = hold_key(order_.id, part_.number)},
                             std::move(held));
  base::crash_point("engine.instance.held");
}

void LocalSandbox::release() const {
  if (part_.of_group) return;
  machine_.options.to_keeper(net::msg::Release{.owner = net::Role::engine, .key = hold_key(order_.id)}, {});
}

void LocalSandbox::connect_network() {
  phase_ = Phase::connecting;
  const bool egress = order_.revision.spec.egress == model::Egress::internet;
  has_device_ = egress;
  machine_.network.give(
      [this, egress, slot = order_.slot, alive = alive_, network = network_namespace_, machine = &machine_] {
        // On the network's thread: nothing of *this but as a value for the loop.
        base::Result<void> connected = connect_ingress(*network);
        if (connected && egress) connected = machine->egress.connect(*network, slot);
        machine->results.push([this, alive, connected = std::move(connected)] {
          if (*alive) on_connected(connected);
        });
      });
}

void LocalSandbox::on_connected(const base::Result<void>& connected) {
  if (phase_ != Phase::connecting) return;
  if (!connected) {
    fail(connected.error().line());
    return;
  }
  phase_ = Phase::prepared;
  if (!facts_.asked_to_stop) events_.on_prepared();
}

void LocalSandbox::start() {
  if (phase_ != Phase::prepared) return;
  phase_ = Phase::started;
  send(*encode_start(app_));
}

void LocalSandbox::send(const std::string& message) {
  outgoing_ += message;
  flush();
}

void LocalSandbox::flush() {
  while (!outgoing_.empty() && control_) {
    const ssize_t sent = ::send(control_->get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) break;
    outgoing_.erase(0, static_cast<std::size_t>(sent));
  }
  if (control_) control_->wait_for(outgoing_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

// One report, if there is one. Its last words stay in the socket: an engine that dies before the end is written down
// leaves them to the next.
bool LocalSandbox::on_shim_message() {
  if (!outgoing_.empty()) flush();
  ShimReport report;
  const ssize_t got = ::recv(control_->get(), &report, sizeof report, MSG_PEEK | MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    control_.reset();  // its death is seen by pidfd
    return false;
  }
  if (got != static_cast<ssize_t>(sizeof report)) return false;
  const std::shared_ptr<bool> alive = alive_;
  on_report(report);
  if (!*alive || !control_) return false;
  if (report.event == ShimEvent::started) {
    ::recv(control_->get(), &report, sizeof report, MSG_DONTWAIT);
    return true;
  }
  control_->rest();
  return false;
}

void LocalSandbox::on_report(const ShimReport& report) {
  switch (report.event) {
    case ShimEvent::started:
      facts_.app_started = true;
      if (!facts_.asked_to_stop) events_.on_started();
      return;
    case ShimEvent::not_started:
      facts_.not_started = report.step == ShimStep::find_program ? kNotFound : kCannotRun;
      facts_.failure = describe_not_started(app_, report.step, report.value);
      return;
    case ShimEvent::exited: facts_.wait_status = report.value; return;
  }
}

void LocalSandbox::stop(base::Duration grace) {
  if (phase_ == Phase::ended) return;
  const bool first = !std::exchange(facts_.asked_to_stop, true);
  if (phase_ == Phase::preparing) return;  // on_runtime_exit() goes on
  if (phase_ != Phase::started || grace <= base::Duration::zero()) {
    kill_all();
    return;
  }
  if (first) send(encode_signal(SIGTERM));
  const base::Instant at = machine_.loop.now() + grace;
  if (kill_at_ && *kill_at_ <= at) return;
  kill_at_ = at;
  kill_timer_.arm_at(at);
}

base::Result<std::vector<base::Fd>> LocalSandbox::make_sockets(int count) {
  if (!network_namespace_ || phase_ == Phase::ended) {
    return base::fail(base::ErrorCode::unavailable, "no sockets can be made", "the sandbox is not prepared");
  }
  base::Result<std::vector<base::Fd>> sockets;
  machine_.visits.run([&] { sockets = make_ingress_sockets(*network_namespace_, count); });
  return sockets;
}

std::vector<model::ListeningSocket> LocalSandbox::listening() const {
  return shim_ > 0 && life_ ? listening_in(shim_) : std::vector<model::ListeningSocket>{};
}

std::vector<model::ListeningSocket> LocalSandbox::own_listening() const {
  if (shim_ <= 0 || !life_) return {};
  return listening_of(shim_, machine_.cgroups.processes(machine_.cgroup_of(name_)));
}

SandboxUse LocalSandbox::use() const {
  const std::string group = machine_.cgroup_of(name_);
  return {.cpu = machine_.cgroups.cpu_time(group), .peak_memory_bytes = machine_.cgroups.peak_memory_bytes(group)};
}

std::int64_t LocalSandbox::memory_bytes() const {
  return machine_.cgroups.memory_bytes(machine_.cgroup_of(name_));
}

void LocalSandbox::confine(bool confined) {
  const std::string group = machine_.cgroup_of(name_);
  machine_.cgroups.keep_off_first_cpu(group, confined);
  for (const int thread : machine_.cgroups.threads(group)) {
    base::ask_for_time_slice(thread, confined ? base::kLongSlice : base::kShortSlice);
  }
}

bool LocalSandbox::give_cpu(CpuGrant grant) {
  const int limit = order_.revision.spec.container.limits.milli_cpu;
  CpuQuota quota = quota_of(limit);
  if (grant == CpuGrant::throttled) quota = throttled_quota();
  if (grant == CpuGrant::boosted) {
    quota = quota_of(boosted_milli_cpu(limit, static_cast<int>(std::thread::hardware_concurrency())));
  }
  return machine_.cgroups.limit_cpu(machine_.cgroup_of(name_), quota);
}

// The end of a sandbox that never came to life, or that must not go on.
void LocalSandbox::fail(std::string why) {
  if (facts_.failure.empty()) facts_.failure = std::move(why);
  runtime_.reset();
  kill_all();
  if (!life_ && phase_ != Phase::ended) cleanup_timer_.arm_in(base::Duration::zero());
}

void LocalSandbox::kill_all() {
  if (life_) ::syscall(SYS_pidfd_send_signal, life_->get(), SIGKILL, nullptr, 0);
  machine_.cgroups.kill(machine_.cgroup_of(name_));
}

void LocalSandbox::on_dead() {
  // The shim's last words may still lie in the socket.
  while (control_ && on_shim_message()) {
  }
  life_.reset();
  finish();
}

// Given to the thread before our end is told: the slot's next sandbox finds its device's name free.
void LocalSandbox::disconnect() {
  if (!std::exchange(has_device_, false)) return;
  machine_.network.give([machine = &machine_, slot = order_.slot] { machine->egress.disconnect(slot); });
}

void LocalSandbox::finish() {
  if (phase_ == Phase::ended) return;
  const std::string& id = name_;
  if (cleanup_tries_ == 0) {
    facts_.out_of_memory_kills = machine_.cgroups.out_of_memory_kills(machine_.cgroup_of(id));
    facts_.peak_memory_bytes = machine_.cgroups.peak_memory_bytes(machine_.cgroup_of(id));
    facts_.cpu = machine_.cgroups.cpu_time(machine_.cgroup_of(id));
    if (events_.on_dying) events_.on_dying(judge_end(facts_));
    base::crash_point("engine.instance.dying");
    if (!part_.of_group) disconnect();  // the others may have last words for the network
    network_namespace_.reset();
    control_.reset();
    kill_timer_.cancel();
  }
  if (!clean_up(machine_, id)) {
    if (++cleanup_tries_ < kMostCleanupTries) {
      machine_.cgroups.kill(machine_.cgroup_of(id));
      cleanup_timer_.arm_in(kCleanupPause);
      return;
    }
    machine_.clean_up_later(id);
  }
  phase_ = Phase::ended;
  release();
  base::crash_point("engine.instance.cleaned");
  const std::function<void(SandboxEnd)> on_ended = std::move(events_.on_ended);
  on_ended(judge_end(facts_));
}

}  // namespace marea::engine::local
