#include "engine/local/engine_process.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/crash_point.h"

namespace marea::engine::local {
namespace {

namespace msg = net::msg;
using base::Severity;

// What is reserved of the machine's memory is for the system and for marea. Half of it must also be available in fact:
// others than instances use memory, and files are cached in it.
FleetLimits limits_of(SandboxHost& host, const model::PlatformLimits& limits) {
  const std::int64_t reserve = host.memory_bytes() / 100 * limits[model::Limit::memory_reserve];
  const std::int64_t starts = limits[model::Limit::starts_per_cpu] * std::max(1, host.load().cpus);
  return {.memory_bytes = host.memory_bytes() - reserve,
          .starts = static_cast<int>(std::min<std::int64_t>(starts, net::kMostInstanceSlots)),
          .memory_floor = reserve / 2};
}

}  // namespace

EngineProcess::EngineProcess(World world)
    : world_(std::move(world)),
      fleet_(limits_of(*world_.host, world_.limits), world_.random),
      deadline_(world_.loop,
                [this] {
                  fleet_.tick(moment());
                  carry_out();
                }),
      sweep_(world_.loop, [this] { ended_.clear(); }),
      retry_sockets_(world_.loop, [this] { pay_sockets(); }),
      look_(world_.loop,
            [this] {
              look_at_machine();
              carry_out();
            }),
      cpu_timer_(world_.loop, [this] { settle_all_cpu(); }),
      measure_more_(world_.loop, [this] { measure(); }),
      stop_by_(world_.loop, [this] { finish_stop(); }),
      usage_(world_.loop, [this] { report_usage(); }),
      sync_reports_(world_.loop, [this] { sync_reports(); }) {}

EngineProcess::~EngineProcess() = default;

Moment EngineProcess::moment() const {
  return {.now = world_.loop.now(), .wall = world_.loop.clock().wall()};
}

// After every event. Actions may cause events at once; their actions are carried out here too.
void EngineProcess::carry_out() {
  if (carrying_) return;
  carrying_ = true;
  for (std::vector<Action> actions = fleet_.take_actions(); !actions.empty(); actions = fleet_.take_actions()) {
    write_down(actions);
    base::crash_point("engine.instance.recorded");
    for (const Action& action : actions) {
      std::visit(*this, action);
      settle_cpu(action);
    }
  }
  carrying_ = false;
  const base::Instant next = fleet_.next_deadline();
  if (next == base::Instant::max()) {
    deadline_.cancel();
  } else {
    deadline_.arm_at(next);
  }
  if (!fleet_.instances().empty() && !usage_.armed()) usage_.arm_in(kUsageEvery);
  if (!fleet_.instances().empty() && !look_.armed()) look_.arm_in(kLoadEvery);
  if (stopped_ && fleet_.instances().empty()) finish_stop();
}

// ---- the machine

void EngineProcess::look_at_machine() {
  looked_at_ = world_.loop.now();
  const MachineLoad load = world_.host->load();
  look_at_held_back();
  confine(load);
  fleet_.machine(load, moment());
  const bool at_rest = fleet_.instances().empty();
  busy_ = {.cpus = load.cpus,
           .busy_permille = at_rest ? 0 : load.busy_permille,
           .waiting_permille = at_rest ? 0 : load.waiting_permille};
  tell_load();
  const bool often = load.busy_permille >= 500 || confinement_.watching();
  if (!at_rest) look_.arm_in(often ? kLoadEvery : kLoadAtRest);
}

// Some of them in each turn, and none while all together use too little: a look at one costs some tens of microseconds.
void EngineProcess::confine(const MachineLoad& load) {
  if (load.cpus < 2) return;
  if (load.instances_permille * load.cpus < kComputesPermille && !confinement_.watching()) return;
  std::vector<CpuUse> uses;
  auto next = sandboxes_.upper_bound(last_looked_at_);
  for (std::size_t left = std::min(sandboxes_.size(), kMostLookedAt); left > 0; --left) {
    if (next == sandboxes_.end()) next = sandboxes_.begin();
    const auto& [id, sandbox] = *next++;
    const auto instance = fleet_.instances().find(id);
    if (instance == fleet_.instances().end()) continue;
    uses.push_back({.id = id,
                    .cpu = sandbox->use().cpu,
                    .milli_cpu = model::instance_limits(instance->second.revision->spec).milli_cpu});
    last_looked_at_ = id;
  }
  for (const Confined& change : confinement_.look(uses, load.cpus, looked_at_)) {
    if (const auto found = sandboxes_.find(change.id); found != sandboxes_.end()) {
      found->second->confine(change.confined);
    }
  }
}

void EngineProcess::look_at_held_back() {
  std::map<base::RevisionName, base::Duration> cpu;
  for (const base::RevisionName& name : fleet_.those_held_back()) cpu[name] = {};
  if (cpu.empty()) return;
  for (const auto& [id, sandbox] : sandboxes_) {
    const auto instance = fleet_.instances().find(id);
    if (instance == fleet_.instances().end()) continue;
    if (const auto found = cpu.find(instance->second.revision->name); found != cpu.end()) {
      found->second += sandbox->use().cpu;
    }
  }
  for (const auto& [name, used] : cpu) fleet_.used(name, used, moment());
}

void EngineProcess::tell_load() {
  const bool same = busy_.cpus == told_.cpus && std::abs(busy_.busy_permille - told_.busy_permille) < kLoadStep &&
                    std::abs(busy_.waiting_permille - told_.waiting_permille) < kLoadStep;
  if (same || !router_) return;
  told_ = busy_;
  router_->send(busy_);
}

// ---- keeper

void EngineProcess::on_peer(net::Role peer, base::Fd link) {
  switch (peer) {
    case net::Role::control: connect_control(std::move(link)); return;
    case net::Role::router: connect_router(std::move(link)); return;
    case net::Role::keeper:
    case net::Role::engine:
    case net::Role::logs:
    case net::Role::builder: return;
  }
}

void EngineProcess::on_listener(net::ListenerKind /*kind*/, std::string /*address*/, base::Fd /*listener*/) {}
void EngineProcess::on_builder_ended(std::uint64_t /*job*/, int /*wait_status*/) {}

void EngineProcess::on_stop(base::Duration grace, std::function<void()> done) {
  stopped_ = std::move(done);
  const base::Duration usable = std::max(base::Duration{0}, grace - kStopReserve);
  stop_by_.arm_in(usable);
  fleet_.stop_all(usable, moment());
  carry_out();
}

void EngineProcess::finish_stop() {
  stop_by_.cancel();
  for (const auto& [id, sandbox] : sandboxes_) {
    world_.log(Severity::warning, "an instance did not end in time and is killed", {{"instance", id.str()}});
  }
  if (const auto done = std::exchange(stopped_, nullptr)) done();
}

// ---- control

void EngineProcess::connect_control(base::Fd link) {
  inbox_.restart();
  control_ = std::make_unique<ControlLink>(
      world_.loop, std::move(link),
      ControlLink::Events{.on_message =
                              [this](net::ControlToEngine message, std::vector<base::Fd> /*none*/) {
                                std::visit(*this, message);
                                carry_out();
                              },
                          .on_closed = [this](const std::string&) { fleet_.control_lost(moment()); }});
  control_->send(msg::EngineReady{world_.host->runtime()});
  fleet_.control_linked();
  carry_out();
  for (const model::InstanceReport& report : world_.run.kept()) control_->send(report);
  control_->send(msg::InstancesDone{});
}

void EngineProcess::operator()(const msg::PlanRevision& message) {
  const std::string fault = inbox_.take(message);
  if (fault.empty()) return;
  world_.log(Severity::error, "a plan is refused", {{"revision", message.plan.revision.name.str()}, {"why", fault}});
}

void EngineProcess::operator()(const msg::PlanCommit& message) {
  const std::optional<model::Plan> plan = inbox_.commit(message);
  if (!plan) return;
  write_down_plan(*plan);
  base::crash_point("engine.plan.taken");
  fleet_.apply(*plan, moment());
}

void EngineProcess::operator()(const msg::DeleteInstance& message) {
  fleet_.remove({message.id, model::Reason::deleted}, moment());
}

void EngineProcess::operator()(const msg::ReportKept& message) {
  world_.run.drop(message.id);
}

// ---- router

void EngineProcess::connect_router(base::Fd link) {
  router_ = std::make_unique<RouterLink>(
      world_.loop, std::move(link),
      RouterLink::Events{.on_message =
                             [this](net::RouterToEngine message, std::vector<base::Fd> /*none*/) {
                               std::visit(*this, message);
                               carry_out();
                             },
                         .on_closed =
                             [this](const std::string&) {
                               take_all_for_busy();
                               fleet_.router_lost(moment());
                               carry_out();
                             }});
  owed_.clear();
  told_ = {};
  tell_load();
  take_all_for_busy();
  fleet_.router_linked(moment());
  carry_out();
  router_->send(msg::InstancesDone{});
}

void EngineProcess::operator()(const msg::Demand& message) {
  const int wanted = std::clamp(message.wanted, 0, model::kMostScale);
  const bool for_min = message.reason == model::Reason::min_scale;
  const model::Reason reason = for_min ? model::Reason::min_scale : model::Reason::request_waiting;
  if (world_.loop.now() - looked_at_ >= kLoadEvery) look_at_machine();
  fleet_.demand({message.revision, wanted, reason}, moment());
}

void EngineProcess::operator()(const msg::InstanceReady& message) {
  fleet_.ready(message.id, moment());
  if (const auto found = sandboxes_.find(message.id); found != sandboxes_.end()) found->second->app_ready();
}

void EngineProcess::operator()(msg::InstanceUnready& message) {
  const bool known = message.reason == model::Reason::never_listened ||
                     message.reason == model::Reason::liveness_failed ||
                     message.reason == model::Reason::readiness_probe_failed;
  if (!known) message.reason = model::Reason::startup_probe_failed;
  if (message.detail.size() > kMostDetailBytes) message.detail.resize(kMostDetailBytes);
  fleet_.unready(message, listening_of(message.id), moment());
}

void EngineProcess::operator()(const msg::Retire& message) {
  const bool scaled_in = message.reason == model::Reason::scaled_in;
  fleet_.retire({message.id, scaled_in ? message.reason : model::Reason::idle_timeout}, moment());
}

void EngineProcess::operator()(const msg::Quiet& message) {
  fleet_.quiet(message, moment());
}

void EngineProcess::operator()(const msg::SocketsWanted& message) {
  if (!fleet_.open(message.id) || message.count <= 0) return;
  const int count = std::min(message.count, static_cast<int>(net::kMostFds));
  std::vector<base::Fd> sockets = sockets_of(message.id, count);
  if (!sockets.empty()) router_->send(msg::Sockets{message.id}, std::move(sockets));
}

// What cannot be made now is owed: router waits for an answer to what it asked.
std::vector<base::Fd> EngineProcess::sockets_of(const base::InstanceId& id, int count) {
  const auto sandbox = sandboxes_.find(id);
  if (sandbox == sandboxes_.end()) return {};
  base::Result<std::vector<base::Fd>> made = sandbox->second->make_sockets(count);
  if (made && !made->empty()) {
    owed_.erase(id);
    return std::move(*made);
  }
  if (!owed_.contains(id)) {
    world_.log(Severity::warning, "cannot make sockets for an instance",
               {{"instance", id.str()}, {"why", made ? std::string("none were made") : made.error().line()}});
  }
  owed_[id] = count;
  if (!retry_sockets_.armed()) retry_sockets_.arm_in(kSocketRetry);
  return {};
}

void EngineProcess::pay_sockets() {
  for (const auto& [id, count] : std::map<base::InstanceId, int>(owed_)) {
    if (!fleet_.open(id)) {
      owed_.erase(id);
    } else {
      (*this)(msg::SocketsWanted{id, count});
    }
  }
  carry_out();
}

}  // namespace marea::engine::local
