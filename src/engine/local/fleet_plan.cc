// How many instances of each revision: what the plan wants and router asks for, within maximum and machine.
#include <algorithm>
#include <utility>

#include "engine/local/fleet.h"

namespace marea::engine::local {
namespace {

std::string mebibytes(std::int64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

void Fleet::apply(const model::Plan& plan, Moment moment) {
  if (quiet_by_) return;
  grants_for_ = plan.grants_for;
  granted_until_ = grant_end(moment);
  for (auto& [name, revision] : revisions_) revision.min = revision.max = revision.wanted = 0;
  for (const model::RevisionPlan& each : plan.revisions) {
    FleetRevision& revision = revisions_[each.revision.name];
    take(revision, each.revision, moment);
    revision.min = each.min;
    revision.max = each.max;
    revision.wanted = each.wanted;
    revision.reason = each.reason;
  }
  // Those that shrink make room for those that grow.
  for (auto& [name, revision] : revisions_) shrink(revision, moment);
  for (auto& [name, revision] : revisions_) grow(revision, moment);
  std::erase_if(revisions_, [](const auto& entry) { return entry.second.max == 0 && entry.second.members.empty(); });
}

// A revision never changes; but a deleted service's names may come again with another content, while instances of the
// first still drain.
void Fleet::take(FleetRevision& revision, const model::Revision& content, Moment moment) {
  if (revision.revision && *revision.revision == content) return;
  const bool replaced = static_cast<bool>(revision.revision);
  revision.revision = std::make_shared<const model::Revision>(content);
  if (!replaced) return;
  revision.failures = 0;
  revision.retry_at = revision.rest_until = {};
  revision.backoff.reset();
  revision.rest.reset();
  for (const base::InstanceId& id : revision.members) {
    FleetInstance& instance = instances_.at(id);
    if (instance.serving()) drain(instance, model::Reason::revision_retired, moment);
  }
}

void Fleet::forget_unplanned(const base::RevisionName& name) {
  const auto found = revisions_.find(name);
  if (found->second.max > 0 || !found->second.members.empty()) return;
  hungry_.erase(name);
  revisions_.erase(found);
}

void Fleet::demand(const net::msg::Demand& message, Moment moment) {
  const auto found = revisions_.find(message.revision);
  if (found == revisions_.end() || found->second.max == 0) {
    to_router(net::msg::DemandRefused{message.revision, 0, model::Reason::revision_retired});
    return;
  }
  FleetRevision& revision = found->second;
  if (!granted(moment)) {
    to_router(net::msg::DemandRefused{message.revision, count(revision, &FleetInstance::serving),
                                      model::Reason::grant_expired});
    return;
  }
  if (moment.now < revision.retry_at) {
    tell_failing(revision, moment);
    return;
  }
  revision.demand = message.wanted;
  revision.demand_until = moment.now + kDemandLife;
  revision.demand_reason = message.reason;
  const bool was_short = revision.short_of_room;
  grow(revision, moment);
  const int serving = count(revision, &FleetInstance::serving);
  if (serving >= message.wanted || revision.held_back != HeldBack::no) return;
  if (was_short && revision.short_of_room && has_slot()) ++hits_.memory;  // anew: grow() counts the first time
  const model::Reason reason = revision.short_of_room ? model::Reason::machine_full : model::Reason::max_scale;
  to_router(net::msg::DemandRefused{message.revision, serving, reason});
}

void Fleet::settle(FleetRevision& revision, Moment moment) {
  shrink(revision, moment);
  grow(revision, moment);
}

// Beyond the maximum: first those that no request can be in, then the youngest.
void Fleet::shrink(FleetRevision& revision, Moment moment) {
  const int excess = count(revision, &FleetInstance::serving) - revision.max;
  if (excess <= 0) return;
  std::vector<FleetInstance*> candidates;
  for (const base::InstanceId& id : revision.members) {
    FleetInstance& instance = instances_.at(id);
    if (instance.serving()) candidates.push_back(&instance);
  }
  std::ranges::reverse(candidates);
  std::ranges::stable_partition(candidates, [](const FleetInstance* each) { return each->phase != Phase::running; });
  const model::Reason reason = revision.max == 0 ? model::Reason::revision_retired : model::Reason::max_scale;
  for (int i = 0; i < excess; ++i) drain(*candidates.at(static_cast<std::size_t>(i)), reason, moment);
}

void Fleet::grow(FleetRevision& revision, Moment moment) {
  revision.settled_at = moment.now;
  const bool was_short = std::exchange(revision.short_of_room, false);
  const HeldBack was_held = std::exchange(revision.held_back, HeldBack::no);
  if (moment.now >= revision.demand_until) revision.demand = 0;
  const int asked = std::min(revision.max, revision.demand);
  const int target = std::max(revision.own_wish(), asked);
  int serving = count(revision, &FleetInstance::serving);
  int places = revision.max - count(revision, &FleetInstance::takes_requests);
  for (; serving < target && places > 0 && moment.now >= revision.retry_at; ++serving, --places) {
    const bool for_requests = serving < asked;
    if (!for_requests && moment.now < revision.rest_until) {
      revision.short_of_room = was_short;
      break;
    }
    if (!has_slot() || !has_memory(revision)) {
      revision.short_of_room = true;
      if (!was_short && has_slot()) ++hits_.memory;
      if (revision.members.empty() && !for_requests) report_full(revision, moment);
      break;
    }
    revision.held_back = held_back(revision, moment);
    if (revision.held_back == HeldBack::by_starts && was_held != HeldBack::by_starts) ++hits_.starts;
    if (revision.held_back != HeldBack::no) break;
    const bool for_min = serving < revision.min;
    const model::Reason own = for_min ? model::Reason::min_scale : revision.reason;
    create(revision, serving < revision.own_wish() ? own : revision.demand_reason, moment);
  }
  if (serving >= asked) revision.demand = 0;
  if (revision.short_of_room || revision.held_back != HeldBack::no || serving < revision.own_wish()) {
    hungry_.insert(revision.revision->name);
  } else {
    hungry_.erase(revision.revision->name);
  }
}

void Fleet::create(FleetRevision& revision, model::Reason reason, Moment moment) {
  const base::InstanceId id = new_id(revision.revision->name);
  FleetInstance& instance = instances_[id];
  instance = {.id = id, .slot = free_slot(), .revision = revision.revision};
  instance.created_unix_ns = moment.wall.unix_ns;
  instance.created = moment.now;
  instance.deadline = moment.now + kPrepareTime + model::sidecar_startup_time(revision.revision->spec);
  instance.reason = reason;
  revision.members.push_back(id);
  report(instance, moment);
  actions_.emplace_back(act::Create{.id = id, .slot = instance.slot, .revision = revision.revision});
}

// A deploy check must not wait for ever for memory that is not there: it hears of it as of a failed start.
void Fleet::report_full(FleetRevision& revision, Moment moment) {
  std::int64_t reserved = 0;
  for (const auto& [id, instance] : instances_)
    reserved += model::instance_limits(instance.revision->spec).memory_bytes;
  FleetInstance nobody{.id = new_id(revision.revision->name), .revision = revision.revision};
  nobody.since_unix_ns = nobody.created_unix_ns = moment.wall.unix_ns;
  model::InstanceReport report = report_of(nobody);
  report.state = model::InstanceState::failed;
  report.reason = model::Reason::machine_full;
  report.detail = "its memory limit of " + mebibytes(model::instance_limits(revision.revision->spec).memory_bytes) +
                  " does not fit: " + mebibytes(reserved) + " of " + mebibytes(limits_.memory_bytes) +
                  " are reserved by the limits of " + std::to_string(instances_.size()) + " instances";
  actions_.emplace_back(act::Report{std::move(report)});
  revision.rest_until = moment.now + revision.rest.next();
}

bool Fleet::has_memory(const FleetRevision& revision) const {
  std::int64_t reserved = model::instance_limits(revision.revision->spec).memory_bytes;
  // Others than instances use memory too.
  if (machine_.memory_available >= 0 && machine_.memory_available < reserved + limits_.memory_floor) return false;
  for (const auto& [id, instance] : instances_)
    reserved += model::instance_limits(instance.revision->spec).memory_bytes;
  return reserved <= limits_.memory_bytes;
}

HeldBack Fleet::held_back(const FleetRevision& revision, Moment moment) const {
  int preparing = 0;
  int young = 0;
  for (const auto& [id, instance] : instances_) {
    const bool is_young = moment.now - instance.created < kYoung;
    // Beyond that, sidecars take their time, and others must not wait for them.
    if (instance.phase == Phase::preparing && (is_young || instance.revision->spec.sidecars.empty())) ++preparing;
    const bool starts = instance.phase == Phase::preparing || instance.phase == Phase::starting;
    if (starts && is_young) ++young;
  }
  if (preparing >= limits_.starts) return HeldBack::by_starts;
  const int serving = count(revision, &FleetInstance::serving);
  if (serving == 0 || machine_.cpus == 0 || machine_.busy_permille < kBusyPermille) return HeldBack::no;
  if (revision.cpu_permille >= kBusyByRequests && serving >= kFewPerCpu * machine_.cpus) return HeldBack::by_cpus;
  const int enough = machine_.cpus * (machine_.instances_permille >= kBusyByRequests ? 1 : kMostYoung);
  return young >= enough ? HeldBack::by_cpus : HeldBack::no;
}

std::vector<base::RevisionName> Fleet::those_held_back() const {
  std::vector<base::RevisionName> out;
  for (const base::RevisionName& name : hungry_) {
    if (revisions_.at(name).held_back != HeldBack::no) out.push_back(name);
  }
  return out;
}

void Fleet::used(const base::RevisionName& revision, base::Duration cpu, Moment moment) {
  FleetRevision& seen = revisions_.at(revision);
  const base::Duration passed = moment.now - seen.cpu_at;
  const bool known = passed > base::Duration{0} && passed < kStaleLook && cpu > seen.cpu;
  seen.cpu_permille = known ? static_cast<int>((cpu - seen.cpu) * 1000 / (passed * std::max(1, machine_.cpus))) : 0;
  seen.cpu = cpu;
  seen.cpu_at = moment.now;
}

void Fleet::resume(Moment moment) {
  for (const base::RevisionName& name : std::set<base::RevisionName>(hungry_)) {
    FleetRevision& revision = revisions_.at(name);
    if (revision.held_back != HeldBack::no) grow(revision, moment);
  }
}

void Fleet::machine(const MachineLoad& load, Moment moment) {
  machine_ = load;
  resume(moment);
}

int Fleet::count(const FleetRevision& revision, bool (FleetInstance::*which)() const) const {
  return static_cast<int>(std::ranges::count_if(
      revision.members, [&](const base::InstanceId& id) { return (instances_.at(id).*which)(); }));
}

// In turn, so that what the kernel still cleans up of the last user is not met by the next.
int Fleet::free_slot() {
  while (slots_.at(static_cast<std::size_t>(next_slot_))) next_slot_ = (next_slot_ + 1) % limits_.slots;
  const int slot = next_slot_;
  slots_.at(static_cast<std::size_t>(slot)) = true;
  next_slot_ = (next_slot_ + 1) % limits_.slots;
  return slot;
}

base::InstanceId Fleet::new_id(const base::RevisionName& revision) {
  for (;;) {
    base::InstanceId id(revision.str() + "-" + random_->suffix(5));
    if (!instances_.contains(id)) return id;
  }
}

}  // namespace marea::engine::local
