// Releases: begun by deploys, moved by time, by what router and engine tell, and by people. Each move is stored before
// routes follow it, so that a control that dies goes on from it. What the judge knows is stored with each move and now
// and then; counts are acknowledged at once, since router tells the next only then and a canary must be found bad
// within a tick. So a control that is killed loses the ticks since (kJudgeStored), and counts none twice.
#include <algorithm>
#include <ranges>
#include <utility>

#include "control/apply.h"
#include "control/control.h"
#include "control/deploy_check.h"
#include "control/judge_form.h"
#include "control/release_seats.h"
#include "decide/release_opinion.h"

namespace marea::control {
namespace {

constexpr int kSaltLength = 16;
constexpr std::size_t kMostNamed = 10;
constexpr const char* kPolicyPath = "metadata.annotations[\"marea.dev/release-policy\"]";
constexpr const char* kTrafficPath = "spec.traffic";
constexpr std::size_t kMostIdBytes = 63;        // a label
constexpr std::size_t kMostStoredAtOnce = 100;  // releases in one commit
constexpr std::size_t kMostCountedKept = 4096;
constexpr const char* kRollbackPath = "spec.template.metadata.annotations[\"marea.dev/rollback\"]";

std::unexpected<Refusal> faulty(const char* path, std::string message) {
  Refusal refusal;
  refusal.error = {.code = base::ErrorCode::manifest_invalid, .what = "the manifest has faults"};
  refusal.faults.push_back({.path = path, .message = std::move(message)});
  return std::unexpected<Refusal>(std::move(refusal));
}

// Who gets the requests is not said by hand.
bool all_to_latest(const model::Service& service) {
  return std::ranges::all_of(service.traffic,
                             [](const model::TrafficTarget& each) { return each.latest || each.weight == 0; });
}

bool gives_latest(const model::Service& service) {
  return std::ranges::any_of(service.traffic,
                             [](const model::TrafficTarget& each) { return each.latest && each.weight > 0; });
}

// A release's name is that of its canary, or the first one with a number that nobody has.
template <class Histories>
std::string name_of(const base::RevisionName& canary, const Histories& taken) {
  std::string out = canary.str();
  for (int number = 2; taken.contains(out); ++number) {
    const std::string end = "-r" + std::to_string(number);
    out = canary.str().substr(0, kMostIdBytes - end.size()) + end;
  }
  return out;
}

// The oldest ones beyond the bound, but those that say who serves: that of the newest ready revision, and the newest
// that made a revision the last known stable one.
std::vector<std::string> surplus_releases(const std::vector<ReleaseEntry>& releases, const base::RevisionName& ready) {
  const ReleaseEntry* stable = nullptr;
  const ReleaseEntry* serving = nullptr;
  for (const ReleaseEntry& each : releases) {
    if (each.state().phase == model::ReleasePhase::done) stable = &each;
    if (each.record().spec.canary == ready) serving = &each;
  }
  std::vector<std::string> out;
  for (const ReleaseEntry& each : releases) {
    if (releases.size() - out.size() < kMostReleasesPerService) break;
    if (&each == stable || &each == serving || &each == &releases.back()) continue;
    out.push_back(each.record().spec.id);
  }
  return out;
}

model::InstanceFailureKind kind_of(const model::InstanceReport& report) {
  if (report.reason == model::Reason::out_of_memory) return model::InstanceFailureKind::out_of_memory;
  if (report.reason == model::Reason::liveness_failed) return model::InstanceFailureKind::liveness_failed;
  return model::InstanceFailureKind::crashed;
}

// The first news of its end. What failed before this control's life is told again, and counts no more; engine tells of
// one that it ends itself first as draining.
bool fails_now(const InstanceEntry* before, const model::InstanceReport& report) {
  return report.state == model::InstanceState::failed && before != nullptr && is_live(before->report.state) &&
         !is_machines_own(report.reason);
}

// The deploy's own deadlines hold then, of which a pull's may be longer than any policy allows to prepare.
bool awaits_image(const ServiceState& service) {
  const ReleaseEntry& newest = service.releases.back();
  if (newest.state().phase != model::ReleasePhase::preparing) return false;
  const auto canary = std::ranges::find(service.revisions, newest.record().spec.canary,
                                        [](const RevisionState& one) { return one.record.revision.name; });
  return canary != service.revisions.end() && canary->record.result == store::RevisionResult::pending &&
         !canary->checking;
}

std::vector<ReleaseEntry*> running_releases(std::map<base::ServiceName, ServiceState>& services) {
  std::vector<ReleaseEntry*> out;
  for (auto& [name, service] : services) {
    if (!service.releases.empty() && !service.releases.back().over()) out.push_back(&service.releases.back());
  }
  return out;
}

}  // namespace

void Control::load_releases(store::Contents& contents) {
  for (store::ReleasePolicyRecord& policy : contents.release_policies)
    policies_.emplace(policy.name, std::move(policy));
  for (store::ReleaseAuditRecord& line : contents.release_audits) {
    histories_[line.release].push_back(std::move(line));
  }
  for (store::ReleaseRecord& record : contents.releases) {
    ServiceState* service = find(record.spec.service);
    if (service == nullptr) continue;
    auto judge = judge_from_text(record.judge);
    if (!judge) {
      log_(base::Severity::error, "what the judge of a release knew cannot be read; it begins anew",
           {{"release", record.spec.id}, {"why", judge.error().why}});
    }
    const std::int64_t lines = std::ssize(histories_[record.spec.id]);
    service->releases.emplace_back(std::move(record), judge ? *std::move(judge) : decide::JudgeState{}, lines,
                                   loop_.now());
    service->judge_stored = loop_.now();
  }
  give_seats(running_releases(services_));
  release_timer_.arm_in(kReleaseLook);
}

// What a deploy gets that asks for nothing: a canary if there are requests by which it can be judged. While control has
// not looked on for an hour, all that came before count.
Control::PolicyChoice Control::usual_policy(const ServiceState* state) const {
  if (state == nullptr) return {};
  std::uint64_t requests = state->recent.count(loop_.now());
  std::string when = "within the last hour";
  if (requests < kTrafficToJudge && loop_.now() - began_ < RecentRequests::kSpan) {
    std::uint64_t ever = 0;
    for (const UsageBook::Line& line : usage_.lines(state->record.service.name)) ever += line.bill.requests;
    if (ever > requests) {
      requests = ever;
      when = "so far, and marea has been looking for less than an hour";
    }
  }
  if (requests == 0)
    return {.policy = std::nullopt, .why = "not set: all traffic moves at once, since nobody came " + when};
  const std::string came = std::to_string(requests) + " requests came " + when;
  if (requests < kTrafficToJudge) {
    return {.policy = std::nullopt,
            .why = "not set: all traffic moves at once, since only " + came + ", too few to judge a canary by"};
  }
  return {.policy = model::default_policy(model::ReleaseStrategy::canary),
          .why = "not set: released as a canary, since " + came + "; \"none\" would move all traffic at once"};
}

std::expected<Control::PolicyChoice, Refusal> Control::release_policy(const ServiceState* state,
                                                                      const model::Service& wanted) const {
  const std::string& name = wanted.release_policy;
  PolicyChoice out;
  if (name.empty()) {
    out = usual_policy(state);
  } else if (const auto strategy = model::parse_strategy(name)) {
    out.policy = model::default_policy(*strategy);
  } else if (const auto named = policies_.find(name); named != policies_.end()) {
    out.policy = named->second.policy;
  } else {
    std::string there = R"("none", "canary", "blue-green", "all-at-once")";
    for (const auto& [known, record] : policies_ | std::views::take(kMostNamed)) there += ", \"" + known + "\"";
    if (policies_.size() > kMostNamed) there += " and " + std::to_string(policies_.size() - kMostNamed) + " more";
    return faulty(kPolicyPath, "there is no ReleasePolicy \"" + name + "\"; there are " + there);
  }
  if (const auto until = wanted.revision_template.rollback_until) {
    // Also of a deploy that goes at once, where it is not set: the next one may be a canary.
    const auto ladder = (out.policy ? *out.policy : model::default_policy(model::ReleaseStrategy::canary)).ladder;
    const bool known =
        *until == model::kWholeWeight || std::ranges::find(ladder, *until, &model::LadderStep::weight) != ladder.end();
    if (!known) {
      const std::string whose = name.empty() ? "a canary" : name;
      return faulty(kRollbackPath, (ladder.empty() ? whose + " has no ladder, only promotion; not "
                                                   : "the ladder of " + whose + " has no step ") +
                                       model::print_weight(*until));
    }
    if (out.policy) out.policy->rollback_until = until;
  }
  if (!out.policy) return out;
  // Of a service that may not set a cookie. A policy that says it has the last word.
  const auto own = policies_.find(name);
  if (own == policies_.end() || !says_sticky(own->second)) {
    out.policy->sticky = sticky_of(wanted).value_or(out.policy->sticky);
  }
  if (out.policy->strategy == model::ReleaseStrategy::none) out.policy.reset();
  return out;
}

std::optional<ReleaseFacts> Control::release_facts(const ServiceState& service) const {
  // That of the newest ready revision: while its successor is being checked, the successor's has no say.
  for (auto one = service.revisions.rbegin(); one != service.revisions.rend(); ++one) {
    if (one->record.result != store::RevisionResult::ready) continue;
    for (auto entry = service.releases.rbegin(); entry != service.releases.rend(); ++entry) {
      if (entry->record().spec.canary != one->record.revision.name) continue;
      ReleaseFacts facts = entry->facts();
      facts.warm |= loop_.now() < service.warm_until;
      return facts;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

bool Control::is_fallback(const ServiceState& service, const base::RevisionName& revision) const {
  const auto facts = release_facts(service);
  return facts && facts->route.stable == revision && (!facts->over || facts->route.weight < model::kWholeWeight);
}

// Who serves what the traffic gives the latest revision, once `superseded` is done with the newest release.
base::RevisionName Control::incumbent(const ServiceState& service,
                                      const std::optional<ReleaseEntry::Next>& superseded) const {
  if (!all_to_latest(service.record.service)) {
    // An arm of an experiment is nothing that proved itself.
    const auto most = std::ranges::max_element(service.by_traffic, {}, &model::RouteShare::weight);
    return most == service.by_traffic.end() ? base::RevisionName() : most->revision;
  }
  const auto latest = std::ranges::find(service.revisions | std::views::reverse, store::RevisionResult::ready,
                                        [](const RevisionState& one) { return one.record.result; });
  if (latest == service.revisions.rend()) return {};
  const base::RevisionName& name = latest->record.revision.name;
  const auto facts = release_facts(service);
  if (!facts) return name;
  const bool changes = superseded && superseded->record.spec.canary == name;
  const model::Weight weight = changes ? superseded->record.state.weight : facts->route.weight;
  const bool back = weight == 0 && revision(facts->route.stable) != nullptr;
  return back ? facts->route.stable : name;
}

std::span<const store::ReleaseAuditRecord> Control::release_history(const std::string& id) const {
  const auto found = histories_.find(id);
  if (found == histories_.end()) return {};
  return found->second;
}

ReleaseEntry::Next Control::step(const ReleaseEntry& entry, std::vector<decide::ReleaseInput> inputs) {
  ReleaseEntry::Next next = entry.step(inputs, loop_.now(), loop_.clock().wall(), random_.suffix(kSaltLength));
  add_report(next);
  add_notices(next);
  return next;
}

Control::ReleasePlan Control::plan_releases(const ServiceState* state, const model::Service& wanted,
                                            const ApplyDecision& decision, const PolicyChoice& choice) {
  ReleasePlan out;
  const base::RevisionName canary =
      decision.revisions.empty() ? base::RevisionName() : decision.revisions.back().revision.name;
  const bool adds = !canary.empty() && !owners_.contains(canary);
  const ReleaseEntry* newest = state == nullptr || state->releases.empty() ? nullptr : &state->releases.back();
  const bool by_hand = !all_to_latest(wanted);
  if (newest != nullptr && !newest->over() && (adds || by_hand)) {
    out.running = step(*newest, {adds ? decide::NewerDeploy{.revision = canary}
                                      : decide::NewerDeploy{.revision = {}, .instead = "the traffic was set by hand"}});
  } else if (newest != nullptr && newest->over() && !adds && !by_hand && newest->record().spec.canary == canary &&
             histories_[newest->record().spec.id].size() < kMostReleaseLines) {
    // The same document again: the revision is tried again, and its release with it.
    out.running = step(
        *newest, {decide::OperatorCommand{
                     .act = decide::OperatorAct::retry, .who = {}, .reason = "the same manifest was applied again"}});
  }
  if (!adds) {
    if (newest != nullptr && newest->over() && !by_hand && !out.running) out.notices = kept_from_latest(*state);
    return out;
  }
  const base::RevisionName stable = state == nullptr ? base::RevisionName() : incumbent(*state, out.running);
  if (by_hand && !gives_latest(wanted)) {
    out.notices.push_back({.path = kTrafficPath,
                           .message = canary.str() +
                                      " gets no requests, since revisions are named here; to the latest: " +
                                      "marea traffic " + wanted.name.str() + " --to-latest"});
  }
  if (const auto until = wanted.revision_template.rollback_until) {
    const bool steps = !stable.empty() && !by_hand && choice.policy;
    const std::string when = !steps                          ? "from now on, since all traffic moves at once,"
                             : *until == model::kWholeWeight ? "after its promotion"
                                                             : "after its step of " + model::print_weight(*until);
    out.notices.push_back({.path = kRollbackPath,
                           .message = when + " " + canary.str() +
                                      " is not taken back, by itself or by hand; the way on is a newer deploy then"});
  }
  if (stable.empty() || by_hand) {
    if (!choice.policy || !choice.why.empty()) return out;
    const std::string why = stable.empty() ? "there is no revision to compare with" : "spec.traffic is set by hand";
    out.notices.push_back({.path = kPolicyPath, .message = "has no effect on this deploy: " + why});
    return out;
  }
  if (!choice.why.empty()) out.notices.push_back({.path = kPolicyPath, .message = choice.why});
  if (!choice.policy) return out;
  const model::ReleaseSpec spec{.id = name_of(canary, histories_),
                                .service = wanted.name,
                                .stable = stable,
                                .canary = canary,
                                .policy = *choice.policy};
  out.fresh = ReleaseEntry::begin(spec, random_.suffix(kSaltLength), loop_.now(), loop_.clock().wall());
  add_notices(*out.fresh);
  // Their order is that of this time, also when the wall clock was put back.
  if (newest != nullptr) {
    store::ReleaseRecord& record = out.fresh->record;
    record.created_unix_ns = std::max(record.created_unix_ns, newest->record().created_unix_ns + 1);
  }
  out.dropped = surplus_releases(state->releases, base::RevisionName(status(*state).latest_ready));
  return out;
}

// All traffic is the latest revision's, but its release took it back.
std::vector<model::Fault> Control::kept_from_latest(const ServiceState& service) const {
  const auto facts = release_facts(service);
  if (!facts || !facts->over || facts->route.weight != 0 || revision(facts->route.stable) == nullptr) return {};
  return {{.path = kTrafficPath,
           .message = facts->route.canary.str() + " is the latest revision, and " + facts->route.stable.str() +
                      " gets its requests, since its release did not go through; name " + facts->route.canary.str() +
                      " here, or deploy anew"}};
}

void Control::add_changes(const ReleasePlan& plan, std::vector<store::Change>& changes) {
  for (const auto& next : {plan.running, plan.fresh}) {
    if (!next) continue;
    changes.emplace_back(next->record);
    changes.insert(changes.end(), next->audit.begin(), next->audit.end());
    changes.insert(changes.end(), next->notices.begin(), next->notices.end());
  }
  for (const std::string& id : plan.dropped) changes.emplace_back(store::DropRelease{.id = id});
}

void Control::adopt_releases(const base::ServiceName& name, ReleasePlan plan) {
  ServiceState& service = services_.at(name);
  const auto keep = [&](const ReleaseEntry::Next& next) {
    auto& history = histories_[next.record.spec.id];
    history.insert(history.end(), next.audit.begin(), next.audit.end());
    send_notices(next.notices);
  };
  if (plan.running) {
    keep(*plan.running);
    const auto actions = plan.running->actions;
    service.releases.back().adopt(*std::move(plan.running));
    carry_out(service, actions);
  }
  for (const std::string& id : plan.dropped) {
    histories_.erase(id);
    std::erase_if(service.releases, [&](const ReleaseEntry& each) { return each.record().spec.id == id; });
  }
  if (plan.fresh) {
    keep(*plan.fresh);
    service.releases.emplace_back(plan.fresh->record, decide::JudgeState{}, std::ssize(plan.fresh->audit), loop_.now());
    carry_out(service, plan.fresh->actions);
  }
  service.failed_starts = 0;
}

bool Control::move_release(ServiceState& service, std::vector<decide::ReleaseInput> inputs, std::string* refused) {
  ReleaseEntry& entry = service.releases.back();
  ReleaseEntry::Next next = step(entry, std::move(inputs));
  if (next.urgent) {
    std::vector<store::Change> changes{next.record};
    changes.insert(changes.end(), next.audit.begin(), next.audit.end());
    changes.insert(changes.end(), next.notices.begin(), next.notices.end());
    if (!write(std::move(changes))) {
      touched_.insert(service.record.service.name);
      return false;
    }
    auto& history = histories_[next.record.spec.id];
    history.insert(history.end(), next.audit.begin(), next.audit.end());
    send_notices(next.notices);
  }
  if (refused != nullptr) *refused = next.refused;
  const std::vector<decide::ReleaseAction> actions = std::move(next.actions);
  const bool urgent = next.urgent;
  if (next.record.state.attempt != entry.state().attempt) service.failed_starts = 0;
  const bool back = !entry.over() && model::is_over(next.record.state.phase) && next.record.state.weight == 0;
  if (back) service.warm_until = loop_.now() + kWarmAfterRollback;
  entry.adopt(std::move(next));
  carry_out(service, actions);
  if (urgent) touch(service.record.service.name);
  return true;
}

// What the release waits for and the store already knows.
void Control::advance_release(ServiceState& service) {
  if (service.record.deleting || service.releases.empty() || service.releases.back().over()) return;
  const ReleaseEntry& entry = service.releases.back();
  const RevisionState* canary = revision(entry.record().spec.canary);
  if (canary == nullptr) return;
  if (canary->record.result == store::RevisionResult::ready && !entry.state().ready) {
    move_release(service, {decide::CanaryReady{}});
  } else if (canary->record.result == store::RevisionResult::failed) {
    move_release(service, {decide::CanaryUnavailable{canary->record.message}});
  }
}

void Control::note_failure(const InstanceEntry* before, const model::InstanceReport& report) {
  ServiceState* service = find(report.service);
  if (service == nullptr || service->releases.empty() || service->releases.back().over()) return;
  const model::ReleaseSpec& spec = service->releases.back().record().spec;
  const bool canary = report.revision == spec.canary;
  if (!canary && report.revision != spec.stable) return;
  if (canary && report.state == model::InstanceState::running) service->failed_starts = 0;
  if (!fails_now(before, report)) return;
  if (before->was_up) {
    move_release(*service,
                 {decide::InstanceFailure{.arm = canary ? model::ReleaseArm::canary : model::ReleaseArm::stable,
                                          .kind = kind_of(report),
                                          .detail = report.id.str() + ": " + std::string(to_string(report.reason))}});
    return;
  }
  int up = 0;
  live_instances(spec.canary, &up);
  if (canary && up == 0 && service->releases.back().state().ready && ++service->failed_starts >= kStartsToGiveUp) {
    move_release(*service, {decide::CanaryUnavailable{std::to_string(kStartsToGiveUp) + " starts failed, the last: " +
                                                      std::string(to_string(report.reason))}});
  }
}

void Control::carry_out(ServiceState& service, const std::vector<decide::ReleaseAction>& actions) {
  follow_gate(service);
  const std::string name = service.record.service.name.str();
  for (const decide::ReleaseAction& action : actions) {
    if (const auto* notify = std::get_if<decide::Notify>(&action)) {
      const bool warns =
          notify->notice == model::ReleaseNotice::warning || notify->notice == model::ReleaseNotice::rolled_back;
      log_(warns ? base::Severity::warning : base::Severity::info, "release",
           {{"service", name},
            {"release", service.releases.back().record().spec.id},
            {"notice", std::string(to_string(notify->notice))},
            {"what", notify->text}});
    }
  }
}

// Whose newest release router knows by this id; null: nobody's.
ServiceState* Control::counted(const std::string& route_id) {
  const auto matches = [&](const ServiceState& service) {
    return !service.releases.empty() && service.releases.back().route_id() == route_id;
  };
  if (const auto known = counted_.find(route_id); known != counted_.end()) {
    ServiceState* service = find(known->second);
    if (service != nullptr && matches(*service)) return service;
    counted_.erase(known);
  }
  const auto found = std::ranges::find_if(services_, [&](const auto& each) { return matches(each.second); });
  if (found == services_.end()) return nullptr;
  if (counted_.size() >= kMostCountedKept) counted_.clear();
  counted_[route_id] = found->first;
  return &found->second;
}

bool Control::is_inspected(const base::RevisionName& revision) const {
  const ServiceState* service = service_of(revision);
  if (service == nullptr || service->releases.empty()) return false;
  const ReleaseEntry& newest = service->releases.back();
  const model::ReleasePhase phase = newest.state().phase;
  const bool back = phase == model::ReleasePhase::rolled_back || phase == model::ReleasePhase::failed;
  return back && newest.record().spec.canary == revision;
}

void Control::on_release_counts(const model::ReleaseCounts& counts) {
  bool taken = true;
  ServiceState* service = counted(counts.release);
  if (service != nullptr && service->releases.back().over()) {
    // A person was faster. What the judge would have said is kept beside it, once.
    const auto opinion = service->releases.back().count(counts);
    if (opinion && opinion->verdict == model::ReleaseVerdict::bad) move_release(*service, {*opinion});
  } else if (service != nullptr) {
    ReleaseEntry& entry = service->releases.back();
    const base::Duration objective = entry.record().objective;
    const auto opinion = entry.count(counts);
    if (opinion) taken = move_release(*service, {*opinion});
    if (entry.record().objective != objective) touch(service->record.service.name);
  }
  // Also what nobody judges any more. What the store did not take is told again, and judged again.
  if (taken) router_.acknowledge(counts.release, counts.closed);
}

// Their time passes, and what their judges know is stored: soon where they learnt something, now and then elsewhere.
void Control::look_at_releases() {
  const std::vector<ReleaseEntry*> running = running_releases(services_);
  const base::Duration pace =
      std::max<base::Duration>(kReleaseLook, kReleaseLook * std::ssize(running) / kReleasesShownPerSecond);
  for (ReleaseEntry* each : give_seats(running)) {
    ServiceState& service = services_.at(each->record().spec.service);
    std::vector<store::ReleaseAuditRecord>& history = histories_[each->record().spec.id];
    const bool waits = each->waits_for_seat();
    if (waits && history.size() < kMostReleaseLines) {
      const model::ReleaseAudit told{.event = model::ReleaseEvent::warning, .why = no_seat()};
      ReleaseEntry::Next line = each->note(told, loop_.now(), loop_.clock().wall());
      std::vector<store::Change> changes{line.record};
      changes.insert(changes.end(), line.audit.begin(), line.audit.end());
      if (write(std::move(changes))) {
        history.insert(history.end(), line.audit.begin(), line.audit.end());
        each->adopt(std::move(line));
      }
    }
    if (!waits) move_release(service, {decide::opinion_of(each->judge().verdict())});  // what it knew holds again
    touch(service.record.service.name);
  }
  std::vector<ServiceState*> due;
  std::vector<store::Change> changes;
  for (auto& [name, service] : services_) {
    if (service.warm_until != base::Instant{} && loop_.now() >= service.warm_until) {
      service.warm_until = {};
      touch(name);
    }
    if (service.record.deleting || service.releases.empty() || service.releases.back().over()) continue;
    ReleaseEntry& entry = service.releases.back();
    if (!router_.connected() || awaits_image(service)) {
      entry.skip(loop_.now());  // nobody could be seen
      continue;
    }
    std::vector<decide::ReleaseInput> inputs;
    if (entry.waits_for_seat()) inputs.emplace_back(no_seat_opinion());
    if (!move_release(service, std::move(inputs))) continue;
    look_at_burn(service);
    if (entry.show(loop_.now(), pace)) changed(name);
    if (changes.size() >= kMostStoredAtOnce) continue;
    const bool quiet = entry.judged() == service.judged_stored || entry.state().phase == model::ReleasePhase::watching;
    if (loop_.now() < service.judge_stored + (quiet ? kJudgeStoredInWatch : kJudgeStored)) continue;
    changes.emplace_back(entry.whole());
    due.push_back(&service);
  }
  if (!changes.empty() && write(std::move(changes))) {
    for (ServiceState* service : due) {
      service->judge_stored = loop_.now();
      service->judged_stored = service->releases.back().judged();
    }
  }
  release_timer_.arm_in(kReleaseLook);
}

// A promoted canary without a holdback has nobody beside it: whether it fails too often is asked of its requests alone.
void Control::look_at_burn(ServiceState& service) {
  const ReleaseEntry& entry = service.releases.back();
  const bool alone =
      entry.state().phase == model::ReleasePhase::watching && entry.state().weight == model::kWholeWeight;
  if (!alone) return service.burn.reset();
  if (!service.burn) service.burn = std::make_unique<decide::BurnWindow>();
  const auto availability = entry.record().spec.policy.objectives.availability;
  const auto burn = service.burn->breach(loop_.now(), availability ? 1 - *availability : kUsualBudget);
  const bool told = service.burn_told != base::Instant{} && loop_.now() < service.burn_told + kBetweenComparisons;
  if (!burn || told) return;
  if (move_release(service, {decide::BurnRate{to_string(*burn)}})) service.burn_told = loop_.now();
}

std::expected<Outcome, Refusal> Control::run(const MoveRelease& command) {
  const std::string& name = command.service.str();
  ServiceState* service = find(command.service);
  if (service == nullptr || service->releases.empty()) {
    return control::refuse(base::ErrorCode::not_found, "service " + name + " has no release");
  }
  const std::string what = std::string(to_string(command.command.act)) + " the release of " + name;
  const std::string id = service->releases.back().record().spec.id;
  const bool again = command.command.act == decide::OperatorAct::retry;
  const bool more = again || command.command.act == decide::OperatorAct::pause;  // what a script could repeat for ever
  if (more && histories_[id].size() >= kMostReleaseLines) {
    return control::refuse(base::ErrorCode::too_large, "cannot " + what,
                           "its history has " + std::to_string(kMostReleaseLines) + " lines", "Deploy anew");
  }
  if (!command.release.empty() && command.release != id) {
    return control::refuse(base::ErrorCode::conflict,
                           "cannot " + std::string(to_string(command.command.act)) + " " + command.release,
                           "release " + id + " of the same service came after it", "Use that one");
  }
  if (again) {
    const model::ReleaseSpec& spec = service->releases.back().record().spec;
    const RevisionState* stable = revision(spec.stable);
    if (status(*service).latest_ready != spec.canary.str() || stable == nullptr ||
        stable->record.result != store::RevisionResult::ready) {
      return control::refuse(base::ErrorCode::conflict, "cannot " + what,
                             "its canary " + spec.canary.str() + " is not the newest ready revision, or " +
                                 spec.stable.str() + " is not ready any more",
                             "Deploy it anew");
    }
    if (!all_to_latest(service->record.service)) {
      return control::refuse(base::ErrorCode::conflict, "cannot " + what, "spec.traffic names other revisions",
                             "Give the latest one the traffic first: marea traffic " + name + " --to-latest");
    }
  }
  const ExperimentEntry* experiment = running_experiment(command.service);
  if (experiment != nullptr && again) {
    return control::refuse(base::ErrorCode::conflict, "cannot " + what,
                           "experiment " + experiment->spec().name + " runs on the service",
                           "End it first: marea experiments end " + experiment->spec().name);
  }
  std::string refused;
  if (!move_release(*service, {command.command}, &refused)) {
    return control::refuse(base::ErrorCode::io, "cannot " + what, "the store did not take it", "Try again in a moment");
  }
  if (!refused.empty()) {
    return control::refuse(base::ErrorCode::conflict, "cannot " + what, refused,
                           "See where it stands: marea releases describe " + id);
  }
  return ReleaseMoved{.id = id};
}

}  // namespace marea::control
