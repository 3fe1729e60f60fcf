// The history of services and of the platform. Every commit passes here and takes its lines with it. What was planned
// is compared with the last line once more before it is published: what no commit explains gets a line all the same, so
// that the history never says something else than what router was told. It is never a reason not to go on: what cannot
// be read or written of it is logged.
#include <algorithm>
#include <ranges>
#include <utility>

#include "control/changes.h"
#include "control/control.h"

namespace marea::control {
namespace {

using model::PlatformEventKind;
using model::TimelineCause;

constexpr std::size_t kMostDetailBytes = 200;  // of an event

// "VERSION BOOT" of the life that an event tells of.
std::string life_of(const std::string& version, const std::string& boot) {
  return boot.empty() ? version : version + " " + boot;
}

std::string version_in(const std::string& life) {
  return life.substr(0, life.find(' '));
}

std::string boot_in(const std::string& life) {
  const std::size_t space = life.find(' ');
  return space == std::string::npos ? std::string() : life.substr(space + 1);
}

}  // namespace

ServiceRecords Control::records_of(const base::ServiceName& name) const {
  ServiceRecords out;
  const auto found = services_.find(name);
  if (found == services_.end()) return out;
  const ServiceState& service = found->second;
  // One that was never stored: its first commit failed.
  if (service.record.service.name.empty()) return out;
  out.service = &service.record;
  for (const RevisionState& each : service.revisions) out.revisions.push_back(&each.record);
  for (const ReleaseEntry& each : service.releases) out.releases.push_back(&each.record());
  if (const ExperimentEntry* experiment = running_experiment(name)) out.experiment = &experiment->record();
  return out;
}

// Null: it cannot be read.
const std::optional<model::TimelineLine>* Control::last_line(const base::ServiceName& name) {
  if (const auto known = history_.last.find(name); known != history_.last.end()) return &known->second;
  auto read = store_.timeline({.service = name, .most = 1});
  if (!read) {
    log_(base::Severity::error, "a history cannot be read", {{"service", name.str()}, {"why", read.error().line()}});
    return nullptr;
  }
  std::optional<model::TimelineLine> last;
  if (!read->lines.empty()) last = std::move(read->lines.back());
  return &history_.last.emplace(name, std::move(last)).first->second;
}

std::vector<store::Change> Control::history_of(std::span<const store::Change> changes) {
  std::vector<store::Change> out;
  const Author author = std::exchange(history_.author, {});
  for (const base::ServiceName& name : services_in(changes)) {
    const std::optional<model::TimelineLine>* last = last_line(name);
    if (last == nullptr) continue;
    std::optional<model::TimelineLine> asked;
    const bool decides = std::ranges::any_of(changes, [&](const store::Change& each) {
      const auto* revision = std::get_if<store::RevisionRecord>(&each);
      return revision != nullptr && revision->result != store::RevisionResult::pending;
    });
    if (decides) {
      auto read = store_.timeline({.service = name, .cause = TimelineCause::deploy_asked, .most = 1});
      if (read && !read->lines.empty()) asked = std::move(read->lines.back());
    }
    const ServiceRecords before = records_of(name);
    const ServiceRecords after = with_changes(before, changes, name);
    std::vector<model::TimelineLine> lines = lines_for(before, after, changes,
                                                       {.author = author,
                                                        .unix_ns = loop_.clock().wall().unix_ns,
                                                        .last = *last ? &**last : nullptr,
                                                        .asked = asked ? &*asked : nullptr});
    for (model::TimelineLine& line : lines) {
      const auto release =
          std::ranges::find(after.releases, line.release, [](const auto* each) { return each->spec.id; });
      const auto revision =
          std::ranges::find(after.revisions, line.revision, [](const auto* each) { return each->revision.name; });
      if (line.cause != TimelineCause::rolled_back) {
        // Nothing went back.
      } else if (release != after.releases.end()) {
        line.report = changes_since(name, (*release)->created_unix_ns);
      } else if (revision != after.revisions.end()) {
        line.report = changes_since(name, (*revision)->revision.created_unix_ns);
      }
      out.emplace_back(store::TimelineRecord{.line = std::move(line)});
    }
  }
  return out;
}

std::vector<std::string> Control::changes_since(const base::ServiceName& service, std::int64_t unix_ns) {
  const auto timeline = store_.timeline({.service = service, .from_unix_ns = unix_ns});
  const auto events = platform_events(unix_ns);
  if (!timeline || !events) return {};
  return report_of(changes_of(timeline->lines, *events));
}

// Whoever is told of a rollback gets the list with it.
void Control::add_report(ReleaseEntry::Next& next) {
  for (decide::ReleaseAction& action : next.actions) {
    auto* notify = std::get_if<decide::Notify>(&action);
    if (notify == nullptr) continue;
    const bool aborted =
        notify->notice == model::ReleaseNotice::ended && next.record.state.phase == model::ReleasePhase::aborted;
    if (notify->notice != model::ReleaseNotice::rolled_back && !aborted) continue;
    const auto report = changes_since(next.record.spec.service, next.record.created_unix_ns);
    if (!report.empty()) notify->text += "\nWhat changed since it began:";
    for (const std::string& line : report) notify->text += "\n- " + line;
  }
}

std::vector<std::string> Control::rollback_report(const base::ServiceName& service, const std::string& release) {
  const auto found = store_.timeline({.service = service, .cause = TimelineCause::rolled_back});
  if (!found) return {};
  for (const model::TimelineLine& line : found->lines | std::views::reverse) {
    if (line.release == release) return line.report;
  }
  return {};
}

// They are stored.
void Control::keep_history(const std::vector<store::Change>& lines) {
  for (const store::Change& each : lines) {
    const model::TimelineLine& line = std::get<store::TimelineRecord>(each).line;
    if (line.cause == TimelineCause::deleted) {
      history_.last.erase(line.service);
    } else {
      history_.last[line.service] = line;
    }
  }
}

void Control::note_published(const base::ServiceName& name, const ServiceFacts& facts, const ServiceOutcome& outcome) {
  const std::optional<model::TimelineLine>* last = last_line(name);
  if (last == nullptr) return;
  model::Serving now = serving_in(facts, outcome);
  if (*last ? (*last)->serving == now : now.shares.empty()) return;
  LineMoment moment{.unix_ns = loop_.clock().wall().unix_ns, .last = *last ? &**last : nullptr};
  std::vector<store::Change> lines{store::TimelineRecord{.line = found_line(name, std::move(now), moment)}};
  if (auto done = store_.commit(lines); !done) {
    log_(base::Severity::error, "a line of a history could not be stored",
         {{"service", name.str()}, {"why", done.error().line()}});
    return;
  }
  keep_history(lines);
}

// Every worker of router serves as the last lines say, but for those whose routes have not gone out yet.
void Control::confirm_history() {
  for (auto& [name, last] : history_.last) {
    const ServiceState* service = find(name);
    if (!last || last->confirmed_unix_ns != 0 || service == nullptr || touched_.contains(name)) continue;
    if (service->routes_version == 0 || service->routes_version > router_.applied()) continue;
    last->confirmed_unix_ns = loop_.clock().wall().unix_ns;
    let_wait(store::TimelineConfirmed{.service = name, .number = last->number, .unix_ns = last->confirmed_unix_ns});
  }
}

void Control::let_wait(store::Change change) {
  if (history_.waiting.size() >= kMostWaitingLines) history_.waiting.erase(history_.waiting.begin());
  history_.waiting.push_back(std::move(change));
  if (std::exchange(history_.hurried, true)) return;
  history_timer_.arm_in(kHistoryDelay);
}

void Control::note_event(PlatformEventKind kind, std::string detail) {
  detail.resize(std::min(detail.size(), kMostDetailBytes));
  let_wait(store::PlatformEventRecord{
      .event = {.unix_ns = loop_.clock().wall().unix_ns, .kind = kind, .detail = std::move(detail)}});
  store_waiting();
}

void Control::store_waiting() {
  if (history_.waiting.empty()) return;
  std::vector<store::Change> changes = std::exchange(history_.waiting, {});
  const base::Result<void> done = store_.commit(changes);
  if (done) return;
  log_(base::Severity::error, "events could not be stored", {{"why", done.error().line()}});
  history_.waiting = std::move(changes);
}

// A commit did not go to the disk: that is told when one does.
void Control::note_refused(const base::Error& error) {
  const auto same = [](const store::Change& each) {
    const auto* event = std::get_if<store::PlatformEventRecord>(&each);
    return event != nullptr && event->event.kind == PlatformEventKind::store_refused;
  };
  if (std::ranges::any_of(history_.waiting, same)) return;
  std::string detail = error.line().substr(0, kMostDetailBytes);
  let_wait(store::PlatformEventRecord{.event = {.unix_ns = loop_.clock().wall().unix_ns,
                                                .kind = PlatformEventKind::store_refused,
                                                .detail = std::move(detail)}});
}

void Control::look_at_history() {
  history_.hurried = false;
  store_waiting();
  if (loop_.now() - history_.disk_seen >= kDiskLook) {
    history_.disk_seen = loop_.now();
    const DiskUse use = disk();
    const bool full = use.percent() >= most_disk_percent_;
    if (disk_ && full != std::exchange(history_.disk_was_full, full)) {
      note_event(full ? PlatformEventKind::disk_full : PlatformEventKind::disk_free,
                 std::to_string(use.percent()) + " % used, marea fills up to " + std::to_string(most_disk_percent_));
    }
  }
  history_timer_.arm_in(kDiskLook);
}

// What this life finds changed since the last one.
void Control::begin_history(const std::string& version, const std::string& boot) {
  const std::string life = life_of(version, boot);
  if (const auto events = platform_events(0); events) {
    const auto before = std::ranges::find(events->rbegin(), events->rend(), PlatformEventKind::control_started,
                                          &model::PlatformEvent::kind);
    if (before != events->rend()) {
      const std::string was = version_in(before->detail);
      if (boot_in(before->detail) != boot) note_event(PlatformEventKind::machine_started, {});
      if (was != version) note_event(PlatformEventKind::version_changed, "marea " + was + " → " + version);
    }
  } else {
    log_(base::Severity::error, "the platform's events cannot be read", {{"why", events.error().line()}});
  }
  note_event(PlatformEventKind::control_started, life);
  history_timer_.arm_in(kHistoryDelay);
}

base::Result<store::Timeline> Control::timeline(const store::TimelineQuery& query) const {
  return store_.timeline(query);
}

base::Result<std::vector<model::PlatformEvent>> Control::platform_events(std::int64_t from_unix_ns,
                                                                         std::int64_t until_unix_ns) const {
  return store_.platform_events(from_unix_ns, until_unix_ns);
}

}  // namespace marea::control
