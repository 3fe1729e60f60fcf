// Writing services and release policies: create, replace, the three kinds of patch, server-side apply.
#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/api.h"
#include "api/experiment_objects.h"
#include "api/field_owners.h"
#include "api/methods.h"
#include "api/patches.h"
#include "api/release_objects.h"
#include "api/who.h"
#include "api/write_options.h"
#include "base/log.h"
#include "control/apply.h"
#include "control/traffic_faults.h"

namespace marea::api {
namespace {

constexpr int kGeneratedLetters = 5;  // as Kubernetes

std::string bare_type(std::string_view type) {
  std::string bare(type.substr(0, type.find(';')));
  while (bare.ends_with(' ')) bare.pop_back();
  std::ranges::transform(bare, bare.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return bare;
}

// What curl and Python's urllib send when nobody said anything is taken for "unknown" and read as what it looks like.
bool is_manifest_type(const std::string& type) {
  constexpr std::array kTypes = {
      "application/json", "application/yaml", "application/x-yaml",       "text/yaml",
      "text/x-yaml",      "text/plain",       "application/octet-stream", "application/x-www-form-urlencoded"};
  return std::ranges::find(kTypes, type) != kTypes.end() || type.ends_with("+json") || type.ends_with("+yaml");
}

constexpr std::string_view kJsonPatch = "application/json-patch+json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kApplyPatch = "application/apply-patch+yaml";

std::optional<net::HttpResponse> wrong_type(const net::HttpRequest& head, const KindInfo& kind) {
  const auto type = head.field("Content-Type");
  const std::string bare = bare_type(type.value_or(""));
  if (head.method == "PATCH") {
    if (bare == kJsonPatch || bare == kMergePatch || bare == kApplyPatch) return std::nullopt;
    return failure(
        415, {.code = base::ErrorCode::invalid_argument,
              .what = "cannot patch a " + std::string(kind.singular) + " with " +
                      (bare.empty() ? "a body of no type" : bare),
              .why = "as for every kind that is no part of Kubernetes itself, the types are " +
                     std::string(kJsonPatch) + ", " + std::string(kMergePatch) + ", " + std::string(kApplyPatch)});
  }
  if (!type || is_manifest_type(bare)) return std::nullopt;
  return failure(415, {.code = base::ErrorCode::invalid_argument,
                       .what = "cannot read a " + std::string(kind.singular) + " of type " + std::string(*type),
                       .remedy = "Send it with Content-Type: application/json or application/yaml"});
}

const Json* metadata_member(const Json& document, const char* name) {
  if (!document.is_object() || !document.contains("metadata") || !document["metadata"].is_object()) return nullptr;
  const auto found = document["metadata"].find(name);
  return found == document["metadata"].end() || found->is_null() ? nullptr : &*found;
}

// Nothing when none is given; a version that no object ever had when it is no number.
std::optional<std::uint64_t> version_in(const Json& document) {
  const Json* found = metadata_member(document, "resourceVersion");
  if (found == nullptr) return std::nullopt;
  if (found->is_number_integer()) return found->get<std::uint64_t>();  // YAML without quotes
  if (!found->is_string()) return 0;
  const auto text = found->get<std::string>();
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (text.empty()) return std::nullopt;
  if (error != std::errc{} || end != text.data() + text.size()) return 0;
  return version;
}

net::HttpResponse other_name(const std::string& name) {
  return failure({.code = base::ErrorCode::manifest_invalid, .what = "the manifest has faults"},
                 {{.path = "metadata.name", .message = "must be \"" + name + "\" as in the path"}});
}

net::HttpResponse too_many_fields(const KindInfo& kind, const std::string& name) {
  return failure(
      422, {.code = base::ErrorCode::manifest_invalid,
            .what = "cannot follow who manages which field of " + std::string(kind.singular) + " " + name,
            .why = "the paths of its fields have more than " + std::to_string(kMostFieldBytes >> 20U) + " MiB together",
            .remedy = "Give it fewer fields, or shorter names in its maps"});
}

net::HttpResponse conflicting(const std::vector<FieldConflict>& conflicts) {
  Json causes = Json::array();
  std::string message =
      "Apply failed with " + std::to_string(conflicts.size()) + " conflict" + (conflicts.size() == 1 ? "" : "s") + ":";
  for (const FieldConflict& one : conflicts) {
    const std::string with = "conflict with \"" + one.manager + "\"";
    causes.push_back({{"reason", "FieldManagerConflict"}, {"message", with}, {"field", one.path}});
    message += " " + with + ": " + one.path + ";";
  }
  message.back() = '.';
  Json status = status_object(409, "Conflict", message + " Take the fields over with force, or leave them out");
  status["details"] = {{"causes", std::move(causes)}};
  return json_response(409, status);
}

Applying applying(Kind kind, const WriteOptions& options, std::int64_t now_unix_ns) {
  return {.manager = options.manager,
          .time = base::rfc3339(now_unix_ns),
          .force = options.force,
          .api_version = info(kind).api_version()};
}

}  // namespace

// POST without a name creates; PUT with one creates or replaces; PATCH changes, or creates when it applies.
net::BodyPlan Api::write(const net::HttpRequest& head, const Target& target) {
  if (auto refused = wrong_type(head, info(target.kind))) return std::move(*refused);
  auto options = write_options(head);
  if (!options) return std::move(options.error());
  return net::WholeBody{
      .most = model::kMostManifestBytes,
      .then = [this, target, options = std::move(*options)](const net::HttpRequest& request, net::Responder responder) {
        auto written = request.method == "PATCH"  ? patched(request, target, options)
                       : request.method == "POST" ? created(request, target, options)
                                                  : replaced(request, target, options);
        if (!written) return responder.send(std::move(written.error()));
        written->who = who_asks(request.peer);
        store(std::move(*written), options, std::move(responder));
      }};
}

OtherFaults Api::other_faults(Kind kind) const {
  return [this, kind](const Json& document) {
    if (kind == Kind::experiment) return world_.control.faults_of_experiment(document);
    if (kind != Kind::service) return model::Faults{};
    return control::traffic_faults(world_.control, control::traffic_wish(document));
  };
}

Api::Write Api::created(const net::HttpRequest& request, const Target& target, const WriteOptions& options) {
  std::expected<Received, net::HttpResponse> received = std::unexpected(net::HttpResponse());
  if (request.body.find("generateName") != std::string::npos) {
    auto value = receive_value(request.body, options);
    if (!value) return std::unexpected(std::move(value.error()));
    const Json* prefix = metadata_member(*value, "generateName");
    if (prefix != nullptr && prefix->is_string() && metadata_member(*value, "name") == nullptr) {
      (*value)["metadata"]["name"] = prefix->get<std::string>() + world_.random.suffix(kGeneratedLetters);
    }
    received = receive(target.kind, std::move(*value), options, other_faults(target.kind));
  } else {
    received = receive(target.kind, request.body, options, other_faults(target.kind));
  }
  if (!received) return std::unexpected(std::move(received.error()));
  return Written{.received = std::move(*received), .must_be_new = true, .expected_version = {}, .managed_fields = {}};
}

Api::Write Api::replaced(const net::HttpRequest& request, const Target& target, const WriteOptions& options) {
  auto received = receive(target.kind, request.body, options, other_faults(target.kind));
  if (!received) return std::unexpected(std::move(received.error()));
  if (received->name() != target.name) return std::unexpected(other_name(target.name));
  return update(target, std::move(*received), options);
}

// As it was written last, with its managedFields; null: there is none.
Json Api::stored_document(const Target& target) const {
  if (target.kind == Kind::service) {
    const auto found = world_.control.services().find(base::ServiceName(target.name));
    if (found == world_.control.services().end()) return {};
    return Json::parse(found->second.record.document, nullptr, false);
  }
  if (target.kind == Kind::experiment) {
    const auto found = world_.control.experiments().find(target.name);
    if (found == world_.control.experiments().end()) return {};
    return Json::parse(found->second.record().document, nullptr, false);
  }
  const auto found = world_.control.release_policies().find(target.name);
  if (found == world_.control.release_policies().end()) return {};
  return Json::parse(found->second.document, nullptr, false);
}

// Of an object that may be there: as the last one who wrote it, unless its fields are managed.
Api::Write Api::update(const Target& target, Received received, const WriteOptions& options) {
  Written out{.received = std::move(received), .expected_version = {}, .managed_fields = {}};
  out.expected_version = version_in(out.received.document());
  const Json before = stored_document(target);
  if (before.is_null()) return out;
  if (const Json* managed = metadata_member(before, "managedFields")) {
    const Json after = control::stored_form(out.received.document());
    if (!fields_fit(after)) return std::unexpected(too_many_fields(info(target.kind), target.name));
    out.managed_fields = updated_fields(*managed, control::stored_form(before), after,
                                        applying(target.kind, options, world_.loop.clock().wall().unix_ns));
  }
  return out;
}

Api::Write Api::patched(const net::HttpRequest& request, const Target& target, const WriteOptions& options) {
  const std::string type = bare_type(*request.field("Content-Type"));
  // A patch may say null; only what is in the object that it makes is judged.
  auto patch = receive_value(request.body, options);
  if (!patch) return std::unexpected(std::move(patch.error()));
  if (type == kApplyPatch) {
    if (!request.parameter("fieldManager")) {
      return std::unexpected(failure({.code = base::ErrorCode::invalid_argument,
                                      .what = "fieldManager is required for apply patch",
                                      .remedy = "Add ?fieldManager=NAME"}));
    }
    return applied(target, std::move(*patch), options);
  }
  views_.settle();
  const std::string& name = target.name;
  const std::string which = std::string(info(target.kind).singular) + " " + name;
  const Shown* shown = views_.find(target.kind, name);
  if (shown == nullptr) return std::unexpected(not_found(info(target.kind).resource(), name));
  Json object = Json::parse(*shown->text, nullptr, false);
  if (type == kMergePatch) {
    apply_merge_patch(object, *patch);
  } else if (auto done = apply_json_patch(object, *patch); !done) {
    return std::unexpected(failure(
        422,
        {.code = base::ErrorCode::invalid_argument, .what = "cannot apply the patch to " + which, .why = done.error()},
        {{.path = "patch", .message = done.error()}}));  // kubectl prints causes only
  }
  auto received = receive(target.kind, std::move(object), options, other_faults(target.kind));
  if (!received) return std::unexpected(std::move(received.error()));
  if (received->name() != name) return std::unexpected(other_name(name));
  // Only a patch is of one object; a whole document may come from another place, with the uid that it had there.
  const Json* uid = metadata_member(received->document(), "uid");
  if (uid != nullptr && *uid != shown->uid) {
    return std::unexpected(failure({.code = base::ErrorCode::conflict,
                                    .what = "cannot change " + which,
                                    .why = "its UID is " + shown->uid + "; that was another one of this name"}));
  }
  return update(target, std::move(*received), options);
}

Api::Write Api::applied(const Target& target, Json wanted, const WriteOptions& options) {
  const std::string& name = target.name;
  if (!wanted.is_object()) wanted = Json::object();
  if (!wanted["metadata"].is_object()) wanted["metadata"] = Json::object();
  if (metadata_member(wanted, "name") == nullptr) wanted["metadata"]["name"] = name;
  if (*metadata_member(wanted, "name") != name) return std::unexpected(other_name(name));
  const std::optional<std::uint64_t> version = version_in(wanted);
  Json live = stored_document(target);
  Json managed;
  if (!live.is_null()) {
    if (const Json* fields = metadata_member(live, "managedFields")) managed = *fields;
    live = control::stored_form(std::move(live));
  }
  wanted = control::stored_form(std::move(wanted));
  if (!fields_fit(wanted) || !fields_fit(live)) return std::unexpected(too_many_fields(info(target.kind), name));
  auto merged = apply_fields(live, managed, wanted, applying(target.kind, options, world_.loop.clock().wall().unix_ns));
  if (!merged) return std::unexpected(conflicting(merged.error()));
  auto received = receive(target.kind, std::move(merged->document), options, other_faults(target.kind));
  if (!received) return std::unexpected(std::move(received.error()));
  return Written{
      .received = std::move(*received), .expected_version = version, .managed_fields = std::move(merged->managed)};
}

// The command that stores it.
std::expected<control::Command, net::HttpResponse> Api::command_of(Written written, const WriteOptions& options) {
  const std::string name = written.received.name();
  if (auto* service = std::get_if<model::ServiceDocument>(&written.received.object)) {
    service->notices = std::move(written.received.notices);
    return control::ApplyService{.document = std::move(*service),
                                 .must_be_new = written.must_be_new,
                                 .expected_version = written.expected_version,
                                 .managed_fields = std::move(written.managed_fields),
                                 .dry_run = options.dry_run,
                                 .who = std::move(written.who)};
  }
  // What is counted changes the version of an experiment every second: it says nothing of who wrote it last.
  if (auto* experiment = std::get_if<model::ExperimentDocument>(&written.received.object)) {
    experiment->notices = std::move(written.received.notices);
    return control::PutExperiment{.document = std::move(*experiment),
                                  .must_be_new = written.must_be_new,
                                  .managed_fields = std::move(written.managed_fields),
                                  .dry_run = options.dry_run,
                                  .who = std::move(written.who)};
  }
  // A policy has no status: the version that is shown is that of its last change.
  views_.settle();
  const Shown* shown = views_.find(Kind::release_policy, name);
  if (!written.must_be_new && written.expected_version) {
    const std::string why = shown == nullptr ? "it does not exist (any more)" : "it was changed since it was read";
    if (shown == nullptr || shown->version != *written.expected_version) {
      return std::unexpected(failure({.code = base::ErrorCode::conflict,
                                      .what = "cannot replace releasepolicy " + name,
                                      .why = why,
                                      .remedy = "Read it again and apply your change to what you get"}));
    }
  }
  auto& policy = std::get<model::ReleasePolicyDocument>(written.received.object);
  policy.notices = std::move(written.received.notices);
  return control::PutReleasePolicy{.document = std::move(policy),
                                   .must_be_new = written.must_be_new,
                                   .managed_fields = std::move(written.managed_fields),
                                   .dry_run = options.dry_run};
}

void Api::store(Written written, const WriteOptions& options, net::Responder responder) {
  auto command = command_of(std::move(written), options);
  if (!command) return responder.send(std::move(command.error()));
  auto kept = std::make_shared<net::Responder>(std::move(responder));
  world_.control.execute(std::move(*command),
                         {.on_progress = {}, .on_done = [this, kept](const auto& outcome) {
                            if (!outcome) {
                              kept->send(failure(outcome.error()));
                            } else if (const auto* applied = std::get_if<control::Applied>(&*outcome)) {
                              kept->send(answer(*applied));
                            } else if (const auto* put = std::get_if<control::PolicyPut>(&*outcome)) {
                              kept->send(answer(*put));
                            } else if (const auto* tried = std::get_if<control::ExperimentPut>(&*outcome)) {
                              kept->send(answer(*tried));
                            }
                          }});
}

// The object as it is now; of a dry run as it would be.
net::HttpResponse Api::answer(const Target& target, bool created, std::optional<Json> would_be) {
  views_.settle();
  const Shown* shown = views_.find(target.kind, target.name);
  const int status = created ? 201 : 200;
  if (!would_be) {
    return {.status = status, .fields = {{"Content-Type", "application/json"}}, .body = *shown->text + "\n"};
  }
  if (shown == nullptr) {
    (*would_be)["metadata"].erase("resourceVersion");
  } else {
    const Json now = Json::parse(*shown->text, nullptr, false);
    if (now.contains("status")) (*would_be)["status"] = now["status"];
    (*would_be)["metadata"]["resourceVersion"] = std::to_string(shown->version);
  }
  return json_response(status, *would_be);
}

net::HttpResponse Api::answer(const control::Applied& applied) {
  std::optional<Json> would_be;
  if (applied.would_be) would_be = desired_object(*applied.would_be);
  net::HttpResponse response =
      answer({.kind = Kind::service, .name = applied.name.str()}, applied.created, std::move(would_be));
  add_warnings(response, applied.notices);
  return response;
}

net::HttpResponse Api::answer(const control::PolicyPut& put) {
  std::optional<Json> would_be;
  if (put.would_be) would_be = release_policy_object(*put.would_be);
  net::HttpResponse response =
      answer({.kind = Kind::release_policy, .name = put.name}, put.created, std::move(would_be));
  add_warnings(response, put.notices);
  return response;
}

net::HttpResponse Api::answer(const control::ExperimentPut& put) {
  std::optional<Json> would_be;
  if (put.would_be) would_be = experiment_object(*put.would_be);
  net::HttpResponse response = answer({.kind = Kind::experiment, .name = put.name}, put.created, std::move(would_be));
  add_warnings(response, put.notices);
  return response;
}

}  // namespace marea::api
