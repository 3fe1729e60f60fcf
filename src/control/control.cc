#include "control/control.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "control/missing_values.h"
#include "telemetry/log_spool.h"

namespace marea::control {
namespace {

// Numbers that must grow over restarts: the upper half counts the starts.
std::uint64_t first_number(const store::Store& store) {
  constexpr unsigned kEpochShift = 32;
  return store.epoch() << kEpochShift;
}

}  // namespace

Control::Control(World world)
    : loop_(world.loop),
      random_(world.random),
      log_(world.log),
      store_(world.store),
      folders_(std::move(world.folders)),
      router_(loop_, first_number(store_),
              {.on_applied = [this](std::uint64_t) { on_applied(); },
               .on_instance_load = [this](const auto& load) { on_instance_load(load); },
               .on_revision_load = [this](const auto& load) { on_revision_load(load); },
               .on_metrics = [this](const auto& part) { scrape_.take("router", part); },
               .on_release_counts = [this](const auto& counts) { on_release_counts(counts); },
               .on_experiment_counts = [this](const auto& counts) { on_experiment_counts(counts); }}),
      engine_(loop_, first_number(store_),
              {.on_listing =
                   [this] {
                     instances_.begin_listing();
                     usage_.begin_listing();
                   },
               .on_report = [this](const model::InstanceReport& report) { on_report(report); },
               .on_usage = [this](const net::msg::InstanceUsage& account) { on_usage(account); },
               .on_listed = [this] { on_listed(); },
               .on_metrics = [this](const auto& part) { scrape_.take("engine", part); }}),
      logs_(loop_, [this](const auto& part) { scrape_.take("logs", part); }),
      jobs_(loop_, std::move(world.to_keeper), first_number(store_)),
      scrape_(loop_, {{"router", [this](std::uint64_t number) { return router_.ask_metrics(number); }},
                      {"engine", [this](std::uint64_t number) { return engine_.ask_metrics(number); }},
                      {"logs", [this](std::uint64_t number) { return logs_.ask_metrics(number); }}}),
      tick_(loop_, [this] { tick(); }),
      settle_(loop_, [this] { settle_outputs(); }),
      expire_(loop_,
              [this] {
                for (const auto& revision :
                     instances_.expire(loop_.now(), [this](const auto& name) { return is_inspected(name); })) {
                  touch_owner(revision);
                }
                expire_.arm_in(kEndedShown / 4);
              }),
      usage_timer_(loop_, [this] { store_usage(); }),
      release_timer_(loop_, [this] { look_at_releases(); }),
      history_timer_(loop_, [this] { look_at_history(); }),
      version_(std::move(world.version)),
      boot_(std::move(world.boot)),
      experiment_timer_(loop_, [this] { look_at_experiments(); }),
      disk_(std::move(world.disk)),
      most_disk_percent_(world.most_disk_percent),
      limits_(world.limits),
      parts_(folders_.blobs,
             [this](const std::string& digest, const base::Error& why) {
               log_(base::Severity::warning, "a manifest cannot be read, and blobs that may be its image's stay",
                    {{"digest", digest}, {"why", why.line()}});
             }),
      reading_(loop_, [this] { read_parts(); }),
      restoring_(loop_, [this] { restore_images(); }),
      give_up_(std::move(world.give_up)),
      giving_up_(loop_, [this] { give_up_(); }) {}

base::Result<void> Control::start() {
  began_ = loop_.now();
  base::Result<store::Contents> contents = store_.load();
  if (!contents) return base::fail(std::move(contents.error()));
  store_.raise_version(first_number(store_));  // above those of the last life that were not stored
  for (store::ServiceRecord& record : contents->services) {
    const base::ServiceName name = record.service.name;
    for (const std::string& host : model::all_hosts(record.service)) hosts_.emplace(host, name);
    services_[name].record = std::move(record);
    touch(name);
  }
  for (store::RevisionRecord& record : contents->revisions) {
    owners_.emplace(record.revision.name, record.revision.service);
    services_[record.revision.service].revisions.push_back({.record = std::move(record)});
  }
  if (auto opened = open_courier(); !opened) return opened;
  load_releases(*contents);
  load_webhooks(*contents);
  load_experiments(*contents);
  for (store::ImageName& name : contents->names) names_.emplace(name.name, std::move(name));
  for (store::ImageRecord& record : contents->images) images_.emplace(record.digest, std::move(record));
  usage_.load(std::move(contents->usage), std::move(contents->usage_totals), usage_moment());
  note_young_blobs();
  for (const auto& [digest, record] : images_) unread_.push_back(digest);
  reading_.arm_in(base::Duration{0});
  restore_images();
  sweep();
  expire_.arm_in(kEndedShown / 4);
  begin_history(version_, boot_);
  return {};
}

void Control::connect_engine(base::Fd link) {
  if (engine_links_++ > 0) note_event(model::PlatformEventKind::engine_restarted);
  engine_.connect(std::move(link));
}

void Control::connect_logs(base::Fd link) {
  if (logs_links_++ > 0) note_event(model::PlatformEventKind::logs_restarted);
  logs_.connect(std::move(link));
}

void Control::connect_router(base::Fd link) {
  if (router_links_++ > 0) note_event(model::PlatformEventKind::router_restarted);
  instances_.clear_loads();
  for (auto& [name, service] : services_) {
    for (RevisionState& revision : service.revisions) revision.waiting = 0;
  }
  router_.connect(std::move(link));
  tick_.arm_in(base::Duration{0});
}

ServiceState* Control::find(const base::ServiceName& name) {
  const auto found = services_.find(name);
  return found == services_.end() ? nullptr : &found->second;
}

RevisionState* Control::find_revision(const base::RevisionName& name) {
  return const_cast<RevisionState*>(std::as_const(*this).revision(name));
}

const ServiceState* Control::service_of(const base::RevisionName& revision) const {
  const auto owner = owners_.find(revision);
  return owner == owners_.end() ? nullptr : &services_.at(owner->second);
}

const RevisionState* Control::revision(const base::RevisionName& name) const {
  const ServiceState* service = service_of(name);
  if (service == nullptr) return nullptr;
  const auto found = std::ranges::find_if(service->revisions,
                                          [&](const RevisionState& one) { return one.record.revision.name == name; });
  return found == service->revisions.end() ? nullptr : &*found;
}

void Control::touch(const base::ServiceName& service) {
  touched_.insert(service);
  changed(service);
  tick_.arm_in(base::Duration{0});
}

void Control::touch_owner(const base::RevisionName& revision) {
  if (const auto owner = owners_.find(revision); owner != owners_.end()) touch(owner->second);
}

// Every change goes through here, and takes what the history says of it along.
base::Result<void> Control::commit(std::span<store::Change> changes) {
  std::vector<store::Change> lines = history_of(changes);
  base::Result<void> done = store_.commit(changes, lines);
  if (done) {
    keep_history(lines);
  } else {
    note_refused(done.error());
  }
  if (store_.lost() && give_up_ && !giving_up_.armed()) {
    log_(base::Severity::error, "the disk did not take a change; control starts anew", {{"why", done.error().line()}});
    giving_up_.arm_in(kLastAnswers);
  }
  return done;
}

bool Control::write(std::vector<store::Change> changes) {
  if (auto done = commit(changes); !done) {
    log_(base::Severity::error, "a change could not be stored", {{"error", done.error().line()}});
    tick_.arm_in(kStoreRetry);
    return false;
  }
  for (store::Change& change : changes) {
    if (auto* service = std::get_if<store::ServiceRecord>(&change)) {
      if (ServiceState* state = find(service->service.name)) state->record = std::move(*service);
    } else if (auto* revision = std::get_if<store::RevisionRecord>(&change)) {
      if (RevisionState* state = find_revision(revision->revision.name)) state->record = std::move(*revision);
    }
  }
  return true;
}

// Everything that follows from the events of this turn, once.
void Control::tick() {
  const std::set<base::ServiceName> touched = std::exchange(touched_, {});
  for (const base::ServiceName& name : touched) {
    if (ServiceState* service = find(name)) {
      advance(*service);
      advance_release(*service);
      plan(*service);
    }
  }
  // Router first: it must know a revision before the engine opens an instance of it.
  router_.flush();
  base::crash_point("control.routes.sent");
  engine_.flush();
  base::crash_point("control.plan.sent");
  for (const base::ServiceName& name : touched) {
    changed(name);
    const ServiceState* service = find(name);
    if (service == nullptr || !service->record.deleting) continue;
    const bool awaited =
        std::ranges::any_of(service->revisions, [](const RevisionState& one) { return one.waiting > 0; });
    if (routed_without(*service) && !awaited) finish_delete(name);
  }
  drop_unwanted();
  confirm_history();
}

void Control::changed(const base::ServiceName& service) const {
  if (on_changed_) on_changed_(service);
}

// The router has taken in what control said of it last.
bool Control::routed_without(const ServiceState& service) const {
  return router_.connected() && service.routes_version != 0 && router_.applied() >= service.routes_version;
}

void Control::expire_delete(base::ServiceName name) {
  ServiceState* service = find(name);
  if (service != nullptr && routed_without(*service)) {  // those who wait are served, or refused by their own deadline
    service->delete_deadline->arm_in(kDeleteWait);
  } else {
    finish_delete(std::move(name));
  }
}

int Control::live_instances(const base::RevisionName& revision, int* up) const {
  int live = 0;
  for (const InstanceEntry* entry : instances_.of(revision)) {
    live += is_live(entry->report.state) ? 1 : 0;
    if (up != nullptr) *up += is_up(entry->report.state) ? 1 : 0;
  }
  return live;
}

void Control::plan(ServiceState& service) {
  ServiceFacts facts{.service = &service.record.service, .deleting = service.record.deleting};
  const auto shared = [&](const base::RevisionName& name) {
    return std::ranges::find(service.shares, name, &model::RouteShare::revision) != service.shares.end();
  };
  for (RevisionState& one : service.revisions) {
    const base::RevisionName& name = one.record.revision.name;
    if (one.unrouted_in != 0 && router_.applied() >= one.unrouted_in && one.waiting == 0) one.unrouted_in = 0;
    facts.revisions.push_back({.revision = &one.record.revision,
                               .result = one.record.result,
                               .reason = one.record.reason,
                               .checking = one.checking,
                               .routed = shared(name),
                               .releasing = one.unrouted_in != 0,
                               .live = live_instances(name)});
  }
  facts.release = release_facts(service);
  if (const ExperimentEntry* experiment = running_experiment(service.record.service.name)) {
    facts.experiment = experiment->facts();
  }
  facts.experimented = std::ranges::any_of(
      experiments_, [&](const auto& each) { return each.second.spec().service == service.record.service.name; });
  ServiceOutcome outcome = plan_service(facts);
  note_published(service.record.service.name, facts, outcome);
  service.shares = outcome.route ? outcome.route->shares : std::vector<model::RouteShare>();
  service.by_traffic = std::move(outcome.by_traffic);
  service.unmet = std::move(outcome.unmet);
  const base::ServiceName& name = service.record.service.name;
  const bool changed = router_.set(name, std::move(outcome.route), std::move(outcome.revision_routes));
  if (changed || service.routes_version == 0) service.routes_version = router_.pending_version();
  for (RevisionState& one : service.revisions) {
    if (std::ranges::find(outcome.lost, one.record.revision.name) != outcome.lost.end()) {
      one.unrouted_in = router_.pending_version();
    }
    if (shared(one.record.revision.name)) one.unrouted_in = 0;
  }
  engine_.set(name, std::move(outcome.plans));
  if (service.record.deleting && !service.delete_deadline) {
    service.delete_deadline = std::make_unique<net::Timer>(loop_, [this, name] { expire_delete(name); });
    service.delete_deadline->arm_in(kDeleteWait);
  }
}

// Takes the newest revision one step further, when it can go on.
void Control::advance(ServiceState& service) {
  if (service.record.deleting || service.revisions.empty()) return;
  for (RevisionState& one : service.revisions) {
    if (one.record.result != store::RevisionResult::pending) one.checking = false;
  }
  RevisionState& newest = service.revisions.back();
  if (newest.record.result != store::RevisionResult::pending || newest.preparing) return;
  if (const auto missing = describe_missing_values(newest.record.revision)) {
    decide(service, newest, &*missing);
    return;
  }
  if (!newest.checking) prepare_image(service, newest);
  if (newest.checking) judge(service, newest);
}

void Control::begin_check(ServiceState& service, RevisionState& revision) {
  revision.checking = true;
  const base::RevisionName name = revision.record.revision.name;
  const model::Template& spec = revision.record.revision.spec;
  const base::Duration most = start_deadline(spec.container) + model::sidecar_startup_time(spec) + kCheckSlack;
  revision.deadline = std::make_unique<net::Timer>(loop_, [this, name, most] {
    RevisionState* late = find_revision(name);
    if (late == nullptr || !late->checking) return;
    if (!engine_.listed()) {  // nobody could have started it: the time does not count
      late->deadline->arm_in(most);
      return;
    }
    const Failure failure = describe_silence(late->record.revision, most);
    ServiceState& owner = services_.at(owners_.at(name));
    decide(owner, *late, &failure);
    touch(owner.record.service.name);
  });
  revision.deadline->arm_in(most);
  log_(base::Severity::info, "checking that a new revision starts",
       {{"service", service.record.service.name.str()}, {"revision", name.str()}});
}

void Control::judge(ServiceState& service, RevisionState& revision) {
  std::vector<model::InstanceReport> reports;
  const auto entries = instances_.of(revision.record.revision.name);
  reports.reserve(entries.size());
  for (const InstanceEntry* entry : entries) reports.push_back(entry->report);
  const std::optional<Verdict> verdict = judge_start(reports, wanted_for_check(revision.record.revision.spec));
  if (!verdict) return;
  if (verdict->ready) {
    decide(service, revision, nullptr);
    return;
  }
  const InstanceEntry* failed = instances_.find(verdict->failure->id);
  if (failed->failure) decide(service, revision, &*failed->failure);  // else once its output has settled
}

void Control::decide(ServiceState& service, RevisionState& revision, const Failure* failure) {
  store::RevisionRecord record = revision.record;
  record.decided_unix_ns = loop_.clock().wall().unix_ns;
  record.result = failure == nullptr ? store::RevisionResult::ready : store::RevisionResult::failed;
  if (failure != nullptr) {
    record.reason = failure->reason;
    record.code = failure->code;
    record.message = failure->message;
  }
  const std::string name = record.revision.name.str();
  const base::ServiceName owner = service.record.service.name;
  if (!write({service.record, std::move(record)})) {
    touched_.insert(owner);
    return;
  }
  revision.checking = false;
  if (failure == nullptr) {
    log_(base::Severity::info, "a revision is ready", {{"service", owner.str()}, {"revision", name}});
  } else {
    log_(base::Severity::warning, "a revision failed",
         {{"service", owner.str()},
          {"revision", name},
          {"reason", std::string(to_string(failure->reason))},
          {"message", failure->message}});
  }
}

void Control::on_report(const model::InstanceReport& report) {
  note_usage(report);
  instance_counts_.report(report, loop_.now());
  const InstanceEntry* before = instances_.find(report.id);
  const bool failed_before = before != nullptr && before->failure.has_value();
  const bool fails = report.state == model::InstanceState::failed;
  if (fails && failed_before) return;  // told again over a new link
  note_failure(before, report);
  instances_.report(report, loop_.now());
  if (fails) {
    settling_.emplace_back(loop_.now() + kOutputSettles, report.id);
    if (!settle_.armed()) settle_.arm_at(settling_.front().first);
  }
  touch_owner(report.revision);
}

// The last words of an app reach the spool a moment after its end.
void Control::settle_outputs() {
  while (!settling_.empty() && settling_.front().first <= loop_.now()) {
    const base::InstanceId id = settling_.front().second;
    settling_.pop_front();
    const InstanceEntry* entry = instances_.find(id);
    if (entry == nullptr) continue;
    const RevisionState* state = revision(entry->report.revision);
    if (state == nullptr) continue;
    const telemetry::LogSpoolReader spool(folders_.logs + "/" + entry->report.service.str());
    std::vector<std::string> lines;
    telemetry::LogQuery query{.instance = id, .tail = kShownLogLines};
    if (!state->record.revision.spec.sidecars.empty()) query.container = entry->report.container;
    for (telemetry::LogLine& line : spool.tail(query)) {
      lines.push_back(std::move(line.text));
    }
    instances_.set_failure(id, describe_failure(state->record.revision, entry->report, lines));
    touch_owner(entry->report.revision);
  }
  if (!settling_.empty()) settle_.arm_at(settling_.front().first);
}

void Control::on_listed() {
  usage_.finish_listing(usage_moment());
  usage_timer_.arm_in(kUsageBatch);
  for (const base::RevisionName& lost : instances_.finish_listing()) touch_owner(lost);
  // After a restart, the router may still send requests to a revision that lost its share before; it keeps its
  // instances until the router has applied the routes of this life.
  for (auto& [name, service] : services_) {
    for (RevisionState& one : service.revisions) {
      if (live_instances(one.record.revision.name) == 0 || one.unrouted_in != 0) continue;
      const bool ready = one.record.result == store::RevisionResult::ready;
      if (ready) one.unrouted_in = std::max<std::uint64_t>(1, router_.pending_version());
      touch(name);
    }
  }
  tick_.arm_in(base::Duration{0});
}

void Control::on_instance_load(const net::msg::InstanceLoad& load) {
  if (!instances_.set_load(load, loop_.clock().wall().unix_ns)) return;
  if (const InstanceEntry* entry = instances_.find(load.id)) changed(entry->report.service);
}

void Control::on_revision_load(const net::msg::RevisionLoad& load) {
  RevisionState* state = find_revision(load.revision);
  if (state == nullptr) return;
  state->waiting = load.waiting;
  ServiceState& owner = services_.at(owners_.at(load.revision));
  // What came before this control began is not known to be recent. A smaller number: router began anew.
  if (state->answered) {
    const bool anew = load.requests < *state->answered || load.failed < state->failed;
    const std::uint64_t requests = load.requests - (anew ? 0 : *state->answered);
    owner.recent.take(requests, loop_.now());
    const bool compared = owner.burn && owner.releases.back().record().spec.canary == load.revision;
    if (compared) owner.burn->take(requests, load.failed - (anew ? 0 : state->failed), loop_.now());
  }
  state->answered = load.requests;
  state->failed = load.failed;
  const bool shared =
      std::ranges::find(owner.shares, load.revision, &model::RouteShare::revision) != owner.shares.end();
  const bool ready = state->record.result == store::RevisionResult::ready;
  if (load.waiting > 0 && ready && !shared && state->unrouted_in == 0) {
    state->unrouted_in = std::max<std::uint64_t>(1, router_.pending_version());  // they wait for an instance of it
  }
  if (state->unrouted_in != 0 || owner.record.deleting) touch_owner(load.revision);
}

void Control::on_applied() {
  for (const auto& [name, service] : services_) {
    const bool releasing =
        std::ranges::any_of(service.revisions, [](const RevisionState& one) { return one.unrouted_in != 0; });
    if (releasing || service.record.deleting) touch(name);
    if (service.routes_version > applied_ && service.routes_version <= router_.applied()) changed(name);
  }
  applied_ = router_.applied();
  confirm_history();
}

}  // namespace marea::control
