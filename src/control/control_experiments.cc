// Experiments: begun and ended by people, by their date, by guardrails and by deploys. A service has a release or an
// experiment, never both: releases win (docs/decisions/0052.md). Each change is stored before routes follow it; what
// was counted is stored now and then, since router tells all of it again.
#include <algorithm>
#include <ranges>
#include <utility>

#include "control/apply.h"
#include "control/control.h"
#include "control/experiment_form.h"

namespace marea::control {
namespace {

constexpr int kExperimentSalt = 16;

std::unexpected<Refusal> not_stored(base::Error error) {
  return std::unexpected<Refusal>(Refusal{.error = std::move(error), .faults = {}});
}

// What may change while it runs: data of other arms or other outcomes would be another experiment's.
model::ExperimentSpec without_ends(model::ExperimentSpec spec) {
  spec.ends_unix_ns = 0;
  spec.deploys = {};
  spec.breach = {};
  return spec;
}

std::string end_command(const std::string& name) {
  return "marea experiments end " + name;
}

}  // namespace

void Control::load_experiments(store::Contents& contents) {
  for (store::ExperimentRecord& record : contents.experiments) {
    auto data = experiment_from_text(record.data);
    if (!data) {
      log_(base::Severity::error, "what an experiment counted cannot be read; it begins anew",
           {{"experiment", record.spec.name}, {"why", data.error().why}});
    }
    const std::string name = record.spec.name;
    experiments_.emplace(name, ExperimentEntry(std::move(record), data ? *std::move(data) : decide::ExperimentData{}));
  }
  experiment_timer_.arm_in(kExperimentLook);
}

const ExperimentEntry* Control::running_experiment(const base::ServiceName& service) const {
  for (const auto& [name, entry] : experiments_) {
    if (entry.running() && entry.spec().service == service) return &entry;
  }
  return nullptr;
}

// By what users keep their arm, where the experiment does not say it: as in releases of the service. One that runs goes
// on as it began.
model::StickyRule Control::experiment_stickiness(const PutExperiment& command) const {
  const model::ExperimentSpec& spec = command.document.spec;
  const model::Json& document = command.document.document;
  const auto said = document.find("spec");
  if (said != document.end() && said->contains("sticky") && (*said)["sticky"].is_string()) return spec.sticky;
  if (const auto known = experiments_.find(spec.name); known != experiments_.end()) return known->second.spec().sticky;
  const auto service = services_.find(spec.service);
  return service == services_.end() ? spec.sticky : sticky_of(service->second.record.service).value_or(spec.sticky);
}

model::Faults Control::faults_of_experiment(const model::Json& document) const {
  PutExperiment wish{.document = {.spec = model::experiment_wish(document), .document = document}};
  wish.document.spec.sticky = experiment_stickiness(wish);
  return experiment_faults(wish.document.spec);
}

// What is wrong with it in this world, each fault at its place. What it does not say, or cannot be read, is none of
// these.
model::Faults Control::experiment_faults(const model::ExperimentSpec& spec) const {
  model::Faults out;
  const auto fault = [&](std::string path, std::string message) {
    out.push_back({.path = std::move(path), .message = std::move(message)});
  };
  const std::int64_t now = loop_.clock().wall().unix_ns;
  if (spec.ends_unix_ns != 0 && spec.ends_unix_ns <= now) {
    fault("spec.ends", model::print_moment(spec.ends_unix_ns) + " is past: it is " + model::print_moment(now));
  }
  if (spec.ends_unix_ns > now + model::kMostExperimentTime.count()) {
    fault("spec.ends", "is more than a year ahead");
  }
  if (spec.service.empty()) return out;
  const auto found = services_.find(spec.service);
  if (found == services_.end() || found->second.record.deleting) {
    fault("spec.service", "there is no service " + spec.service.str());
    return out;
  }
  for (std::size_t i = 0; i < spec.arms.size(); ++i) {
    const base::RevisionName& name = spec.arms[i].revision;
    if (name.empty()) continue;
    const std::string path = "spec.arms[" + std::to_string(i) + "].revision";
    const RevisionState* one = revision(name);
    if (one == nullptr || one->record.revision.service != spec.service) {
      fault(path, "service " + spec.service.str() + " has no revision " + name.str());
    } else if (one->record.result != store::RevisionResult::ready) {
      fault(path, "revision " + name.str() + " is not ready: " +
                      (one->record.result == store::RevisionResult::failed ? "it failed: " + one->record.message
                                                                           : "it is being deployed"));
    }
  }
  const auto rule = sticky_of(found->second.record.service);
  if (rule && rule->by == model::StickyRule::By::off && spec.sticky.by != model::StickyRule::By::header) {
    fault("spec.sticky", "service " + spec.service.str() + " may set no cookie (marea.dev/sticky: off), and without " +
                             "one nobody keeps an arm; name a header that each user sends, such as: header X-Customer");
  }
  return out;
}

// Why it cannot begin or change, beside faults of its own; nothing: it can.
std::optional<Refusal> Control::experiment_conflict(const model::ExperimentSpec& spec) const {
  const auto conflict = [&](std::string why, std::string remedy) {
    return std::optional<Refusal>(control::refuse(base::ErrorCode::conflict, "cannot apply experiment " + spec.name,
                                                  std::move(why), std::move(remedy))
                                      .error());
  };
  if (const auto known = experiments_.find(spec.name); known != experiments_.end()) {
    if (!known->second.running()) {
      return conflict("it has ended, and what it counted is kept", "Choose another name, or delete it first");
    }
    if (without_ends(known->second.spec()) == without_ends(spec)) return std::nullopt;
    return conflict("it runs: only ends, onDeploy and onBreach can change, since what is counted belongs to the rest",
                    "End it (" + end_command(spec.name) + ") and apply the new one under another name");
  }
  if (experiments_.size() >= kMostExperiments) {
    return control::refuse(base::ErrorCode::too_large, "cannot create experiment " + spec.name,
                           "there are " + std::to_string(kMostExperiments) + " already", "Delete one first")
        .error();
  }
  if (const ExperimentEntry* other = running_experiment(spec.service)) {
    return conflict("experiment " + other->spec().name + " runs on service " + spec.service.str(),
                    "End it first: " + end_command(other->spec().name));
  }
  const ServiceState& service = services_.at(spec.service);
  if (!service.releases.empty() && !service.releases.back().over()) {
    return conflict("release " + service.releases.back().record().spec.id + " of service " + spec.service.str() +
                        " runs (" + std::string(to_string(service.releases.back().state().phase)) +
                        "); releases go before experiments",
                    "Wait until it is over, or end it by saying who gets the traffic: marea traffic " +
                        spec.service.str() + " REVISION=100");
  }
  const RevisionState* newest = service.revisions.empty() ? nullptr : &service.revisions.back();
  const bool awaited = std::ranges::any_of(service.record.service.traffic,
                                           [](const auto& target) { return target.latest && target.weight > 0; });
  if (awaited && newest != nullptr && newest->record.result == store::RevisionResult::pending) {
    return conflict("revision " + newest->record.revision.name.str() + " of service " + spec.service.str() +
                        " is being deployed and shall have its traffic; deploys go before experiments",
                    "Wait until it is ready");
  }
  return std::nullopt;
}

store::ExperimentRecord Control::experiment_record(const PutExperiment& command, const model::ExperimentSpec& spec,
                                                   const ExperimentEntry* known) const {
  store::ExperimentRecord out;
  if (known != nullptr) out = known->whole();
  model::Json document = stored_form(command.document.document);
  const model::Json before = known == nullptr ? model::Json() : model::Json::parse(out.document, nullptr, false);
  set_managed_fields(document, command.managed_fields ? &*command.managed_fields : managed_fields(before));
  out.spec = spec;
  // What the service said when it began: the next control reads this document, and users keep their arm.
  document["spec"]["sticky"] = to_string(spec.sticky);
  out.document = document.dump(-1, ' ', false, model::Json::error_handler_t::replace);
  if (known == nullptr) {
    out.created_unix_ns = out.state.began_unix_ns = loop_.clock().wall().unix_ns;
    out.salt = random_.suffix(kExperimentSalt);
  }
  return out;
}

std::expected<Outcome, Refusal> Control::run(const PutExperiment& command) {
  model::ExperimentSpec spec = command.document.spec;
  spec.sticky = experiment_stickiness(command);
  const auto known = experiments_.find(spec.name);
  const bool created = known == experiments_.end();
  if (command.must_be_new && !created) {
    return control::refuse(base::ErrorCode::already_exists,
                           "experiments.marea.dev \"" + spec.name + "\" already exists", {},
                           "Choose another name, or change it with PUT or marea apply");
  }
  if (created || known->second.spec() != spec) {
    if (model::Faults faults = experiment_faults(spec); !faults.empty()) {
      return std::unexpected<Refusal>(
          Refusal{.error = {.code = base::ErrorCode::manifest_invalid, .what = "the experiment has faults"},
                  .faults = std::move(faults)});
    }
    if (auto conflict = experiment_conflict(spec)) return std::unexpected<Refusal>(*std::move(conflict));
  }
  store::ExperimentRecord record = experiment_record(command, spec, created ? nullptr : &known->second);
  ExperimentPut out{.name = spec.name, .created = created, .notices = command.document.notices};
  if (!created && !known->second.running()) {
    out.notices.push_back({.path = "metadata.name",
                           .message = "has ended (" + std::string(to_string(known->second.state().cause)) +
                                      "), and nothing begins anew; for that choose another name, or delete it first"});
  }
  if (command.dry_run) {
    out.would_be = std::move(record);
    return out;
  }
  std::vector<store::Change> changes{record};
  history_.author = {.actor = model::ReleaseActor::person, .who = command.who, .why = {}};
  if (auto done = commit(changes); !done) return not_stored(std::move(done.error()));
  if (created) {
    experiments_.emplace(spec.name, ExperimentEntry(std::move(record), {}));
    log_(base::Severity::info, "an experiment begins", {{"experiment", spec.name}, {"service", spec.service.str()}});
  } else {
    known->second.adopt(std::move(record));
  }
  touch(spec.service);
  return out;
}

bool Control::end_experiment(ExperimentEntry& entry, model::ExperimentEnd cause, std::string detail, std::string who) {
  store::ExperimentRecord record = entry.ended(cause, std::move(detail), std::move(who), loop_.clock().wall());
  if (!write({record})) return false;
  entry.adopt(std::move(record));
  note_experiment_end(entry);
  return true;
}

void Control::note_experiment_end(const ExperimentEntry& entry) {
  const bool harms = entry.state().cause == model::ExperimentEnd::guardrail;
  log_(harms ? base::Severity::warning : base::Severity::info, "an experiment has ended",
       {{"experiment", entry.spec().name},
        {"service", entry.spec().service.str()},
        {"cause", std::string(to_string(entry.state().cause))},
        {"detail", entry.state().detail}});
  touch(entry.spec().service);
}

std::expected<Outcome, Refusal> Control::run(const EndExperiment& command) {
  const auto found = experiments_.find(command.name);
  if (found == experiments_.end()) {
    return control::refuse(base::ErrorCode::not_found, "experiments.marea.dev \"" + command.name + "\" not found");
  }
  if (!found->second.running()) {
    return control::refuse(base::ErrorCode::conflict, "cannot end experiment " + command.name,
                           "it has ended: " + std::string(to_string(found->second.state().cause)),
                           "What it found is shown by: marea experiments describe " + command.name);
  }
  if (!command.promote.empty()) {
    if (auto done = promote_arm(found->second, command); !done) return std::unexpected(std::move(done.error()));
  } else if (!end_experiment(found->second, model::ExperimentEnd::person, command.reason, command.who)) {
    return control::refuse(base::ErrorCode::io, "cannot end experiment " + command.name, "the store did not take it",
                           "Try again in a moment");
  }
  return ExperimentPut{.name = command.name, .created = false, .notices = {}};
}

// The end and the traffic are one commit: nobody is sent to the control in between.
std::expected<void, Refusal> Control::promote_arm(const ExperimentEntry& entry, const EndExperiment& command) {
  const std::string what = "cannot end experiment " + command.name;
  const auto& arms = entry.spec().arms;
  const auto arm = std::ranges::find(arms, command.promote, &model::ExperimentArm::name);
  if (arm == arms.end()) {
    std::string names;
    for (const model::ExperimentArm& each : arms) names += (names.empty() ? "" : ", ") + each.name;
    return control::refuse(base::ErrorCode::usage, what,
                           "it has no arm " + command.promote + "; its arms are " + names);
  }
  ServiceState& service = services_.at(entry.spec().service);
  const auto release = release_facts(service);
  const bool newest =
      status(service).latest_ready == arm->revision.str() && (!release || release->route.weight == model::kWholeWeight);
  const std::string why = "arm " + arm->name + " was promoted" + (command.reason.empty() ? "" : ": " + command.reason);
  return send_all_to(service,
                     {.to = newest ? base::RevisionName() : arm->revision,
                      .what = what,
                      .author = {.actor = model::ReleaseActor::person, .who = command.who, .why = why},
                      .line = {},
                      .ends = entry.ended(model::ExperimentEnd::person, why, command.who, loop_.clock().wall())});
}

std::expected<Outcome, Refusal> Control::run(const DeleteExperiment& command) {
  const auto found = experiments_.find(command.name);
  if (found == experiments_.end()) {
    return control::refuse(base::ErrorCode::not_found, "experiments.marea.dev \"" + command.name + "\" not found");
  }
  std::vector<store::Change> changes;
  if (found->second.running()) {
    changes.emplace_back(
        found->second.ended(model::ExperimentEnd::person, "it was deleted", command.who, loop_.clock().wall()));
  }
  changes.emplace_back(store::DropExperiment{.name = command.name});
  if (auto done = commit(changes); !done) return not_stored(std::move(done.error()));
  const base::ServiceName service = found->second.spec().service;
  experiments_.erase(found);
  touch(service);
  return Deleted{.kind = "experiments", .name = command.name, .uid = {}};
}

// What an apply means to the experiment that runs on the service: nothing, its end, or that the apply is refused.
std::expected<std::optional<store::ExperimentRecord>, Refusal> Control::experiment_before(const model::Service& wanted,
                                                                                          const ServiceState* state,
                                                                                          bool deploys) const {
  const ExperimentEntry* entry = running_experiment(wanted.name);
  if (entry == nullptr || state == nullptr) return std::nullopt;
  const bool moves = state->record.service.traffic != wanted.traffic;
  // A revision that shall get nothing yet changes nothing.
  const bool gets_traffic =
      std::ranges::any_of(wanted.traffic, [](const auto& target) { return target.latest && target.weight > 0; });
  if (!(deploys && gets_traffic) && !moves) return std::nullopt;
  const std::string what = deploys ? "a new revision" : "a change of spec.traffic";
  if (entry->spec().deploys == model::DeployRule::refuse) {
    return control::refuse(
        base::ErrorCode::conflict, "cannot deploy " + wanted.name.str(),
        "experiment " + entry->spec().name + " runs on it and refuses " + what + " (onDeploy: refuse)",
        "End it first: " + end_command(entry->spec().name));
  }
  return entry->ended(model::ExperimentEnd::deploy, what + " came, and releases go before experiments", {},
                      loop_.clock().wall());
}

void Control::adopt_experiment(store::ExperimentRecord record) {
  ExperimentEntry& entry = experiments_.at(record.spec.name);
  entry.adopt(std::move(record));
  note_experiment_end(entry);
}

void Control::forget_experiments(const base::ServiceName& service) {
  std::erase_if(experiments_, [&](const auto& each) { return each.second.spec().service == service; });
}

void Control::on_experiment_counts(const model::ExperimentCounts& counts) {
  for (auto& [name, entry] : experiments_) {
    if (!entry.running() || entry.route_id() != counts.experiment) continue;
    if (!entry.count(counts, loop_.clock().wall())) return;
    uncounted_.insert(name);
    changed(entry.spec().service);
    act_on_breach(entry);
    return;
  }
}

void Control::act_on_breach(ExperimentEntry& entry) {
  const auto breach = decide::breach_of(entry.data(), entry.spec());
  if (!breach) return;
  const std::string& arm = entry.spec().arms[breach->arm].name;
  const std::string metric(to_string(breach->metric));
  if (entry.spec().breach == model::BreachRule::end) {
    end_experiment(entry, model::ExperimentEnd::guardrail, "arm " + arm + " harms users: " + metric, {});
  } else if (entry.warn_once()) {
    log_(
        base::Severity::warning, "an arm of an experiment harms users, and the experiment goes on (onBreach: warn)",
        {{"experiment", entry.spec().name}, {"service", entry.spec().service.str()}, {"arm", arm}, {"metric", metric}});
  }
}

// Those whose time is over end, and what was counted is stored.
void Control::look_at_experiments() {
  const std::int64_t now = loop_.clock().wall().unix_ns;
  for (auto& [name, entry] : experiments_) {
    if (!entry.running()) continue;
    const auto gone = std::ranges::find_if(entry.spec().arms, [&](const model::ExperimentArm& arm) {
      const RevisionState* one = revision(arm.revision);
      return one == nullptr || one->record.result != store::RevisionResult::ready;
    });
    if (gone != entry.spec().arms.end()) {
      end_experiment(entry, model::ExperimentEnd::arm_gone,
                     "revision " + gone->revision.str() + " of arm " + gone->name + " cannot serve any more", {});
    } else if (entry.spec().ends_unix_ns <= now) {
      end_experiment(entry, model::ExperimentEnd::date, "its end has come", {});
    } else {
      act_on_breach(entry);  // also what the store did not take when the news came
    }
  }
  if (!uncounted_.empty() && loop_.now() >= experiments_stored_ + kExperimentStored) {
    std::vector<store::Change> changes;
    for (const std::string& name : uncounted_) {
      const auto found = experiments_.find(name);
      if (found != experiments_.end() && found->second.running()) changes.emplace_back(found->second.whole());
    }
    if (changes.empty() || write(std::move(changes))) {
      uncounted_.clear();
      experiments_stored_ = loop_.now();
    }
  }
  experiment_timer_.arm_in(kExperimentLook);
}

}  // namespace marea::control
