// What clients ask before anything else: which groups, versions and kinds there are (Kubernetes' discovery), and how
// the objects are made up (api/openapi.h). Who asks for the aggregated form gets the plain one, as from a server that
// is older, and asks on.
#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "api/api.h"
#include "api/methods.h"
#include "api/openapi.h"

namespace marea::api {
namespace {

constexpr const char* kKubernetesVersion = "v1.29.0";  // whose API this resembles; clients compare it with their own

Json words(std::string_view text) {
  Json out = Json::array();
  std::istringstream stream{std::string(text)};
  for (std::string word; stream >> word;) out.push_back(word);
  return out;
}

Json resource_list(std::string_view group) {
  Json resources = Json::array();
  for (const KindInfo& kind : kKinds) {
    if (kind.group != group) continue;
    Json one = {{"name", kind.plural}, {"singularName", kind.singular}, {"namespaced", kind.namespaced},
                {"kind", kind.name},   {"verbs", words(kind.verbs)},    {"shortNames", Json::array({kind.short_name})}};
    if (!kind.categories.empty()) one["categories"] = words(kind.categories);
    resources.push_back(std::move(one));
    if (kind.kind != Kind::pod && group.empty()) continue;
    resources.push_back({{"name", std::string(kind.plural) + (group.empty() ? "/log" : "/status")},
                         {"singularName", ""},
                         {"namespaced", true},
                         {"kind", kind.name},
                         {"verbs", Json::array({"get"})}});
  }
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", group.empty() ? "v1" : std::string(group) + "/v1"},
          {"resources", std::move(resources)}};
}

// Groups that are no part of Kubernetes itself.
constexpr std::array kGroups = {kServingGroup, kOwnGroup};

bool is_group(std::string_view name) {
  return std::ranges::find(kGroups, name) != kGroups.end();
}

Json group_object(std::string_view group) {
  const Json version = {{"groupVersion", std::string(group) + "/v1"}, {"version", "v1"}};
  return {{"name", group}, {"versions", Json::array({version})}, {"preferredVersion", version}};
}

Json group_list() {
  Json groups = Json::array();
  for (const std::string_view group : kGroups) groups.push_back(group_object(group));
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

Json version_of(const std::string& marea) {
  return {{"major", "1"},
          {"minor", "29"},
          {"gitVersion", kKubernetesVersion + ("+marea-" + marea)},
          {"gitTreeState", "clean"},
          {"platform", "linux/amd64"}};
}

net::HttpResponse plain(std::string text) {
  return {.status = 200, .fields = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = std::move(text)};
}

// /openapi/…: the second version as JSON or as protobuf, whichever comes first in Accept; the third as JSON.
std::optional<net::HttpResponse> openapi(const net::HttpRequest& head, const std::vector<std::string>& path) {
  if (path.size() == 2 && path[1] == "v2") {
    const std::string_view accept = head.field("Accept").value_or("");
    const std::size_t protobuf = accept.find("proto-openapi.spec.v2");
    if (protobuf == std::string_view::npos || accept.find("application/json") < protobuf)
      return json_response(200, openapi_v2());
    // With dots: clients take the '@' of what they ask for as no media type.
    return net::HttpResponse{.status = 200,
                             .fields = {{"Content-Type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"}},
                             .body = openapi_v2_protobuf()};
  }
  if (path.size() == 2 && path[1] == "v3") return json_response(200, openapi_v3_index());
  if (path.size() == 5 && path[2] == "apis" && is_group(path[3]) && path[4] == "v1") {
    return json_response(200, openapi_v3(path[3]));
  }
  if (path.size() == 4 && path[2] == "api" && path[3] == "v1") return json_response(200, openapi_v3(""));
  return std::nullopt;
}

}  // namespace

std::optional<net::BodyPlan> Api::discovery(const net::HttpRequest& head) {
  const Segments& path = head.segments;
  if (path.empty() || head.method != "GET") return std::nullopt;
  if (path.size() == 1) {
    if (path[0] == "version") return json_response(200, version_of(world_.version));
    if (path[0] == "livez" || path[0] == "readyz") return plain("ok");
    if (path[0] == "api") return json_response(200, {{"kind", "APIVersions"}, {"versions", Json::array({"v1"})}});
    if (path[0] == "apis") return json_response(200, group_list());
  }
  if (path.size() == 2 && path[0] == "api" && path[1] == "v1") return json_response(200, resource_list(""));
  if (path.size() == 2 && path[0] == "apis" && is_group(path[1])) {
    Json group = {{"kind", "APIGroup"}, {"apiVersion", "v1"}};
    group.update(group_object(path[1]));
    return json_response(200, group);
  }
  if (path.size() == 3 && path[0] == "apis" && is_group(path[1]) && path[2] == "v1") {
    return json_response(200, resource_list(path[1]));
  }
  if (path[0] != "openapi") return std::nullopt;
  if (auto found = openapi(head, path)) return std::move(*found);
  return std::nullopt;
}

}  // namespace marea::api
