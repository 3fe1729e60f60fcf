#include "engine/local/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/local/spawn.h"
#include "net/ledger.h"

namespace marea::engine::local {
namespace {

using net::Role;

constexpr std::size_t kMostHeld = 30'000;  // two per container: five in each of net::kMostInstanceSlots
// control runs six, and those of a control that was killed may live beside them until they notice; this bounds a
// compromised control.
constexpr std::size_t kMostBuilders = 24;
constexpr int kNotStarted = 125 << 8;  // as of waitpid: what shells say of what could not be run
constexpr base::Duration kFirstRestart = std::chrono::milliseconds(50);
constexpr base::Duration kMostRestart = std::chrono::seconds(10);
constexpr base::Duration kStable = std::chrono::seconds(3);  // a role that lived so long starts again at once
constexpr base::Duration kKillAfterGrace = std::chrono::seconds(2);

// The order of an orderly end, and what each role may take.
struct StopStep {
  Role role;
  base::Duration grace;
};
constexpr std::array kStopOrder = {
    StopStep{Role::router, std::chrono::seconds(10)},
    StopStep{Role::engine, std::chrono::seconds(15)},  // above an app's 10 s between SIGTERM and SIGKILL
    StopStep{Role::control, std::chrono::seconds(3)},
    StopStep{Role::logs, std::chrono::seconds(3)},
};

// Who talks to whom. Both ends get a fresh socket when either comes up.
constexpr std::array kEdges = {
    std::pair{Role::engine, Role::router},
    std::pair{Role::engine, Role::control},
    std::pair{Role::control, Role::router},
    std::pair{Role::control, Role::logs},
};

// Who serves which listening socket.
constexpr Role server_of(net::ListenerKind kind) {
  return kind == net::ListenerKind::http ? Role::router : Role::control;
}

std::string held_key(Role owner, const std::string& key) {
  return std::string(net::to_string(owner)) + " " + key;
}

std::vector<base::Fd> duplicates(const std::vector<base::Fd>& fds) {
  std::vector<base::Fd> out;
  out.reserve(fds.size());
  for (const base::Fd& fd : fds) out.push_back(fd.duplicate());
  return out;
}

}  // namespace

Keeper::Keeper(net::Loop& loop, const base::Log& log, Options options)
    : loop_(loop), log_(log), options_(std::move(options)) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = base::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!loop_.add(signals_.get(), EPOLLIN, *this)) std::abort();
  // Instances whose engine died become our children: their ends are reaped here, never lost to init.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  if (base::Result<base::Fd> ledger = net::Ledger::make()) {
    for (const Role owner : {Role::engine, Role::router}) {
      Held& held = held_[held_key(owner, net::kLedgerKey)];
      held.owner = owner;
      held.fds.push_back(ledger->duplicate());
    }
  } else {
    log_(base::Severity::error, "requests are not metered", {{"why", ledger.error().line()}});
  }
  constexpr std::array kRoles = {Role::logs, Role::engine, Role::router, Role::control};
  for (std::size_t i = 0; i < kRoles.size(); ++i) {
    Child& child = children_.at(i);
    child.role = kRoles.at(i);
    child.backoff.emplace(base::Backoff::Options{.first = kFirstRestart, .most = kMostRestart});
  }
}

Keeper::~Keeper() {
  loop_.remove(signals_.get(), *this);
}

Keeper::Child* Keeper::child_of(Role role) {
  const auto found = std::ranges::find(children_, role, &Child::role);
  return found == children_.end() ? nullptr : &*found;
}

base::Result<void> Keeper::start() {
  raise_descriptor_limit();  // four are held for each instance
  for (Child& child : children_) {
    if (base::Result<void> started = start_child(child); !started) {
      kill_all();
      return started;
    }
  }
  return {};
}

base::Result<void> Keeper::start_child(Child& child) {
  base::Result<std::pair<base::Fd, base::Fd>> pair = net::make_socket_pair();
  if (!pair) return std::unexpected(pair.error());
  const base::Result<pid_t> pid = start_role(
      {.role = child.role, .data_dir = options_.data_dir, .arguments = options_.arguments(child.role)}, pair->second);
  if (!pid) return std::unexpected(pid.error());
  child.pid = *pid;
  child.started = loop_.now();
  const Role role = child.role;
  child.link = std::make_unique<RoleLink>(
      loop_, std::move(pair->first),
      RoleLink::Events{.on_message =
                           [this, role](net::RoleToKeeper message, std::vector<base::Fd> fds) {
                             on_message(role, std::move(message), std::move(fds));
                           },
                       .on_closed = [](const std::string&) { /* its death is reported by waitpid */ }});
  introduce(child);
  return {};
}

void Keeper::introduce(Child& child) {
  for (const auto& [key, held] : held_) {
    if (held.owner != child.role) continue;
    child.link->send(net::msg::HeldFds{.key = key.substr(key.find(' ') + 1)}, duplicates(held.fds));
  }
  child.link->send(net::msg::HeldDone{});
  for (const auto& [kind, listening] : options_.listeners) {
    if (server_of(kind) == child.role) {
      child.link->send(net::msg::Listener{.kind = kind, .address = listening.address}, listening.fd.duplicate());
    }
  }
  for (const auto& [a, b] : kEdges) {
    if (a == child.role || b == child.role) connect(a, b);
  }
}

void Keeper::connect(Role a, Role b) {
  Child* one = child_of(a);
  Child* other = child_of(b);
  if (!one->link || !other->link || one->pid < 0 || other->pid < 0) return;  // the later one to come up connects
  base::Result<std::pair<base::Fd, base::Fd>> pair = net::make_socket_pair();
  if (!pair) {
    log_(base::Severity::error, "roles cannot be connected", {{"why", pair.error().line()}});
    return;
  }
  one->link->send(net::msg::PeerLink{.peer = b}, std::move(pair->first));
  other->link->send(net::msg::PeerLink{.peer = a}, std::move(pair->second));
}

void Keeper::on_message(Role from, net::RoleToKeeper message, std::vector<base::Fd> fds) {
  if (auto* put = std::get_if<net::msg::Hold>(&message)) {
    // Only engine makes things that must outlive a role; logs and engine are those it makes them for.
    if (from == Role::engine) hold(put->owner, std::move(put->key), std::move(fds));
  } else if (const auto* release = std::get_if<net::msg::Release>(&message)) {
    if (from == Role::engine || from == release->owner) held_.erase(held_key(release->owner, release->key));
  } else if (const auto* run = std::get_if<net::msg::RunBuilder>(&message)) {
    if (from == Role::control) run_builder(*run, std::move(fds));
  } else if (const auto* end = std::get_if<net::msg::KillBuilder>(&message)) {
    const auto builder = builders_.find(end->job);
    // It is PID 1 of its namespace: all it started goes with it.
    if (from == Role::control && builder != builders_.end()) ::kill(builder->second, SIGKILL);
  }
}

void Keeper::hold(Role owner, std::string key, std::vector<base::Fd> fds) {
  Child* child = child_of(owner);
  if (child == nullptr || held_.size() >= kMostHeld) {
    log_(base::Severity::error, "descriptors refused", {{"key", key}});
    return;
  }
  // The engine keeps what it holds itself; another owner gets it now.
  if (owner != Role::engine && child->link) child->link->send(net::msg::HeldFds{.key = key}, duplicates(fds));
  held_.insert_or_assign(held_key(owner, key), Held{.owner = owner, .fds = std::move(fds)});
}

void Keeper::run_builder(const net::msg::RunBuilder& order, std::vector<base::Fd> fds) {
  const std::uint64_t job = order.job;
  // control waits for the end of the process as well as for that of the link.
  const auto tell = [this, job] {
    if (Child* control = child_of(Role::control); control->link) {
      control->link->send(net::msg::BuilderEnded{.job = job, .status = kNotStarted});
    }
  };
  if (fds.size() != 1 || builders_.size() >= kMostBuilders || builders_.contains(job) || stopped_) {
    log_(base::Severity::error, "builder refused", {{"job", std::to_string(job)}});
    if (!builders_.contains(job)) tell();
    return;
  }
  RoleStart start{.role = Role::builder, .data_dir = options_.data_dir, .arguments = options_.arguments(Role::builder)};
  std::vector<base::Fd> files;
  if (order.registries) {
    for (const std::string& path : {options_.registry_auth, options_.registries}) {
      // A FIFO does not hold keeper up.
      files.emplace_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
      if (!files.back()) files.back() = base::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (path == options_.registry_auth) warn_of_readers(files.back(), path);
      start.files.push_back(files.back().get());
    }
  }
  const base::Result<pid_t> pid = start_role(start, fds[0]);
  if (!pid) {
    log_(base::Severity::error, "builder cannot start", {{"why", pid.error().line()}});
    tell();
    return;
  }
  builders_[job] = *pid;
}

void Keeper::warn_of_readers(const base::Fd& file, const std::string& path) {
  struct stat info{};
  if (warned_ || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || (info.st_mode & 0077) == 0) return;
  warned_ = true;
  log_(base::Severity::warning, "others than its owner may use the file of registries' credentials",
       {{"file", path}, {"remedy", "chmod 0600 " + path}});
}

void Keeper::on_ready(std::uint32_t /*events*/) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
  }
  reap();
}

void Keeper::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    const auto child = std::ranges::find(children_, pid, &Child::pid);
    if (child != children_.end()) {
      child_ended(*child, status);
      continue;
    }
    const auto builder = std::ranges::find_if(builders_, [&](const auto& entry) { return entry.second == pid; });
    if (builder == builders_.end()) continue;  // an adopted orphan: the last process of an instance
    if (Child* control = child_of(Role::control); control->link) {
      control->link->send(net::msg::BuilderEnded{.job = builder->first, .status = status});
    }
    builders_.erase(builder);
  }
}

void Keeper::child_ended(Child& child, int status) {
  child.pid = -1;
  child.link->drain();  // what it asked to be held before it died is held
  child.link.reset();
  if (stopped_) {
    child.again.reset();
    if (stop_step_ < kStopOrder.size() && kStopOrder.at(stop_step_).role == child.role) {
      ++stop_step_;
      stop_next();
    }
    return;
  }
  if (loop_.now() - child.started > kStable) child.backoff->reset();
  const base::Duration wait = child.backoff->next();
  const std::string how = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                              : "exit code " + std::to_string(WEXITSTATUS(status));
  log_(base::Severity::warning, "a role ended; it is started again",
       {{"ended", std::string(net::to_string(child.role))}, {"how", how}});
  child.again = std::make_unique<net::Timer>(loop_, [this, &child] {
    if (const base::Result<void> started = start_child(child); !started) {
      log_(base::Severity::error, "a role cannot start", {{"why", started.error().line()}});
      child.again->arm_in(child.backoff->next());
    }
  });
  child.again->arm_in(wait);
}

void Keeper::stop(std::function<void()> done) {
  if (stopped_) return;
  stopped_ = std::move(done);
  for (Child& child : children_) child.again.reset();  // whoever is down stays down
  for (const auto& [job, pid] : builders_) ::kill(pid, SIGKILL);
  stop_next();
}

void Keeper::stop_next() {
  while (stop_step_ < kStopOrder.size()) {
    const StopStep& step = kStopOrder.at(stop_step_);
    Child& child = *child_of(step.role);
    if (child.pid >= 0) {
      child.stopping = true;
      child.link->send(net::msg::Stop{.grace = step.grace});
      child.again = std::make_unique<net::Timer>(loop_, [this, &child] {
        log_(base::Severity::warning, "a role overstayed its grace and is killed",
             {{"role", std::string(net::to_string(child.role))}});
        ::kill(child.pid, SIGKILL);
      });
      child.again->arm_in(step.grace + kKillAfterGrace);
      return;  // child_ended() goes on
    }
    ++stop_step_;
  }
  stopped_();
}

void Keeper::kill_all() {
  for (const Child& child : children_) {
    if (child.pid >= 0) ::kill(child.pid, SIGKILL);
  }
  for (const auto& [job, pid] : builders_) ::kill(pid, SIGKILL);
}

}  // namespace marea::engine::local
