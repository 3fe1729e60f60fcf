#include "engine/local/sandbox_group.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "engine/local/shim_protocol.h"
#include "engine/local/volumes.h"

namespace marea::engine::local {
SandboxGroup::SandboxGroup(SandboxMachine& machine, SandboxOrder order, Events events)
    : machine_(machine),
      order_(std::move(order)),
      events_(std::move(events)),
      members_(order_.revision.spec.sidecars.size() + 1),
      finish_(machine.loop, [this] { finish(); }) {
  const model::Template& spec = order_.revision.spec;
  members_[0].container = &spec.container;
  for (std::size_t i = 1; i < members_.size(); ++i) members_[i].container = &spec.sidecars[i - 1];
  find_those_after_app();
}

SandboxGroup::~SandboxGroup() {
  for (Member& member : members_) member.health.reset();
  if (finished_) return;
  release();
  if (members_[0].sandbox) members_[0].sandbox->disconnect();
}

// Who starts after the app or after one that does so; as many rounds as there are containers find them all.
void SandboxGroup::find_those_after_app() {
  const auto is_after = [&](const std::string& name) {
    return std::ranges::any_of(members_, [&](const Member& each) {
      return each.container->name == name && (&each == members_.data() || each.after_app);
    });
  };
  for (std::size_t round = 1; round < members_.size(); ++round) {
    for (std::size_t i = 1; i < members_.size(); ++i) {
      members_[i].after_app = std::ranges::any_of(members_[i].container->starts_after, is_after);
    }
  }
}

SandboxOrder SandboxGroup::order_of(std::size_t number) const {
  return {.id = order_.id, .slot = order_.slot, .revision = container_view(order_.revision, number)};
}

Sandbox::Events SandboxGroup::events_of(std::size_t number) {
  return {.on_prepared = [this, number] { on_prepared(number); },
          .on_started = [this, number] { on_started(number); },
          .on_dying = [this, number](SandboxEnd end) { on_dying(number, std::move(end)); },
          .on_parting = {},
          .on_failing = {},
          .on_ended = [this, number](SandboxEnd end) { on_ended(number, std::move(end)); }};
}

// ---- the beginning

base::Result<std::unique_ptr<SandboxGroup>> SandboxGroup::create(SandboxMachine& machine, SandboxOrder order,
                                                                 Events events) {
  if (base::Result<void> checked = check_order(order); !checked) return std::unexpected(checked.error());
  std::unique_ptr<SandboxGroup> group(new SandboxGroup(machine, std::move(order), std::move(events)));
  if (base::Result<void> made = group->create_member(0); !made) return std::unexpected(made.error());
  return group;
}

base::Result<void> SandboxGroup::create_member(std::size_t number) {
  SandboxPart part{.number = number, .network = {}, .users = {}, .of_group = true};
  if (number == 0) {
    part.volumes = volumes_bytes(order_.revision.spec);
  } else {
    part.network = members_[0].sandbox->open_namespace("net");
    part.users = members_[0].sandbox->open_namespace("user");
    if (!part.network || !part.users) return base::fail(base::os_error("the app's sandbox is gone"));
  }
  base::Result<std::unique_ptr<LocalSandbox>> made =
      LocalSandbox::create(machine_, order_of(number), std::move(part), events_of(number));
  if (!made) return std::unexpected(made.error());
  members_[number].sandbox = std::move(*made);
  members_[number].state = State::preparing;
  return {};
}

base::Result<std::unique_ptr<SandboxGroup>> SandboxGroup::adopt(SandboxMachine& machine, SandboxOrder order,
                                                                SandboxPast past, HeldDescriptors held, Events events) {
  if (base::Result<void> checked = check_order(order); !checked) return std::unexpected(checked.error());
  std::unique_ptr<SandboxGroup> group(new SandboxGroup(machine, std::move(order), std::move(events)));
  group->told_prepared_ = group->opened_ = true;
  group->given_.reset();
  group->stopping_ = past.asked_to_stop;
  group->cause_ = past.parting.cause;
  past.parting.containers.resize(group->members_.size());
  held.resize(group->members_.size());
  for (std::size_t i = 0; i < held.size(); ++i) {
    group->members_[i].known = past.parting.containers[i];
    if (base::Result<void> done = group->adopt_member(i, past, std::move(held[i])); !done) {
      return std::unexpected(done.error());
    }
  }
  return group;
}

// What waits for the app may not have been started: then its shim is alone, and has said nothing yet.
base::Result<void> SandboxGroup::adopt_member(std::size_t number, SandboxPast past, std::vector<base::Fd> held) {
  Member& member = members_[number];
  SandboxPart part{.number = number, .network = {}, .users = {}, .of_group = true};
  if (number > 0) {
    ShimReport report;
    const bool spoke = !held.empty() && ::recv(held[0].get(), &report, sizeof report, MSG_PEEK | MSG_DONTWAIT) > 0;
    const bool alone = machine_.cgroups.processes(machine_.cgroup_of(part.name(order_.id))).size() == 1;
    part.waits = member.after_app && alone && !spoke;
    past.app_started = !part.waits;
  }
  const bool waits = part.waits;
  base::Result<std::unique_ptr<LocalSandbox>> adopted =
      LocalSandbox::adopt(machine_, order_of(number), std::move(part), past, std::move(held), events_of(number));
  if (!adopted) return std::unexpected(adopted.error());
  member.sandbox = std::move(*adopted);
  member.state = waits ? State::prepared : State::starting;
  if (!waits && past.app_started) {
    member.state = State::started;
    if (number > 0 && !past.asked_to_stop && !member.known) watch(number, member.after_app);
  }
  return {};
}

void SandboxGroup::on_prepared(std::size_t number) {
  members_[number].state = State::prepared;
  if (given_ && given_ != CpuGrant::usual && !members_[number].sandbox->give_cpu(*given_)) given_.reset();
  for (std::size_t i = 1; number == 0 && i < members_.size(); ++i) {
    if (base::Result<void> made = create_member(i); !made) {
      fail(i, {.reason = model::Reason::sandbox_failed, .detail = made.error().line(), .exit = {}});
      return;
    }
  }
  const bool all = std::ranges::all_of(members_, [](const Member& each) { return each.state == State::prepared; });
  if (!all) return;
  unmount_volumes(machine_.stage_of(order_.id.str()));  // each has its copy
  advance();
}

bool SandboxGroup::may_start(const Member& member) const {
  return member.state == State::prepared && std::ranges::all_of(members_, [&](const Member& other) {
           const bool before = std::ranges::find(member.container->starts_after, other.container->name) !=
                               member.container->starts_after.end();
           return !before || other.state == State::ready;
         });
}

void SandboxGroup::advance() {
  if (stopping_ || cause_) return;
  for (Member& member : members_) {
    if (!may_start(member)) continue;
    member.state = State::starting;
    member.sandbox->start();
  }
  const bool prepared = members_[0].state >= State::starting &&
                        std::all_of(members_.begin() + 1, members_.end(),
                                    [](const Member& each) { return each.after_app || each.state == State::ready; });
  if (prepared && !std::exchange(told_prepared_, true)) events_.on_prepared();
}

void SandboxGroup::start() {
  if (!told_prepared_ || std::exchange(opened_, true)) return;
  if (members_[0].state == State::started) events_.on_started();
}

void SandboxGroup::on_started(std::size_t number) {
  Member& member = members_[number];
  const bool known = member.state >= State::started;
  if (!known) member.state = State::started;
  if (number == 0 && opened_) events_.on_started();
  if (number > 0 && !known) watch(number, true);
}

// From its startup probe on, where it has one that it may not have passed.
void SandboxGroup::watch(std::size_t number, bool from_startup) {
  Member& member = members_[number];
  member.health = std::make_unique<SidecarHealth>(
      machine_.loop, *member.container,
      [this]() -> base::Result<base::Fd> {
        base::Result<std::vector<base::Fd>> made = members_[0].sandbox->make_sockets(1);
        if (!made) return std::unexpected(made.error());
        return std::move(made->front());
      },
      SidecarHealth::Events{.on_ready = [this, number] { on_ready(number); },
                            .on_unhealthy =
                                [this, number](model::Reason reason, std::string detail) {
                                  fail(number, {.reason = reason, .detail = std::move(detail), .exit = {}});
                                },
                            .on_attempt = [this] { settle_cpu(); }});
  if (from_startup && member.container->startup.declared) {
    member.health->await_ready();
  } else {
    member.health->watch();
    on_ready(number);
  }
}

void SandboxGroup::on_ready(std::size_t number) {
  members_[number].state = State::ready;
  advance();
}

void SandboxGroup::app_ready() {
  Member& app = members_[0];
  if (app.state != State::starting && app.state != State::started) return;
  on_ready(0);
}

// ---- the end

// It cannot go on without this one. What ends first is the cause.
void SandboxGroup::fail(std::size_t number, SandboxEnd end) {
  if (stopping_) return;
  const bool first = !cause_;
  note_cause(number, std::move(end));
  if (number > 0 && opened_ && members_[0].state < State::dying) {
    if (!std::exchange(failing_, true)) events_.on_failing(*cause_);
    if (first) tell_parting();
    return;
  }
  // Without its app nothing is left to wait for; other containers have begun something that they may want to end.
  stop(number > 0 && !opened_ ? kUnusedGrace : base::Duration{0});
}

void SandboxGroup::note_cause(std::size_t number, SandboxEnd end) {
  if (stopping_ || cause_) return;
  const Member& member = members_[number];
  const auto waiting = std::ranges::find_if(members_, [&](const Member& each) {
    return each.state == State::prepared && std::ranges::find(each.container->starts_after, member.container->name) !=
                                                each.container->starts_after.end();
  });
  if (number > 0) {
    end.container = member.container->name;
    end.detail = "container \"" + end.container + "\": " + end.detail;
  }
  if (waiting != members_.end()) end.detail += "; \"" + waiting->container->name + "\" waits for it";
  cause_ = std::move(end);
}

// Only of a group that an adopting engine could have: before, it is a leftover.
void SandboxGroup::tell_parting() const {
  if (!opened_ || !events_.on_parting) return;
  SandboxParting parting{.cause = cause_, .containers = {}};
  for (const Member& member : members_) {
    parting.containers.push_back(member.state >= State::dying ? std::optional(member.end) : member.known);
  }
  events_.on_parting(parting);
}

void SandboxGroup::stop(base::Duration grace) {
  stopping_ = true;
  for (Member& member : members_) {
    if (member.health) member.health->rest();
    if (member.sandbox && member.state != State::ended) member.sandbox->stop(grace);
  }
  if (all_ended() && !finish_.armed()) finish_.arm_in(base::Duration{0});
}

// An engine that adopts must not take for alive what is about to go, nor for gone what lives; and what tells this end
// is removed before the others end.
void SandboxGroup::on_dying(std::size_t number, SandboxEnd end) {
  Member& member = members_[number];
  member.state = State::dying;
  if (member.health) member.health->rest();
  member.end = member.known ? *member.known : std::move(end);
  note_cause(number, member.end);
  const bool others =
      std::ranges::any_of(members_, [](const Member& each) { return each.sandbox && each.state < State::dying; });
  if (others) {
    tell_parting();
  } else if (events_.on_dying) {
    events_.on_dying(whole_end());
  }
}

void SandboxGroup::on_ended(std::size_t number, SandboxEnd end) {
  Member& member = members_[number];
  if (member.state != State::dying) member.end = member.known ? *member.known : std::move(end);
  member.state = State::ended;
  fail(number, member.end);
  if (all_ended()) finish();
}

bool SandboxGroup::all_ended() const {
  return std::ranges::all_of(members_, [](const Member& each) { return !each.sandbox || each.state == State::ended; });
}

SandboxEnd SandboxGroup::whole_end() const {
  SandboxEnd out = cause_.value_or(members_[0].end);
  out.peak_memory_bytes = 0;
  out.cpu = {};
  for (const Member& member : members_) {
    out.peak_memory_bytes += member.end.peak_memory_bytes;
    out.cpu += member.end.cpu;
  }
  return out;
}

void SandboxGroup::release() const {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    machine_.options.to_keeper(net::msg::Release{.owner = net::Role::engine, .key = hold_key(order_.id, i)}, {});
  }
}

void SandboxGroup::finish() {
  if (std::exchange(finished_, true)) return;
  finish_.cancel();
  release();
  if (members_[0].sandbox) members_[0].sandbox->disconnect();
  const std::function<void(SandboxEnd)> on_ended = std::move(events_.on_ended);
  on_ended(whole_end());
}

// ---- meanwhile

base::Result<std::vector<base::Fd>> SandboxGroup::make_sockets(int count) {
  return members_[0].sandbox->make_sockets(count);
}

std::vector<model::ListeningSocket> SandboxGroup::listening() const {
  return members_[0].sandbox->own_listening();
}

SandboxUse SandboxGroup::use() const {
  SandboxUse out;
  for (const Member& member : members_) {
    if (!member.sandbox) continue;
    const bool over = member.state >= State::dying;
    const SandboxUse use = over ? SandboxUse{.cpu = member.end.cpu, .peak_memory_bytes = member.end.peak_memory_bytes}
                                : member.sandbox->use();
    out.cpu += use.cpu;
    out.peak_memory_bytes += use.peak_memory_bytes;
  }
  return out;
}

std::int64_t SandboxGroup::memory_bytes() const {
  std::int64_t out = 0;
  for (const Member& member : members_) {
    if (member.sandbox && member.state != State::ended) out += member.sandbox->memory_bytes();
  }
  return out;
}

void SandboxGroup::confine(bool confined) {
  for (Member& member : members_) {
    if (member.sandbox && member.state != State::ended) member.sandbox->confine(confined);
  }
}

bool SandboxGroup::give_cpu(CpuGrant grant) {
  wanted_ = grant;
  return settle_cpu();
}

bool SandboxGroup::probing() const {
  return std::ranges::any_of(members_, [](const Member& each) { return each.health && each.health->probing(); });
}

// Who has hardly any CPU does not answer in time, though nothing is wrong with it.
bool SandboxGroup::settle_cpu() {
  const CpuGrant grant = wanted_ == CpuGrant::throttled && probing() ? CpuGrant::usual : wanted_;
  if (given_ == grant) return true;
  given_ = grant;
  for (const Member& member : members_) {
    const bool alive = member.state >= State::prepared && member.state < State::dying;
    if (alive && !member.sandbox->give_cpu(grant)) given_.reset();
  }
  return given_.has_value();
}

}  // namespace marea::engine::local
