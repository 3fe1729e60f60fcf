#include "api/openapi.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "api/kinds.h"
#include "api/protobuf.h"
#include "model/schema.h"

namespace marea::api {
namespace {

constexpr std::string_view kPrefix = "dev.knative.serving.v1.";
constexpr std::string_view kOwnPrefix = "dev.marea.v1.";
// Whose member every kind but a Service is described by: they are only read.
constexpr const char* kAnything = "x-kubernetes-preserve-unknown-fields";
constexpr const char* kGroupVersionKind = "x-kubernetes-group-version-kind";
constexpr const char* kAction = "x-kubernetes-action";

std::string name_of(model::ObjectKind kind) {
  return std::string(kind < model::kFirstOwnKind ? kPrefix : kOwnPrefix) + std::string(model::type_name(kind));
}

std::string name_of(const KindInfo& kind) {
  return std::string(kind.group == kOwnGroup ? kOwnPrefix : kPrefix) + std::string(kind.name);
}

// Whether the documents of a group are made up of it; metadata is that of all.
bool is_part(model::ObjectKind kind, std::optional<std::string_view> group) {
  if (!group) return true;
  if (*group == kOwnGroup) return kind >= model::kFirstOwnKind || kind == model::ObjectKind::metadata;
  return *group == kServingGroup && kind < model::kFirstOwnKind;
}

const char* about(Kind kind) {
  switch (kind) {
    case Kind::service: return "A web service: what shall run, and who gets its requests.";
    case Kind::release: return "The way of a revision to its traffic; only read, see docs/releases.md.";
    case Kind::experiment: return "An A/B test, see docs/experiments.md.";
    case Kind::release_policy: return "How releases go, see docs/releases.md.";
    case Kind::configuration:
    case Kind::route:
    case Kind::revision:
    case Kind::pod:
    case Kind::event:
    case Kind::name_space: return "Only read; see docs/api.md.";
  }
  return "";
}

// Whether its fields are told: its schema is made from the model.
bool is_described(Kind kind) {
  return kind == Kind::service || kind == Kind::release || kind == Kind::release_policy || kind == Kind::experiment;
}

Json reference(const std::string& root, model::ObjectKind kind) {
  return {{"$ref", root + name_of(kind)}};
}

Json schema_of(const std::string& root, const model::TypedField* field) {
  if (field == nullptr) return {{kAnything, true}};
  Json out;
  switch (field->type) {
    case model::FieldType::anything: out = {{kAnything, true}}; break;
    case model::FieldType::text: out = {{"type", "string"}}; break;
    case model::FieldType::integer: out = {{"type", "integer"}, {"format", "int64"}}; break;
    case model::FieldType::number: out = {{"type", "number"}}; break;
    case model::FieldType::boolean: out = {{"type", "boolean"}}; break;
    case model::FieldType::texts: out = {{"type", "array"}, {"items", {{"type", "string"}}}}; break;
    case model::FieldType::text_map: out = {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}; break;
    case model::FieldType::object: out = reference(root, field->holds); break;
    case model::FieldType::objects: out = {{"type", "array"}, {"items", reference(root, field->holds)}}; break;
  }
  if (!field->about.empty()) out["description"] = field->about;
  return out;
}

Json gvk_of(const KindInfo& kind) {
  return {{"group", kind.group}, {"kind", kind.name}, {"version", "v1"}};
}

// Every kind of object in a manifest, and every kind that is only read.
Json schemas(const std::string& root, std::optional<std::string_view> group) {
  Json out = Json::object();
  for (std::size_t i = 0; i < model::kObjectKinds; ++i) {
    const auto kind = static_cast<model::ObjectKind>(i);
    if (!is_part(kind, group)) continue;
    Json properties = Json::object();
    for (const model::Field& field : model::fields_of(kind)) {
      properties[std::string(field.name)] = schema_of(root, model::typed_field(kind, field.name));
    }
    out[name_of(kind)] = {{"type", "object"}, {"properties", std::move(properties)}};
  }
  for (const KindInfo& kind : kKinds) {
    if (group && kind.group != *group) continue;
    Json& schema = out[name_of(kind)];
    if (!is_described(kind.kind)) schema = {{"type", "object"}, {kAnything, true}};
    schema["description"] = about(kind.kind);
    schema[kGroupVersionKind] = Json::array({gvk_of(kind)});
  }
  return out;
}

std::string path_of(const KindInfo& kind) {
  const std::string group = kind.group.empty() ? "/api/v1" : "/apis/" + kind.api_version();
  return group + (kind.namespaced ? "/namespaces/{namespace}/" : "/") + std::string(kind.plural);
}

// The operations that clients look for: whether there is a dry run, and whether the server checks fields.
Json operations(const KindInfo& kind, bool one, const std::function<Json(const char*)>& parameter) {
  Json out = Json::object();
  const auto add = [&](const char* method, const char* action, std::initializer_list<const char*> parameters) {
    Json list = Json::array();
    for (const char* name : parameters) list.push_back(parameter(name));
    out[method] = {{kAction, action},
                   {kGroupVersionKind, gvk_of(kind)},
                   {"parameters", std::move(list)},
                   {"responses", {{"200", {{"description", "OK"}}}}}};
  };
  if (!kind.can("create")) {
    add("get", one ? "get" : "list", {});
  } else if (one) {
    add("get", "get", {});
    add("put", "put", {"dryRun", "fieldManager", "fieldValidation"});
    add("patch", "patch", {"dryRun", "fieldManager", "fieldValidation", "force"});
    add("delete", "delete", {"dryRun"});
  } else {
    add("get", "list", {});
    add("post", "post", {"dryRun", "fieldManager", "fieldValidation"});
    add("delete", "deletecollection", {"dryRun"});
  }
  return out;
}

Json paths(std::optional<std::string_view> group, const std::function<Json(const char*)>& parameter) {
  Json out = Json::object();
  for (const KindInfo& kind : kKinds) {
    if (group && kind.group != *group) continue;
    out[path_of(kind)] = operations(kind, false, parameter);
    out[path_of(kind) + "/{name}"] = operations(kind, true, parameter);
  }
  return out;
}

Json information() {
  return {{"title", "marea"}, {"version", "v1"}};
}

}  // namespace

Json openapi_v2() {
  const auto parameter = [](const char* name) { return Json{{"name", name}, {"in", "query"}, {"type", "string"}}; };
  return {{"swagger", "2.0"},
          {"info", information()},
          {"paths", paths(std::nullopt, parameter)},
          {"definitions", schemas("#/definitions/", std::nullopt)}};
}

std::string openapi_v2_protobuf() {
  return swagger_protobuf(openapi_v2());
}

Json openapi_v3(std::string_view group) {
  const auto parameter = [](const char* name) {
    return Json{{"name", name}, {"in", "query"}, {"schema", {{"type", "string"}}}};
  };
  return {{"openapi", "3.0.0"},
          {"info", information()},
          {"paths", paths(group, parameter)},
          {"components", {{"schemas", schemas("#/components/schemas/", group)}}}};
}

Json openapi_v3_index() {
  const auto entry = [](const std::string& name, std::string_view group) {
    const std::size_t hash = std::hash<std::string>{}(openapi_v3(group).dump());
    return Json{{"serverRelativeURL", "/openapi/v3/" + name + "?hash=" + std::to_string(hash)}};
  };
  return {{"paths",
           {{"apis/serving.knative.dev/v1", entry("apis/serving.knative.dev/v1", kServingGroup)},
            {"apis/marea.dev/v1", entry("apis/marea.dev/v1", kOwnGroup)},
            {"api/v1", entry("api/v1", "")}}}};
}

}  // namespace marea::api
