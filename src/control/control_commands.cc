// The commands: what a person or a tool asks for, checked, stored, and begun.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/crash_point.h"
#include "control/control.h"
#include "control/traffic_faults.h"

namespace marea::control {
namespace {

constexpr int kSuffixLength = 3;  // as gcloud and Knative: NAME-00001-abc

// RFC 9562 version 4.
std::string make_uid(base::Random& random) {
  const std::uint64_t a = random.next();
  const std::uint64_t b = random.next();
  std::array<char, 37> text{};
  std::snprintf(text.data(), text.size(), "%08x-%04x-4%03x-%04x-%012llx", static_cast<unsigned>(a >> 32U),
                static_cast<unsigned>((a >> 16U) & 0xFFFFU), static_cast<unsigned>(a & 0xFFFU),
                static_cast<unsigned>(0x8000U | ((b >> 48U) & 0x3FFFU)),
                static_cast<unsigned long long>(b & 0xFFFF'FFFF'FFFFULL));
  return text.data();
}

std::unexpected<Refusal> not_found(const std::string& kind, const std::string& name) {
  return refuse(base::ErrorCode::not_found, kind + " \"" + name + "\" not found");
}

// Kubernetes' own word for it (kubectl annotate, "well-known annotations").
constexpr const char* kChangeCause = "kubernetes.io/change-cause";

std::string change_cause(const model::Service& service) {
  for (const auto* annotations : {&service.revision_template.annotations, &service.annotations}) {
    if (const auto why = annotations->find(kChangeCause); why != annotations->end()) return why->second;
  }
  return {};
}

// Without a name it may have been anybody. A cause that was there before is that of an earlier change.
Author author_of(const std::string& who, const model::Service* wanted = nullptr, const ServiceState* state = nullptr) {
  Author out{.actor = model::ReleaseActor::person, .who = who, .why = {}};
  if (wanted != nullptr) out.why = change_cause(*wanted);
  if (state != nullptr && out.why == change_cause(state->record.service)) out.why.clear();
  return out;
}

std::unexpected<Refusal> refuse(base::Error error) {
  return std::unexpected<Refusal>(Refusal{.error = std::move(error), .faults = {}});
}

std::vector<const store::RevisionRecord*> stored_revisions(const ServiceState* service) {
  std::vector<const store::RevisionRecord*> out;
  if (service == nullptr) return out;
  for (const RevisionState& one : service->revisions) out.push_back(&one.record);
  return out;
}

std::unexpected<Refusal> bad_manifest(model::Faults faults) {
  return std::unexpected<Refusal>(
      Refusal{.error = {.code = base::ErrorCode::manifest_invalid, .what = "the manifest has faults"},
              .faults = std::move(faults)});
}

void append(model::Faults& faults, model::Faults more) {
  faults.insert(faults.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

Control::Ticket Control::execute(Command command, Observer observer) {
  if (const auto* build = std::get_if<BuildImage>(&command)) return run(*build, std::move(observer));
  if (const auto* one = std::get_if<ApplyService>(&command)) {
    observer.on_done(run(*one));
  } else if (const auto* revision = std::get_if<DeleteRevision>(&command)) {
    observer.on_done(run(*revision));
  } else if (const auto* instance = std::get_if<DeleteInstance>(&command)) {
    observer.on_done(run(*instance));
  } else if (const auto* move = std::get_if<MoveRelease>(&command)) {
    observer.on_done(run(*move));
  } else if (const auto* answer = std::get_if<AnswerGate>(&command)) {
    observer.on_done(run(*answer));
  } else if (const auto* back = std::get_if<RollBack>(&command)) {
    observer.on_done(run(*back));
  } else if (const auto* put = std::get_if<PutReleasePolicy>(&command)) {
    observer.on_done(run(*put));
  } else if (const auto* drop = std::get_if<DeleteReleasePolicy>(&command)) {
    observer.on_done(run(*drop));
  } else if (const auto* experiment = std::get_if<PutExperiment>(&command)) {
    observer.on_done(run(*experiment));
  } else if (const auto* end = std::get_if<EndExperiment>(&command)) {
    observer.on_done(run(*end));
  } else if (const auto* forget = std::get_if<DeleteExperiment>(&command)) {
    observer.on_done(run(*forget));
  } else if (const auto* service = std::get_if<DeleteService>(&command)) {
    run(*service, std::move(observer.on_done));
  } else if (const auto* images = std::get_if<DeleteImages>(&command)) {
    run(*images, std::move(observer.on_done));
  } else if (const auto* builds = std::get_if<DeleteBuilds>(&command)) {
    run(*builds, std::move(observer.on_done));
  } else {
    run(std::get<NameImage>(command), std::move(observer.on_done));
  }
  return 0;
}

model::Faults Control::host_faults(const model::Service& wanted) const {
  model::Faults out;
  for (const std::string& host : model::all_hosts(wanted)) {
    const auto taken = hosts_.find(host);
    if (taken == hosts_.end() || taken->second == wanted.name) continue;
    const bool of_tag = std::ranges::find(wanted.hosts, host) == wanted.hosts.end();
    out.push_back({.path = of_tag ? "spec.traffic" : "metadata.annotations[\"marea.dev/hosts\"]",
                   .message = "host " + host + " belongs to service " + taken->second.str()});
  }
  return out;
}

// The oldest revisions without any use, as many as make room for one more.
std::vector<store::Change> Control::surplus(const ServiceState* service, const base::RevisionName& stable) const {
  std::vector<store::Change> out;
  if (service == nullptr || service->revisions.size() < kMostRevisionsPerService) return out;
  std::size_t left = service->revisions.size() - kMostRevisionsPerService + 1;
  const std::string keep = status(*service).latest_ready;
  const base::RevisionName known = last_known_stable(service->record.service.name);
  for (const RevisionState& one : service->revisions) {
    if (left == 0) break;
    const base::RevisionName& name = one.record.revision.name;
    const bool named = std::ranges::any_of(service->record.service.traffic,
                                           [&](const auto& target) { return target.revision == name.str(); });
    const bool used = named || name.str() == keep || name == stable || name == known || is_fallback(*service, name) ||
                      one.unrouted_in != 0 || live_instances(name) > 0 || &one == &service->revisions.back() ||
                      std::ranges::find(service->shares, name, &model::RouteShare::revision) != service->shares.end();
    if (used) continue;
    out.emplace_back(store::DropRevision{.name = name});
    --left;
  }
  return out;
}

std::expected<Outcome, Refusal> Control::run(const ApplyService& command) {
  const model::Service& wanted = command.document.service;
  const ServiceState* state = find(wanted.name);
  if (state == nullptr && services_.size() >= kMostServices) {
    return control::refuse(base::ErrorCode::too_large, "cannot create service " + wanted.name.str(),
                           "there are " + std::to_string(kMostServices) + " already", "Delete one first");
  }
  model::Faults faults = host_faults(wanted);
  auto policy = release_policy(state, wanted);
  if (!policy) append(faults, std::move(policy.error().faults));
  append(faults, traffic_faults(*this, traffic_wish(wanted)));
  std::vector<const store::RevisionRecord*> revisions = stored_revisions(state);
  ApplyInput input{.service = state == nullptr ? nullptr : &state->record,
                   .revisions = revisions,
                   .uid = make_uid(random_),
                   .revision_uid = make_uid(random_),
                   .suffix = random_.suffix(kSuffixLength),
                   .now_unix_ns = loop_.clock().wall().unix_ns,
                   .newest_version = store_.resource_version()};
  const base::RevisionName asked(wanted.revision_template.revision_name);
  input.name_taken = !asked.empty() && owners_.contains(asked) && owners_.at(asked) != wanted.name;
  const auto digest_of = [this](const std::string& reference) {
    const auto found = look_up(reference);
    return found ? found->digest : std::string();
  };
  input.image_digest = digest_of(wanted.revision_template.container.image);
  for (const model::Container& sidecar : wanted.revision_template.sidecars) {
    input.sidecar_digests.push_back(digest_of(sidecar.image));
  }
  auto decision = decide_apply(command, input);
  if (!decision && decision.error().faults.empty()) return std::unexpected(std::move(decision.error()));
  if (!decision) append(faults, std::move(decision.error().faults));
  if (!faults.empty()) return bad_manifest(std::move(faults));
  Applied applied{.name = wanted.name, .created = decision->created, .notices = decision->notices};
  ReleasePlan releases = plan_releases(state, wanted, *decision, *policy);
  applied.notices.insert(applied.notices.end(), releases.notices.begin(), releases.notices.end());
  const bool adds = !decision->revisions.empty() && !owners_.contains(decision->revisions.back().revision.name);
  auto experiment = experiment_before(wanted, state, !decision->revisions.empty());  // a retry is a deploy, too
  if (!experiment) return std::unexpected(std::move(experiment.error()));
  if (*experiment) {
    applied.notices.push_back(
        {.path = "spec",
         .message = "ends experiment " + (*experiment)->spec.name + ": " + (*experiment)->state.detail});
  }
  if (command.dry_run) applied.would_be = std::move(decision->service);
  if (command.dry_run || !decision->changed) return applied;
  std::vector<store::Change> dropped;
  if (adds) {
    std::set<std::string> keep(input.sidecar_digests.begin(), input.sidecar_digests.end());
    keep.insert(input.image_digest);
    if (auto room = check_room("deploy " + wanted.name.str(), 0, keep); !room) return refuse(std::move(room.error()));
    dropped = surplus(state, releases.fresh ? releases.fresh->record.spec.stable : base::RevisionName());
  }
  std::vector<store::Change> changes{decision->service};
  changes.insert(changes.end(), decision->revisions.begin(), decision->revisions.end());
  changes.insert(changes.end(), dropped.begin(), dropped.end());
  add_changes(releases, changes);
  if (*experiment) changes.emplace_back(**experiment);
  for (const store::Change& one : dropped) release(*revision(std::get<store::DropRevision>(one).name), changes);
  history_.author = author_of(command.who, &wanted, state);
  if (auto done = commit(changes); !done) return refuse(std::move(done.error()));
  decision->service.resource_version = store_.resource_version();
  for (store::RevisionRecord& one : decision->revisions) one.resource_version = store_.resource_version();
  adopt(std::move(*decision), dropped);
  adopt_releases(wanted.name, std::move(releases));
  if (*experiment) adopt_experiment(**std::move(experiment));
  return applied;
}

// Takes what was stored into memory.
void Control::adopt(ApplyDecision decision, const std::vector<store::Change>& dropped) {
  const base::ServiceName name = decision.service.service.name;
  ServiceState& state = services_[name];
  for (const std::string& host : model::all_hosts(state.record.service)) hosts_.erase(host);
  for (const std::string& host : model::all_hosts(decision.service.service)) hosts_[host] = name;
  state.record = std::move(decision.service);
  for (const store::Change& one : dropped) {
    const base::RevisionName& gone = std::get<store::DropRevision>(one).name;
    std::erase_if(state.revisions, [&](const RevisionState& each) { return each.record.revision.name == gone; });
    owners_.erase(gone);
  }
  for (store::RevisionRecord& one : decision.revisions) {
    if (RevisionState* have = find_revision(one.revision.name)) {
      have->record = std::move(one);
      have->checking = false;
      // A retry is judged by new instances, not by those that failed before.
      instances_.forget_failed(have->record.revision.name);
      continue;
    }
    owners_.emplace(one.revision.name, name);
    state.revisions.push_back({.record = std::move(one), .answered = 0});
  }
  touch(name);
}

std::expected<Outcome, Refusal> Control::run(const DeleteRevision& command) {
  const std::string& name = command.name.str();
  const ServiceState* service = service_of(command.name);
  if (service == nullptr) return not_found("revisions.serving.knative.dev", name);
  const RevisionState* state = revision(command.name);
  const auto in_use = [&](std::string why) {
    return control::refuse(base::ErrorCode::conflict, "cannot delete revision " + name, std::move(why),
                           "Move the traffic to another revision first, or delete the service");
  };
  if (state == &service->revisions.back()) return in_use("it is the newest of its service");
  if (const ExperimentEntry* running = running_experiment(service->record.service.name)) {
    const auto& arms = running->spec().arms;
    if (std::ranges::find(arms, command.name, &model::ExperimentArm::revision) != arms.end()) {
      const std::string& form = running->spec().name;
      return control::refuse(base::ErrorCode::conflict, "cannot delete revision " + name,
                             "experiment " + form + " gives it to users",
                             "End it first: marea experiments end " + form);
    }
  }
  const auto share = std::ranges::find(service->shares, command.name, &model::RouteShare::revision);
  if (share != service->shares.end())
    return in_use(share->weight > 0 ? "it has traffic" : "a tag or a rule leads to it");
  if (std::ranges::any_of(service->record.service.traffic, [&](const auto& one) { return one.revision == name; })) {
    return in_use("spec.traffic names it");
  }
  if (is_fallback(*service, command.name)) return in_use("the release of the newest revision goes back to it");
  if (state->unrouted_in != 0) return in_use("its traffic is still moving away; try again in a moment");
  Deleted deleted{.kind = "revisions", .name = name, .uid = state->record.uid};
  std::vector<store::Change> changes{store::DropRevision{.name = command.name}};
  release(*state, changes);
  if (auto done = commit(changes); !done) return refuse(std::move(done.error()));
  const base::ServiceName owner = service->record.service.name;
  std::erase_if(services_.at(owner).revisions,
                [&](const RevisionState& one) { return one.record.revision.name == command.name; });
  owners_.erase(command.name);
  touch(owner);
  return deleted;
}

std::expected<Outcome, Refusal> Control::run(const DeleteInstance& command) {
  const std::string& id = command.id.str();
  const InstanceEntry* entry = instances_.find(command.id);
  if (entry == nullptr || !is_live(entry->report.state)) return not_found("instances.marea.dev", id);
  if (!engine_.delete_instance(command.id)) {
    return control::refuse(base::ErrorCode::unavailable, "cannot delete instance " + id, "the engine does not answer",
                           "Try again in a moment; marea restarts it by itself");
  }
  return Deleted{.kind = "instances", .name = id, .uid = id};
}

void Control::run(const DeleteService& command, Done done) {
  ServiceState* state = find(command.name);
  if (state == nullptr) {
    done(not_found("services.serving.knative.dev", command.name.str()));
    return;
  }
  if (!state->record.deleting) {
    store::ServiceRecord record = state->record;
    record.deleting = true;
    std::vector<store::Change> changes{record};
    history_.author = author_of(command.who);
    if (auto stored = commit(changes); !stored) {
      done(refuse(std::move(stored.error())));
      return;
    }
    state->record = std::get<store::ServiceRecord>(std::move(changes.front()));
  }
  state->on_deleted.push_back(std::move(done));
  touch(command.name);
}

void Control::finish_delete(base::ServiceName name) {
  ServiceState* state = find(name);
  if (state == nullptr) return;
  std::vector<store::Change> changes{store::DropService{.name = name}};
  for (const RevisionState& one : state->revisions) release(one, changes);
  if (auto done = commit(changes); !done) {
    log_(base::Severity::error, "a deletion could not be stored", {{"error", done.error().line()}});
    state->delete_deadline->arm_in(kStoreRetry);
    return;
  }
  base::crash_point("control.delete.dropped");
  const Deleted deleted{.kind = "services", .name = name.str(), .uid = state->record.uid};
  const std::vector<Done> waiting = std::move(state->on_deleted);
  for (const std::string& host : model::all_hosts(state->record.service)) hosts_.erase(host);
  for (const RevisionState& one : state->revisions) owners_.erase(one.record.revision.name);
  for (const ReleaseEntry& one : state->releases) {
    histories_.erase(one.record().spec.id);
    forget_gate(one.record().spec.id);
  }
  forget_experiments(name);
  services_.erase(name);
  changed(name);
  router_.set(name, std::nullopt, {});
  engine_.set(name, {});
  tick_.arm_in(base::Duration{0});
  for (const Done& done : waiting) done(deleted);
}

std::expected<Outcome, Refusal> Control::name_image(const std::string& name, const model::Image& image, bool given) {
  store::ImageName row{.name = name, .digest = image.digest, .named_unix_ns = loop_.clock().wall().unix_ns};
  store::ImageRecord record{.digest = image.digest, .image = image, .used_unix_ns = row.named_unix_ns};
  if (const auto known = images_.find(image.digest); known != images_.end()) record.given = known->second.given;
  std::erase(record.given, name);
  if (given) record.given.push_back(name);
  std::vector<store::Change> changes{row, record};
  const auto before = names_.find(name);
  if (before != names_.end() && before->second.digest != image.digest) release({before->second.digest}, changes);
  if (auto done = commit(changes); !done) return refuse(std::move(done.error()));
  images_[image.digest] = std::move(record);
  names_[name] = std::move(row);
  return ImageReady{.name = name, .digest = image.digest, .bytes = image.bytes};
}

void Control::run(const NameImage& command, Done done) {
  const base::Result<Lookup> found = look_up(command.digest);
  if (!found) {
    done(refuse(found.error()));
    return;
  }
  if (found->image != nullptr) {
    const model::Image image = *found->image;
    done(name_image(command.name, image));
    return;
  }
  const auto bytes = static_cast<std::uint64_t>(unpacked_guess(found->digest));
  if (auto room = check_room("unpack the image " + command.name, bytes, {found->digest}); !room) {
    done(refuse(std::move(room.error())));
    return;
  }
  make_image(found->digest, {},
             {.reference = command.name,
              .wanted = {},
              .done = [this, name = command.name, done = std::move(done)](const base::Result<model::Image>& image) {
                done(image ? name_image(name, *image) : std::expected<Outcome, Refusal>(refuse(image.error())));
              }});
}

}  // namespace marea::control
