#include "api/views.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/experiment_objects.h"
#include "api/release_objects.h"
#include "base/log.h"

namespace marea::api {
namespace {

constexpr int kServicesPerTurn = 32;            // then requests have their turn
constexpr std::size_t kChangesWithLines = 256;  // lines of older ones are made anew for who is behind

Text text_from(const Json& object) {
  return std::make_shared<const std::string>(object.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Labels labels_of(const Json& metadata) {
  Labels out;
  if (!metadata.contains("labels") || !metadata["labels"].is_object()) return out;
  for (const auto& [key, value] : metadata["labels"].items()) {
    if (value.is_string()) out.emplace_back(key, value.get<std::string>());
  }
  return out;
}

// The condition "Ready", when it is decided.
const Json* decided(const Json& object) {
  if (!object.contains("status") || !object["status"].contains("conditions")) return nullptr;
  for (const Json& condition : object["status"]["conditions"]) {
    if (condition["type"] == "Ready") return condition["status"] == "Unknown" ? nullptr : &condition;
  }
  return nullptr;
}

bool is_bad_news(model::ReleaseEvent event) {
  using enum model::ReleaseEvent;
  return event == rolled_back || event == failed || event == warning || event == common_cause || event == aborted;
}

// "rolled back" becomes "RolledBack", as Kubernetes writes reasons.
std::string camel_case(std::string_view words) {
  std::string out;
  bool first = true;
  for (const char c : words) {
    const bool lower = c >= 'a' && c <= 'z';
    if (c != ' ') out += first && lower ? static_cast<char>(c - 'a' + 'A') : c;
    first = c == ' ';
  }
  return out;
}

std::string member_text(const Json& object, const char* name) {
  return object.contains(name) && object[name].is_string() ? object[name].get<std::string>() : std::string();
}

}  // namespace

Views::Views(net::Loop& loop, control::Control& control, Front front, std::size_t most_changes)
    : loop_(loop), control_(control), front_(front), most_changes_(most_changes), settle_(loop, [this] { turn(); }) {
  for (const auto& [name, service] : control_.services()) dirty_.insert(name);
  dirty_.insert(base::ServiceName());
  control_.on_changed([this](const base::ServiceName& name) {
    dirty_.insert(name);
    if (!settle_.armed()) settle_.arm_in(kSettleAfter);
  });
  settle_.arm_in(kSettleAfter);
  put(Kind::name_space, "default",
      {{"apiVersion", "v1"},
       {"kind", "Namespace"},
       {"metadata",
        {{"name", "default"}, {"uid", "namespace-default"}, {"labels", {{"kubernetes.io/metadata.name", "default"}}}}},
       {"spec", Json::object()},
       {"status", {{"phase", "Active"}}}});
}

Views::~Views() {
  control_.on_changed({});
}

Kind Views::stored_kind(Kind kind) {
  return kind == Kind::configuration || kind == Kind::route ? Kind::service : kind;
}

const std::map<std::string, Shown>& Views::all(Kind kind) const {
  return shown_.at(static_cast<std::size_t>(stored_kind(kind)));
}

const Shown* Views::find(Kind kind, const std::string& name) const {
  const auto& objects = all(kind);
  const auto found = objects.find(name);
  return found == objects.end() ? nullptr : &found->second;
}

Text Views::text_of(Kind kind, const Text& stored) {
  if (stored_kind(kind) == kind) return stored;
  const Json service = Json::parse(*stored, nullptr, false);
  return text_from(kind == Kind::configuration ? configuration_object(service) : route_object(service));
}

void Views::want_pods() {
  if (pods_wanted_) return;
  pods_wanted_ = true;
  for (const auto& [name, service] : control_.services()) dirty_.insert(name);
}

void Views::settle() {
  while (!dirty_.empty()) refresh(dirty_.extract(dirty_.begin()).value());
  settle_.cancel();
  expire_events();
  tell();
}

void Views::turn() {
  for (int i = 0; i < kServicesPerTurn && !dirty_.empty(); ++i) refresh(dirty_.extract(dirty_.begin()).value());
  if (!dirty_.empty()) settle_.arm_in({});
  expire_events();
  tell();
}

void Views::tell() {
  if (dirty_.empty() && loading_) {
    loading_ = false;
    floor_ = version();
    told_ = floor_;
  }
  if (log_.empty() || log_.back().version == told_) return;
  told_ = log_.back().version;
  std::vector<const void*> keys;  // a listener may leave meanwhile
  keys.reserve(listeners_.size());
  for (const auto& [key, callback] : listeners_) keys.push_back(key);
  for (const void* key : keys) {
    const auto found = listeners_.find(key);
    if (found == listeners_.end()) continue;
    const std::function<void()> callback = found->second;
    callback();
  }
}

const Change* Views::next(std::uint64_t after) const {
  const auto found = std::ranges::upper_bound(log_, after, {}, &Change::version);
  return found == log_.end() ? nullptr : &*found;
}

void Views::refresh(const base::ServiceName& name) {
  if (name.empty()) return refresh_policies();
  const auto found = control_.services().find(name);
  if (found == control_.services().end()) return drop_service(name.str());
  const control::ServiceState& service = found->second;
  put(Kind::service, name.str(), service_object(control_, service, front_));
  // Old revisions are many and do not change: only what would look different is made anew.
  Parts& before = parts_[name.str()];
  Parts now;
  for (const control::RevisionState& revision : service.revisions) {
    const std::string& of = revision.record.revision.name.str();
    RevisionFacts facts{.version = revision.record.resource_version, .status = control_.status(service, revision)};
    const auto had = before.revisions.find(of);
    if (had == before.revisions.end() || had->second != facts) {
      put(Kind::revision, of, revision_object(control_, service, revision));
    }
    now.revisions.emplace(of, std::move(facts));
    if (pods_wanted_) refresh_pods(revision, now);
  }
  refresh_releases(service, before, now);
  refresh_experiments(name, before, now);
  for (const auto& [revision, facts] : before.revisions) {
    if (!now.revisions.contains(revision)) remove(Kind::revision, revision);
  }
  for (const std::string& pod : before.pods) {
    if (!now.pods.contains(pod)) remove(Kind::pod, pod);
  }
  before = std::move(now);
}

void Views::refresh_pods(const control::RevisionState& revision, Parts& now) {
  for (const control::InstanceEntry* instance : control_.instances().of(revision.record.revision.name)) {
    if (instance->report.state == model::InstanceState::prepared) continue;  // nothing of it runs
    const std::string& id = instance->report.id.str();
    put(Kind::pod, id, pod_object(revision, *instance));
    now.pods.insert(id);
  }
}

namespace {

// Of a release that went back; of others there is no such list.
std::vector<std::string> changes_until_back(control::Control& control, const control::ReleaseEntry& entry) {
  const model::ReleasePhase phase = entry.state().phase;
  if (phase != model::ReleasePhase::rolled_back && phase != model::ReleasePhase::aborted) return {};
  return control.rollback_report(entry.record().spec.service, entry.record().spec.id);
}

}  // namespace

void Views::refresh_releases(const control::ServiceState& service, const Parts& before, Parts& now) {
  const std::string& owner = service.record.service.name.str();
  const base::RevisionName stable = control_.last_known_stable(service.record.service.name);
  for (const control::ReleaseEntry& entry : service.releases) {
    const std::string& id = entry.record().spec.id;
    const std::span<const store::ReleaseAuditRecord> history = control_.release_history(id);
    ReleaseMark mark{.lines = history.size(), .shown = entry.shown(), .last_known_stable = stable};
    const auto had = before.releases.find(id);
    if (had == before.releases.end() || had->second != mark)
      put(Kind::release, id, release_object(entry, history, stable, changes_until_back(control_, entry)));
    const std::size_t known = had == before.releases.end() ? 0 : had->second.lines;
    if (known < history.size()) add_release_events(owner, history.subspan(known));
    now.releases.emplace(id, std::move(mark));
  }
  for (const auto& [id, mark] : before.releases) {
    if (!now.releases.contains(id)) remove(Kind::release, id);
  }
}

void Views::refresh_experiments(const base::ServiceName& service, const Parts& before, Parts& now) {
  for (const auto& [name, entry] : control_.experiments()) {
    if (entry.spec().service != service) continue;
    const auto had = before.experiments.find(name);
    if (had == before.experiments.end() || had->second != entry.changes()) {
      put(Kind::experiment, name, experiment_object(entry));
    }
    now.experiments.emplace(name, entry.changes());
  }
  for (const auto& [name, changes] : before.experiments) {
    if (!now.experiments.contains(name)) remove(Kind::experiment, name);
  }
}

void Views::refresh_policies() {
  const auto& policies = control_.release_policies();
  std::vector<std::string> gone;
  for (const auto& [name, shown_before] : shown(Kind::release_policy)) {
    if (!policies.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) remove(Kind::release_policy, name);
  for (const auto& [name, record] : policies) put(Kind::release_policy, name, release_policy_object(record));
}

void Views::drop_service(const std::string& name) {
  const auto node = parts_.extract(name);
  if (node.empty()) return;
  for (const std::string& pod : node.mapped().pods) remove(Kind::pod, pod);
  for (const auto& [release, mark] : node.mapped().releases) remove(Kind::release, release);
  for (const auto& [experiment, changes] : node.mapped().experiments) remove(Kind::experiment, experiment);
  for (const auto& [revision, facts] : node.mapped().revisions) remove(Kind::revision, revision);
  remove(Kind::service, name);
}

void Views::put(Kind kind, const std::string& name, Json object) {
  auto& objects = shown(kind);
  auto found = objects.find(name);
  Json& metadata = object["metadata"];
  std::string uid = member_text(metadata, "uid");
  if (found != objects.end() && found->second.uid != uid) {  // deleted and made again
    remove(kind, name);
    found = objects.end();
  }
  if (found != objects.end()) {
    metadata["resourceVersion"] = std::to_string(found->second.version);
    if (*text_from(object) == *found->second.text) return;
  }
  const bool added = found == objects.end();
  const std::uint64_t version = control_.take_version();
  metadata["resourceVersion"] = std::to_string(version);
  Shown next{.version = version, .uid = std::move(uid), .text = text_from(object), .labels = labels_of(metadata)};
  const Json* ready = decided(object);
  if (ready != nullptr)
    next.ready = member_text(*ready, "status") + member_text(*ready, "reason") + member_text(*ready, "message");
  log({.version = version,
       .type = added ? ChangeType::added : ChangeType::modified,
       .kind = kind,
       .name = name,
       .text = next.text,
       .labels = next.labels,
       .labels_before = added ? Labels() : found->second.labels,
       .text_before = added ? Text() : found->second.text});
  const bool news = ready != nullptr && (added || found->second.ready != next.ready);
  objects.insert_or_assign(name, std::move(next));
  if (news && !loading_ && (kind == Kind::service || kind == Kind::revision)) add_event(kind, object, *ready);
}

void Views::remove(Kind kind, const std::string& name) {
  const auto node = shown(kind).extract(name);
  if (node.empty()) return;
  Json last = Json::parse(*node.mapped().text, nullptr, false);
  const std::uint64_t version = control_.take_version();
  last["metadata"]["resourceVersion"] = std::to_string(version);
  log({.version = version,
       .type = ChangeType::deleted,
       .kind = kind,
       .name = name,
       .text = text_from(last),
       .labels = node.mapped().labels,
       .labels_before = {},
       .text_before = {}});
}

void Views::log(Change change) {
  if (loading_) return;
  log_bytes_ += change.text->size();
  log_.push_back(std::move(change));
  if (log_.size() > kChangesWithLines) drop_lines(log_[log_.size() - 1 - kChangesWithLines]);
  while (log_.size() > most_changes_ || log_bytes_ > kMostChangeBytes) {
    log_bytes_ -= log_.front().text->size();
    drop_lines(log_.front());
    floor_ = log_.front().version;
    log_.pop_front();
  }
}

void Views::keep_line(const Change& change, std::string key, Text line) {
  const bool old =
      log_.size() > kChangesWithLines && change.version <= log_[log_.size() - 1 - kChangesWithLines].version;
  if (old || line_bytes_ + line->size() > kMostLineBytes) return;
  const std::size_t size = line->size();
  if (change.lines.emplace(std::move(key), std::move(line)).second) line_bytes_ += size;
}

void Views::drop_lines(const Change& change) {
  for (const auto& [key, line] : change.lines) line_bytes_ -= line->size();
  change.lines.clear();
}

// `object` has become Ready or has failed.
void Views::add_event(Kind kind, const Json& object, const Json& condition) {
  const bool good = condition["status"] == "True";
  const Json& metadata = object["metadata"];
  const std::string of = member_text(metadata, "name");
  put_event(
      kind, metadata,
      {.good = good,
       .reason = good ? "Ready" : member_text(condition, "reason"),
       .message = good ? std::string(info(kind).name) + " " + of + " is ready" : member_text(condition, "message")});
}

void Views::add_release_events(const std::string& service, std::span<const store::ReleaseAuditRecord> lines) {
  if (loading_) return;
  for (const store::ReleaseAuditRecord& line : lines) {
    const model::ReleaseAudit& audit = line.audit;
    std::string by(to_string(audit.actor));
    if (!audit.who.empty()) by = audit.who;
    note(service, {.good = !is_bad_news(audit.event),
                   .reason = "Release" + camel_case(to_string(audit.event)),
                   .message = "release " + line.release + " at " + model::print_weight(audit.weight) + ", by " + by +
                              (audit.why.empty() ? "" : ": " + audit.why)});
  }
}

void Views::note(const std::string& service, EventWords words) {
  const Shown* owner = find(Kind::service, service);
  if (owner == nullptr) return;
  const Json metadata = {{"name", service}, {"uid", owner->uid}, {"resourceVersion", std::to_string(owner->version)}};
  put_event(Kind::service, metadata, std::move(words));
}

void Views::put_event(Kind kind, const Json& metadata, EventWords words) {
  const KindInfo& about = info(kind);
  const std::string of = member_text(metadata, "name");
  const std::int64_t now = loop_.clock().wall().unix_ns;
  const std::string when = base::rfc3339(now);
  std::string name = of + "." + std::to_string(control_.take_version());
  Json involved = {{"kind", about.name}, {"namespace", "default"}, {"name", of}, {"uid", metadata["uid"]}};
  involved["apiVersion"] = about.api_version();
  involved["resourceVersion"] = metadata["resourceVersion"];
  Json event = {{"apiVersion", "v1"},
                {"kind", "Event"},
                {"metadata", {{"name", name}, {"namespace", "default"}, {"uid", name}, {"creationTimestamp", when}}},
                {"involvedObject", std::move(involved)},
                {"reason", std::move(words.reason)},
                {"message", std::move(words.message)},
                {"source", {{"component", "marea"}}},
                {"firstTimestamp", when},
                {"lastTimestamp", when},
                {"count", 1},
                {"type", words.good ? "Normal" : "Warning"}};
  events_.emplace_back(now, name);
  put(Kind::event, name, std::move(event));
}

void Views::expire_events() {
  const std::int64_t oldest = loop_.clock().wall().unix_ns - kEventsKept.count();
  while (!events_.empty() && (events_.size() > kMostEvents || events_.front().first < oldest)) {
    remove(Kind::event, events_.front().second);
    events_.pop_front();
  }
}

}  // namespace marea::api
