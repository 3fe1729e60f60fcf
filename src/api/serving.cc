// Knative Serving v1: services and revisions.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "api/api.h"
#include "api/methods.h"

namespace marea::api {
namespace {

constexpr const char* kServingVersion = "serving.knative.dev/v1";

// "a=b,c!=d,e": equality, inequality, presence. Nothing: another form, which is not supported.
std::optional<bool> selects(std::string_view selector, const Json& labels) {
  while (!selector.empty()) {
    const std::string_view term = selector.substr(0, selector.find(','));
    selector.remove_prefix(std::min(selector.size(), term.size() + 1));
    if (term.empty() || term.find_first_of(" ()") != std::string_view::npos) return std::nullopt;
    const std::size_t at = term.find('=');
    const bool differs = at != std::string_view::npos && at > 0 && term[at - 1] == '!';
    const std::string key(term.substr(0, differs ? at - 1 : at));
    const bool has = labels.contains(key);
    if (at == std::string_view::npos) {
      if (!has) return false;
      continue;
    }
    std::string_view value = term.substr(at + 1);
    if (!differs && value.starts_with('=')) value.remove_prefix(1);
    const bool equal = has && labels[key].is_string() && labels[key].get<std::string>() == value;
    if (equal == differs) return false;
  }
  return true;
}

net::HttpResponse bad_selector(const net::HttpRequest& head) {
  return failure(
      {.code = base::ErrorCode::invalid_argument,
       .what = "cannot use the label selector \"" + std::string(head.parameter("labelSelector").value_or("")) + "\"",
       .why = "only key=value, key!=value and key, joined by commas, are supported"});
}

net::HttpResponse no_watch() {
  return failure({.code = base::ErrorCode::invalid_argument,
                  .what = "cannot watch",
                  .why = "this version lists and reads, but sends no stream of changes",
                  .remedy = "Read the resource again after a while"});
}

bool is_watch(const net::HttpRequest& head) {
  const auto watch = head.parameter("watch");
  return watch && *watch != "false" && *watch != "0";
}

// What curl and Python's urllib send when nobody said anything is taken for "unknown" and read as what it looks like.
bool is_manifest_type(std::string_view type) {
  std::string bare(type.substr(0, type.find(';')));
  while (bare.ends_with(' ')) bare.pop_back();
  std::ranges::transform(bare, bare.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  constexpr std::array kTypes = {
      "application/json", "application/yaml", "application/x-yaml",       "text/yaml",
      "text/x-yaml",      "text/plain",       "application/octet-stream", "application/x-www-form-urlencoded"};
  return std::ranges::find(kTypes, bare) != kTypes.end() || bare.ends_with("+json") || bare.ends_with("+yaml");
}

// Nothing when none is given; a version that no object ever had when it is no number.
std::optional<std::uint64_t> version_in(const Json& document) {
  if (!document.contains("metadata") || !document["metadata"].is_object()) return std::nullopt;
  const auto found = document["metadata"].find("resourceVersion");
  if (found == document["metadata"].end() || !found->is_string()) return std::nullopt;
  const auto text = found->get<std::string>();
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (text.empty()) return std::nullopt;
  if (error != std::errc{} || end != text.data() + text.size()) return 0;
  return version;
}

}  // namespace

net::BodyPlan Api::services(const net::HttpRequest& head) {
  if (head.method == "POST") return apply(head, {});
  if (head.method != "GET") return wrong_method(head, "GET, POST");
  if (is_watch(head)) return no_watch();
  std::vector<Json> items;
  for (const auto& [name, service] : world_.control.services()) {
    Json object = service_object(world_.control, service, world_.front);
    const Json labels = object["metadata"].value("labels", Json::object());
    const std::optional<bool> wanted = selects(head.parameter("labelSelector").value_or(""), labels);
    if (!wanted) return bad_selector(head);
    if (*wanted) items.push_back(std::move(object));
  }
  return json_response(200,
                       list_object(kServingVersion, "Service", world_.control.resource_version(), std::move(items)));
}

net::BodyPlan Api::service(const net::HttpRequest& head, const std::string& name) {
  if (head.method == "PUT") return apply(head, name);
  if (head.method == "DELETE") return carry_out(control::DeleteService{base::ServiceName(name)});
  if (head.method != "GET") return wrong_method(head, "GET, PUT, DELETE");
  const auto found = world_.control.services().find(base::ServiceName(name));
  if (found == world_.control.services().end()) return not_found("services.serving.knative.dev", name);
  return json_response(200, service_object(world_.control, found->second, world_.front));
}

net::BodyPlan Api::revisions(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  if (is_watch(head)) return no_watch();
  std::vector<Json> items;
  for (const auto& [name, service] : world_.control.services()) {
    for (const control::RevisionState& revision : service.revisions) {
      Json object = revision_object(world_.control, service, revision);
      const std::optional<bool> wanted =
          selects(head.parameter("labelSelector").value_or(""), object["metadata"]["labels"]);
      if (!wanted) return bad_selector(head);
      if (*wanted) items.push_back(std::move(object));
    }
  }
  return json_response(200,
                       list_object(kServingVersion, "Revision", world_.control.resource_version(), std::move(items)));
}

net::BodyPlan Api::revision(const net::HttpRequest& head, const std::string& name) {
  const base::RevisionName revision(name);
  if (head.method == "DELETE") return carry_out(control::DeleteRevision{revision});
  if (head.method != "GET") return wrong_method(head, "GET, DELETE");
  const control::ServiceState* service = world_.control.service_of(revision);
  if (service == nullptr) return not_found("revisions.serving.knative.dev", name);
  return json_response(200, revision_object(world_.control, *service, *world_.control.revision(revision)));
}

net::BodyPlan Api::apply(const net::HttpRequest& head, std::string name) {
  if (const auto type = head.field("Content-Type"); type && !is_manifest_type(*type)) {
    return failure(415, {.code = base::ErrorCode::invalid_argument,
                         .what = "cannot read a service of type " + std::string(*type),
                         .remedy = "Send it with Content-Type: application/json or application/yaml"});
  }
  return net::WholeBody{
      .most = model::kMostManifestBytes,
      .then = [this, name = std::move(name)](const net::HttpRequest& request, net::Responder responder) {
        apply(request, name, std::move(responder));
      }};
}

// POST without a name creates; PUT with one creates or replaces.
void Api::apply(const net::HttpRequest& request, const std::string& name, net::Responder responder) {
  auto parsed = model::parse_manifests(request.body);
  const base::Error faulty{.code = base::ErrorCode::manifest_invalid, .what = "the manifest has faults"};
  if (!parsed) {
    responder.send(failure(faulty, parsed.error()));
    return;
  }
  if (parsed->size() != 1) {
    responder.send(failure({.code = base::ErrorCode::invalid_argument,
                            .what = "one service at a time",
                            .why = "the body has " + std::to_string(parsed->size()) + " documents"}));
    return;
  }
  model::ServiceDocument& document = parsed->front();
  if (!name.empty() && document.service.name.str() != name) {
    responder.send(failure(faulty, {{.path = "metadata.name", .message = "must be \"" + name + "\" as in the path"}}));
    return;
  }
  control::ApplyService command{.document = std::move(document), .must_be_new = name.empty()};
  if (!name.empty()) command.expected_version = version_in(command.document.document);
  auto kept = std::make_shared<net::Responder>(std::move(responder));
  world_.control.execute(std::move(command), {.on_progress = {}, .on_done = [this, kept](const auto& outcome) {
                                                if (!outcome) {
                                                  kept->send(failure(outcome.error()));
                                                  return;
                                                }
                                                const auto& applied = std::get<control::Applied>(*outcome);
                                                const auto& service = world_.control.services().at(applied.name);
                                                net::HttpResponse response = json_response(
                                                    applied.created ? 201 : 200,
                                                    service_object(world_.control, service, world_.front));
                                                add_warnings(response, applied.notices);
                                                kept->send(std::move(response));
                                              }});
}

}  // namespace marea::api
