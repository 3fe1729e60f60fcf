// Writing services: create, replace, the three kinds of patch, server-side apply.
#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/api.h"
#include "api/field_owners.h"
#include "api/methods.h"
#include "api/patches.h"
#include "api/who.h"
#include "api/write_options.h"
#include "base/log.h"
#include "control/apply.h"

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

std::optional<net::HttpResponse> wrong_type(const net::HttpRequest& head) {
  const auto type = head.field("Content-Type");
  const std::string bare = bare_type(type.value_or(""));
  if (head.method == "PATCH") {
    if (bare == kJsonPatch || bare == kMergePatch || bare == kApplyPatch) return std::nullopt;
    return failure(
        415, {.code = base::ErrorCode::invalid_argument,
              .what = "cannot patch a service with " + (bare.empty() ? "a body of no type" : bare),
              .why = "as for every kind that is no part of Kubernetes itself, the types are " +
                     std::string(kJsonPatch) + ", " + std::string(kMergePatch) + ", " + std::string(kApplyPatch)});
  }
  if (!type || is_manifest_type(bare)) return std::nullopt;
  return failure(415, {.code = base::ErrorCode::invalid_argument,
                       .what = "cannot read a service of type " + std::string(*type),
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

net::HttpResponse too_many_fields(const std::string& name) {
  return failure(
      422, {.code = base::ErrorCode::manifest_invalid,
            .what = "cannot follow who manages which field of service " + name,
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

}  // namespace

// POST without a name creates; PUT with one creates or replaces; PATCH changes, or creates when it applies.
net::BodyPlan Api::write(const net::HttpRequest& head, const std::string& name) {
  if (auto refused = wrong_type(head)) return std::move(*refused);
  auto options = write_options(head);
  if (!options) return std::move(options.error());
  return net::WholeBody{
      .most = model::kMostManifestBytes,
      .then = [this, name, options = std::move(*options)](const net::HttpRequest& request, net::Responder responder) {
        auto command = request.method == "PATCH"  ? patched(request, name, options)
                       : request.method == "POST" ? created(request, options)
                                                  : replaced(request, name, options);
        if (!command) return responder.send(std::move(command.error()));
        command->who = who_asks(request.peer);
        store(std::move(*command), options, std::move(responder));
      }};
}

Api::Write Api::created(const net::HttpRequest& request, const WriteOptions& options) {
  std::expected<Received, net::HttpResponse> received = std::unexpected(net::HttpResponse());
  if (request.body.find("generateName") != std::string::npos) {
    auto value = receive_value(request.body, options);
    if (!value) return std::unexpected(std::move(value.error()));
    const Json* prefix = metadata_member(*value, "generateName");
    if (prefix != nullptr && prefix->is_string() && metadata_member(*value, "name") == nullptr) {
      (*value)["metadata"]["name"] = prefix->get<std::string>() + world_.random.suffix(kGeneratedLetters);
    }
    received = receive_service(std::move(*value), options);
  } else {
    received = receive_service(request.body, options);
  }
  if (!received) return std::unexpected(std::move(received.error()));
  received->document.notices.insert(received->document.notices.end(), received->notices.begin(),
                                    received->notices.end());
  return control::ApplyService{.document = std::move(received->document), .must_be_new = true};
}

Api::Write Api::replaced(const net::HttpRequest& request, const std::string& name, const WriteOptions& options) {
  auto received = receive_service(request.body, options);
  if (!received) return std::unexpected(std::move(received.error()));
  if (received->document.service.name.str() != name) return std::unexpected(other_name(name));
  return update(name, std::move(*received), options);
}

// Of a service that may be there: as the last one who wrote it, unless its fields are managed.
Api::Write Api::update(const std::string& name, Received received, const WriteOptions& options) {
  received.document.notices.insert(received.document.notices.end(), received.notices.begin(), received.notices.end());
  control::ApplyService command{.document = std::move(received.document)};
  command.expected_version = version_in(command.document.document);
  const auto found = world_.control.services().find(base::ServiceName(name));
  if (found == world_.control.services().end()) return command;
  const Json before = Json::parse(found->second.record.document, nullptr, false);
  if (const Json* managed = metadata_member(before, "managedFields")) {
    const Json after = control::stored_form(command.document.document);
    if (!fields_fit(after)) return std::unexpected(too_many_fields(name));
    command.managed_fields =
        updated_fields(*managed, control::stored_form(before), after,
                       {.manager = options.manager, .time = base::rfc3339(world_.loop.clock().wall().unix_ns)});
  }
  return command;
}

Api::Write Api::patched(const net::HttpRequest& request, const std::string& name, const WriteOptions& options) {
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
    return applied(name, std::move(*patch), options);
  }
  views_.settle();
  const Shown* shown = views_.find(Kind::service, name);
  if (shown == nullptr) return std::unexpected(not_found(info(Kind::service).resource(), name));
  Json object = Json::parse(*shown->text, nullptr, false);
  if (type == kMergePatch) {
    apply_merge_patch(object, *patch);
  } else if (auto done = apply_json_patch(object, *patch); !done) {
    return std::unexpected(failure(422,
                                   {.code = base::ErrorCode::invalid_argument,
                                    .what = "cannot apply the patch to service " + name,
                                    .why = done.error()},
                                   {{.path = "patch", .message = done.error()}}));  // kubectl prints causes only
  }
  auto received = receive_service(std::move(object), options);
  if (!received) return std::unexpected(std::move(received.error()));
  if (received->document.service.name.str() != name) return std::unexpected(other_name(name));
  // Only a patch is of one object; a whole document may come from another place, with the uid that it had there.
  const Json* uid = metadata_member(received->document.document, "uid");
  if (uid != nullptr && *uid != shown->uid) {
    return std::unexpected(failure({.code = base::ErrorCode::conflict,
                                    .what = "cannot change service " + name,
                                    .why = "its UID is " + shown->uid + "; that was another one of this name"}));
  }
  return update(name, std::move(*received), options);
}

Api::Write Api::applied(const std::string& name, Json wanted, const WriteOptions& options) {
  if (!wanted.is_object()) wanted = Json::object();
  if (!wanted["metadata"].is_object()) wanted["metadata"] = Json::object();
  if (metadata_member(wanted, "name") == nullptr) wanted["metadata"]["name"] = name;
  if (*metadata_member(wanted, "name") != name) return std::unexpected(other_name(name));
  const std::optional<std::uint64_t> version = version_in(wanted);
  Json live;
  Json managed;
  if (const auto found = world_.control.services().find(base::ServiceName(name));
      found != world_.control.services().end()) {
    live = Json::parse(found->second.record.document, nullptr, false);
    if (const Json* fields = metadata_member(live, "managedFields")) managed = *fields;
    live = control::stored_form(std::move(live));
  }
  wanted = control::stored_form(std::move(wanted));
  if (!fields_fit(wanted) || !fields_fit(live)) return std::unexpected(too_many_fields(name));
  auto merged = apply_fields(
      live, managed, wanted,
      {.manager = options.manager, .time = base::rfc3339(world_.loop.clock().wall().unix_ns), .force = options.force});
  if (!merged) return std::unexpected(conflicting(merged.error()));
  auto received = receive_service(std::move(merged->document), options);
  if (!received) return std::unexpected(std::move(received.error()));
  received->document.notices.insert(received->document.notices.end(), received->notices.begin(),
                                    received->notices.end());
  return control::ApplyService{.document = std::move(received->document),
                               .expected_version = version,
                               .managed_fields = std::move(merged->managed)};
}

void Api::store(control::ApplyService command, const WriteOptions& options, net::Responder responder) {
  command.dry_run = options.dry_run;
  auto kept = std::make_shared<net::Responder>(std::move(responder));
  world_.control.execute(std::move(command), {.on_progress = {}, .on_done = [this, kept](const auto& outcome) {
                                                if (!outcome) return kept->send(failure(outcome.error()));
                                                kept->send(written(std::get<control::Applied>(*outcome)));
                                              }});
}

net::HttpResponse Api::written(const control::Applied& applied) {
  views_.settle();
  const Shown* shown = views_.find(Kind::service, applied.name.str());
  net::HttpResponse response{
      .status = applied.created ? 201 : 200, .fields = {{"Content-Type", "application/json"}}, .body = {}};
  if (applied.would_be) {
    Json object = desired_object(*applied.would_be);
    if (shown != nullptr) {
      object["status"] = Json::parse(*shown->text, nullptr, false)["status"];
      object["metadata"]["resourceVersion"] = std::to_string(shown->version);
    } else {
      object["metadata"].erase("resourceVersion");
    }
    response = json_response(response.status, object);
  } else {
    response.body = *shown->text + "\n";
  }
  add_warnings(response, applied.notices);
  return response;
}

}  // namespace marea::api
