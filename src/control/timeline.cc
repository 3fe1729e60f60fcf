#include "control/timeline.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "control/experiment_entry.h"
#include "model/document_fields.h"

namespace marea::control {
namespace {

using model::ReleaseEvent;
using model::TimelineCause;
using model::TimelineLine;

constexpr const char* kSourceCommit = "marea.dev/source-commit";

const store::ReleaseRecord* release_of_canary(const ServiceRecords& records, const base::RevisionName& canary) {
  const auto found = std::ranges::find_if(records.releases | std::views::reverse,
                                          [&](const auto* each) { return each->spec.canary == canary; });
  return found == records.releases.rend() ? nullptr : *found;
}

const store::RevisionRecord* revision_in(const ServiceRecords& records, const base::RevisionName& name) {
  const auto found =
      std::ranges::find_if(records.revisions, [&](const auto* each) { return each->revision.name == name; });
  return found == records.revisions.end() ? nullptr : *found;
}

// As much of a release as decides over shares.
std::optional<ReleaseFacts> release_facts(const ServiceRecords& records) {
  const auto latest = std::ranges::find_if(records.revisions | std::views::reverse, [](const auto* each) {
    return each->result == store::RevisionResult::ready;
  });
  if (latest == records.revisions.rend()) return std::nullopt;
  const store::ReleaseRecord* release = release_of_canary(records, (*latest)->revision.name);
  if (release == nullptr) return std::nullopt;
  const model::ReleaseState& state = release->state;
  return ReleaseFacts{.route = {.id = release->spec.id,
                                .step = static_cast<std::uint32_t>(std::max(0, state.step)),
                                .stable = release->spec.stable,
                                .canary = release->spec.canary,
                                .weight = state.weight},
                      .over = model::is_over(state.phase)};
}

model::ServingWay way_of(const model::RouteRule& rule) {
  const bool to_revision = rule.target == model::MatchTarget::revision;
  return {.name = rule.name, .to = to_revision ? rule.revision.str() : "split"};
}

// What an event means to the history; the lines of one change are told by the weightiest of them.
struct Meaning {
  TimelineCause cause = TimelineCause::release_step;
  int weight = 0;       // 0: it is nobody's cause
  bool always = false;  // also where it changes nothing that serves
};

Meaning meaning_of(ReleaseEvent event) {
  switch (event) {
    case ReleaseEvent::rolled_back:
    case ReleaseEvent::aborted: return {TimelineCause::rolled_back, 5, true};
    case ReleaseEvent::promoted: return {TimelineCause::promoted, 4, true};
    case ReleaseEvent::superseded:
    case ReleaseEvent::failed:
    case ReleaseEvent::done: return {TimelineCause::release_ended, 3, true};
    case ReleaseEvent::advanced:
    case ReleaseEvent::retried: return {TimelineCause::release_step, 2, true};
    case ReleaseEvent::gate_passed:
    case ReleaseEvent::resumed:
    case ReleaseEvent::compared:
    case ReleaseEvent::common_cause: return {TimelineCause::release_step, 1, false};
    case ReleaseEvent::created:
    case ReleaseEvent::gate_opened:
    case ReleaseEvent::holding:
    case ReleaseEvent::paused:
    case ReleaseEvent::verdict:
    case ReleaseEvent::refused:
    case ReleaseEvent::late:
    case ReleaseEvent::warning: return {};
  }
  return {};
}

std::string proof_of(const store::ReleaseRecord& release) {
  const auto left = std::ranges::find_if(release.state.steps | std::views::reverse,
                                         [](const model::ReleaseStepRecord& each) { return each.ended.has_value(); });
  return left == release.state.steps.rend() ? std::string() : std::string(to_string(left->proof));
}

std::string cut(std::string text) {
  if (text.size() <= kMostWhyBytes) return text;
  std::size_t end = kMostWhyBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

class Lines {
 public:
  Lines(const ServiceRecords& before, const ServiceRecords& after, std::span<const store::Change> changes,
        const LineMoment& moment)
      : before_(before),
        after_(after),
        changes_(changes),
        moment_(moment),
        name_((after.service != nullptr ? after.service : before.service)->service.name),
        serving_(serving_of(after)),
        served_(moment.last != nullptr ? moment.last->serving : serving_of(before)) {}

  std::vector<TimelineLine> all() {
    for (const store::ReleaseRecord* each : after_.releases) of_release(*each);
    of_revisions();
    of_service();
    of_experiment();
    if (out_.empty() && serving_ != served_) add({.cause = TimelineCause::found});
    for (TimelineLine& each : out_) {
      each.service = name_;
      each.number = ++number_;
      each.unix_ns = moment_.unix_ns;
      each.why = cut(std::move(each.why));
      each.serving = serving_;
      // Router has nothing to do where nothing changes for it.
      if (serving_ == served_ && moment_.last != nullptr) each.confirmed_unix_ns = moment_.last->confirmed_unix_ns;
    }
    return std::move(out_);
  }

 private:
  void add(TimelineLine line) { out_.push_back(std::move(line)); }

  void of_release(const store::ReleaseRecord& release) {
    const store::ReleaseAuditRecord* told = nullptr;
    Meaning meaning;
    for (const store::Change& each : changes_) {
      const auto* line = std::get_if<store::ReleaseAuditRecord>(&each);
      if (line == nullptr || line->release != release.spec.id) continue;
      const Meaning its = meaning_of(line->audit.event);
      if (its.weight <= meaning.weight) continue;
      told = line;
      meaning = its;
    }
    if (told == nullptr || (!meaning.always && serving_ == served_)) return;
    TimelineLine line{.cause = meaning.cause,
                      .actor = told->audit.actor,
                      .who = told->audit.who,
                      .why = std::string(to_string(told->audit.event)),
                      .revision = release.spec.canary,
                      .release = release.spec.id};
    if (!told->audit.why.empty()) line.why += ": " + told->audit.why;
    const bool goes_on = told->audit.event == ReleaseEvent::advanced || told->audit.event == ReleaseEvent::promoted;
    if (goes_on) line.proof = proof_of(release);
    add(std::move(line));
  }

  void of_revisions() {
    for (const store::RevisionRecord* each : after_.revisions) {
      const base::RevisionName& name = each->revision.name;
      const store::RevisionRecord* was = revision_in(before_, name);
      const store::RevisionResult before = was == nullptr ? store::RevisionResult::pending : was->result;
      if (was == nullptr) {
        asked_ = true;
        TimelineLine line = by_author(TimelineCause::deploy_asked, name);
        line.changed = changed();
        add(std::move(line));
      } else if (before == each->result) {
        continue;
      }
      if (each->result == store::RevisionResult::pending) {
        if (was != nullptr) add(by_author(TimelineCause::deploy_asked, name));  // it is tried again
        continue;
      }
      if (before == each->result) continue;
      TimelineLine line = by_author(TimelineCause::deployed, name);
      if (const TimelineLine* asked = moment_.asked; asked != nullptr && asked->revision == name) {
        line.actor = asked->actor;
        line.who = asked->who;
        line.why = asked->why;
      }
      if (each->result == store::RevisionResult::failed) {
        line.cause = TimelineCause::deploy_failed;
        line.why = each->message;
      }
      add(std::move(line));
    }
  }

  void of_service() {
    if (after_.service == nullptr) return add(by_author(TimelineCause::deleted, {}));
    if (before_.service == nullptr || asked_) return;
    if (after_.service->deleting && !before_.service->deleting) return add(by_author(TimelineCause::deleting, {}));
    if (after_.service->document == before_.service->document) return;
    const bool traffic = after_.service->service.traffic != before_.service->service.traffic;
    // The release's line tells that a rollback by hand wrote it.
    const auto back = std::ranges::find(out_, TimelineCause::rolled_back, &TimelineLine::cause);
    if (traffic && back != out_.end()) return;
    const bool undoes = traffic && !moment_.author.undoes.empty();
    TimelineLine line = by_author(undoes    ? TimelineCause::rolled_back
                                  : traffic ? TimelineCause::traffic
                                            : TimelineCause::configuration,
                                  moment_.author.undoes);
    line.changed = changed();
    if (!line.changed.empty() || serving_ != served_) add(std::move(line));
  }

  // It began or ended: who gets what was changed by it.
  void of_experiment() {
    const store::ExperimentRecord* was = before_.experiment;
    const store::ExperimentRecord* is = after_.experiment;
    if (is != nullptr && (was == nullptr || was->spec.name != is->spec.name)) {
      TimelineLine began = by_author(TimelineCause::traffic, {});
      began.why = "experiment " + is->spec.name + " began";
      add(std::move(began));
    }
    if (was == nullptr || is != nullptr) return;
    TimelineLine line{.cause = TimelineCause::traffic, .why = "experiment " + was->spec.name + " ended"};
    for (const store::Change& each : changes_) {
      const auto* record = std::get_if<store::ExperimentRecord>(&each);
      if (record == nullptr || record->spec.name != was->spec.name) continue;
      line.who = record->state.who;
      if (!line.who.empty()) line.actor = model::ReleaseActor::person;
      line.why += ": " + std::string(to_string(record->state.cause));
      if (!record->state.detail.empty()) line.why += ", " + record->state.detail;
    }
    add(std::move(line));
  }

  TimelineLine by_author(TimelineCause cause, const base::RevisionName& revision) const {
    TimelineLine out{.cause = cause,
                     .actor = moment_.author.actor,
                     .who = moment_.author.who,
                     .why = moment_.author.why,
                     .revision = revision};
    if (const store::ReleaseRecord* release = release_of_canary(after_, revision);
        release != nullptr && !revision.empty()) {
      out.release = release->spec.id;
    }
    return out;
  }

  std::vector<std::string> changed() const {
    if (before_.service == nullptr || after_.service == nullptr) return {};
    const auto fields = [](const store::ServiceRecord& record) {
      return model::service_fields(model::Json::parse(record.document, nullptr, false));
    };
    return model::print_changes(model::differences(fields(*before_.service), fields(*after_.service)),
                                kMostNamedChanges);
  }

  const ServiceRecords& before_;
  const ServiceRecords& after_;
  std::span<const store::Change> changes_;
  const LineMoment& moment_;
  base::ServiceName name_;
  model::Serving serving_;
  model::Serving served_;
  std::int64_t number_ = moment_.last == nullptr ? 0 : moment_.last->number;
  bool asked_ = false;
  std::vector<TimelineLine> out_;
};

}  // namespace

std::set<base::ServiceName> services_in(std::span<const store::Change> changes) {
  std::set<base::ServiceName> out;
  for (const store::Change& each : changes) {
    if (const auto* service = std::get_if<store::ServiceRecord>(&each)) out.insert(service->service.name);
    if (const auto* revision = std::get_if<store::RevisionRecord>(&each)) out.insert(revision->revision.service);
    if (const auto* release = std::get_if<store::ReleaseRecord>(&each)) out.insert(release->spec.service);
    if (const auto* experiment = std::get_if<store::ExperimentRecord>(&each)) out.insert(experiment->spec.service);
    if (const auto* drop = std::get_if<store::DropService>(&each)) out.insert(drop->name);
  }
  return out;
}

namespace {

// In the place of the one that `is_it`, else after all others.
template <class Record>
void put(std::vector<const Record*>& records, const Record& record, auto is_it) {
  const auto known = std::ranges::find_if(records, [&](const Record* each) { return is_it(*each); });
  if (known == records.end()) {
    records.push_back(&record);
  } else {
    *known = &record;
  }
}

}  // namespace

ServiceRecords with_changes(const ServiceRecords& now, std::span<const store::Change> changes,
                            const base::ServiceName& name) {
  ServiceRecords out = now;
  for (const store::Change& each : changes) {
    if (const auto* service = std::get_if<store::ServiceRecord>(&each); service && service->service.name == name) {
      out.service = service;
    } else if (const auto* revision = std::get_if<store::RevisionRecord>(&each);
               revision && revision->revision.service == name) {
      put(out.revisions, *revision, [&](const auto& one) { return one.revision.name == revision->revision.name; });
    } else if (const auto* release = std::get_if<store::ReleaseRecord>(&each);
               release && release->spec.service == name) {
      put(out.releases, *release, [&](const auto& one) { return one.spec.id == release->spec.id; });
    } else if (const auto* experiment = std::get_if<store::ExperimentRecord>(&each);
               experiment && experiment->spec.service == name) {
      const bool runs = experiment->state.phase == model::ExperimentPhase::running;
      const bool known = out.experiment != nullptr && out.experiment->spec.name == experiment->spec.name;
      if (runs) out.experiment = experiment;
      if (!runs && known) out.experiment = nullptr;
    } else if (const auto* gone = std::get_if<store::DropRevision>(&each)) {
      std::erase_if(out.revisions, [&](const auto* one) { return one->revision.name == gone->name; });
    } else if (const auto* over = std::get_if<store::DropRelease>(&each)) {
      std::erase_if(out.releases, [&](const auto* one) { return one->spec.id == over->id; });
    } else if (const auto* drop = std::get_if<store::DropService>(&each); drop && drop->name == name) {
      out = {};
    }
  }
  return out;
}

model::Serving serving_in(const ServiceFacts& facts, const ServiceOutcome& outcome) {
  model::Serving out;
  if (!outcome.route) return out;
  for (const model::RouteShare& share : outcome.route->shares) {
    model::ServingShare& shown = out.shares.emplace_back();
    shown.revision = share.revision;
    shown.weight = share.weight;
    const auto known = std::ranges::find_if(
        facts.revisions, [&](const RevisionFacts& each) { return each.revision->name == share.revision; });
    if (known == facts.revisions.end()) continue;
    shown.digest = known->revision->image.digest;
    const auto& annotations = known->revision->spec.annotations;
    if (const auto commit = annotations.find(kSourceCommit); commit != annotations.end()) shown.commit = commit->second;
  }
  for (const model::TagRoute& tag : outcome.route->tags) {
    out.tags.push_back({.name = tag.host.substr(0, tag.host.find("---")), .to = tag.revision.str()});
  }
  for (const model::RouteRule& rule : outcome.route->rules) out.rules.push_back(way_of(rule));
  if (facts.release && !facts.release->over && !out.shares.empty()) {
    const std::string& id = facts.release->route.id;
    out.release = id.substr(0, id.find('.'));  // without its attempt
    out.step = static_cast<int>(facts.release->route.step);
  }
  return out;
}

model::Serving serving_of(const ServiceRecords& records) {
  if (records.service == nullptr) return {};
  ServiceFacts facts{.service = &records.service->service, .deleting = records.service->deleting};
  for (const store::RevisionRecord* each : records.revisions) {
    facts.revisions.push_back({.revision = &each->revision, .result = each->result, .reason = each->reason});
  }
  facts.release = release_facts(records);
  if (records.experiment != nullptr) facts.experiment = ExperimentEntry(*records.experiment, {}).facts();
  return serving_in(facts, plan_service(facts));
}

std::vector<TimelineLine> lines_for(const ServiceRecords& before, const ServiceRecords& after,
                                    std::span<const store::Change> changes, const LineMoment& moment) {
  if (before.service == nullptr && after.service == nullptr) return {};
  return Lines(before, after, changes, moment).all();
}

TimelineLine found_line(const base::ServiceName& name, model::Serving serving, const LineMoment& moment) {
  return {.service = name,
          .number = moment.last == nullptr ? 1 : moment.last->number + 1,
          .unix_ns = moment.unix_ns,
          .cause = TimelineCause::found,
          .actor = moment.author.actor,
          .who = moment.author.who,
          .why = moment.author.why,
          .serving = std::move(serving)};
}

}  // namespace marea::control
