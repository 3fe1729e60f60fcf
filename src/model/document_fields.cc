#include "model/document_fields.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace marea::model {
namespace {

constexpr std::string_view kSource = "marea.dev/source-";
constexpr std::size_t kMostShownValue = 60;

const Json* member_at(const Json& value, std::initializer_list<const char*> path) {
  const Json* at = &value;
  for (const char* name : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string field_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_at(const Json& value, std::initializer_list<const char*> path) {
  const Json* found = member_at(value, path);
  return found == nullptr || found->is_null() ? std::string() : field_text(*found);
}

// Of a list whose elements have names, the name is the place: an insertion changes only itself.
std::string place_in_list(const Json& element, std::size_t index) {
  const std::string name = text_at(element, {"name"});
  return name.empty() ? std::to_string(index) : name;
}

std::string joined(const std::string& path, const std::string& key) {
  return path.empty() || path.ends_with(' ') ? path + key : path + "." + key;
}

void flatten(const Json& value, const std::string& path, Fields& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) flatten(member, joined(path, key), out);
  } else if (value.is_array() && !value.empty() && (value[0].is_object() || value[0].is_array())) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      flatten(value[i], path + "[" + place_in_list(value[i], i) + "]", out);
    }
  } else {
    out[path] = field_text(value);
  }
}

// "NAME/KEY" of a secret or a config map, its version where the key is one: the name of a variable that has it is known
// from the field.
std::string reference_text(const Json& source) {
  for (const char* kind : {"secretKeyRef", "configMapKeyRef"}) {
    if (const Json* reference = member_at(source, {kind})) {
      return text_at(*reference, {"name"}) + ":" + text_at(*reference, {"key"});
    }
  }
  return field_text(source);
}

// The container that serves: its fields need no path, and its environment is a list of names for people.
void add_container(Json container, const std::string& prefix, Fields& out) {
  if (!container.is_object()) return;
  const Json env = container.contains("env") && container["env"].is_array() ? container["env"] : Json::array();
  container.erase("env");
  for (const Json& entry : env) {
    if (!entry.is_object()) continue;
    const std::string name = text_at(entry, {"name"});
    const Json* value = member_at(entry, {"value"});
    const Json* source = member_at(entry, {"valueFrom"});
    const bool secret = source != nullptr && member_at(*source, {"secretKeyRef"}) != nullptr;
    std::string field = prefix;
    field.append(secret ? "secret " : "env ").append(name);
    if (secret) {
      out[field] = reference_text(*source);
    } else {
      out[field] = value != nullptr && value->is_string() ? value->get<std::string>()
                   : source != nullptr                    ? reference_text(*source)
                                                          : std::string();
    }
  }
  if (container.contains("image")) {
    out[prefix + "image name"] = text_at(container, {"image"});
    container.erase("image");
  }
  if (const Json* resources = member_at(container, {"resources"}); resources != nullptr) {
    flatten(*resources, prefix, out);
    container.erase("resources");
  }
  container.erase("name");
  if (!container.empty()) flatten(container, prefix, out);
}

void add_named(const Json* map, std::string_view what, Fields& out) {
  if (map == nullptr || !map->is_object()) return;
  for (const auto& [key, value] : map->items()) {
    // Each revision has its own of these.
    if (key.starts_with("serving.knative.dev/") || key.starts_with("client.knative.dev/")) continue;
    const bool is_source = key.starts_with(kSource) && what == "annotation";
    out[is_source ? "source " + key.substr(kSource.size()) : std::string(what) + " " + key] = field_text(value);
  }
}

// Whether a field's values may be told to anybody: "container side: env A" is of a sidecar.
bool is_private(std::string_view field) {
  if (const std::size_t colon = field.find(": "); field.starts_with("container ") && colon != std::string_view::npos) {
    field.remove_prefix(colon + 2);
  }
  if (field.starts_with("annotation autoscaling.knative.dev/")) return false;
  constexpr std::array<std::string_view, 7> kKept = {"env ",    "annotation ",         "label ",        "args",
                                                     "command", "service annotation ", "service label "};
  return std::ranges::any_of(kKept, [&](std::string_view each) { return field.starts_with(each); });
}

std::string shown(const std::string& value) {
  if (value.empty()) return "-";
  if (value.size() <= kMostShownValue) return value;
  std::size_t end = kMostShownValue;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80U) --end;
  return value.substr(0, end) + "…";
}

}  // namespace

Fields revision_fields(const Json& revision) {
  Fields out;
  const Json* given = member_at(revision, {"spec"});
  Json spec = given != nullptr && given->is_object() ? *given : Json::object();
  const Json containers =
      spec.contains("containers") && spec["containers"].is_array() ? spec["containers"] : Json::array();
  spec.erase("containers");
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const std::string name = place_in_list(containers[i], i);
    add_container(containers[i], containers.size() == 1 ? std::string() : "container " + name + ": ", out);
  }
  if (!spec.empty()) flatten(spec, "", out);
  const Json* statuses = member_at(revision, {"status", "containerStatuses"});
  if (statuses != nullptr && statuses->is_array()) {
    for (const Json& status : *statuses) {
      const std::string digest = text_at(status, {"imageDigest"});
      const std::string prefix =
          containers.size() == 1 ? std::string() : "container " + text_at(status, {"name"}) + ": ";
      out[prefix + "image"] = digest.substr(digest.rfind('@') + 1);
    }
  }
  add_named(member_at(revision, {"metadata", "labels"}), "label", out);
  add_named(member_at(revision, {"metadata", "annotations"}), "annotation", out);
  return out;
}

Fields service_fields(const Json& service) {
  Fields out;
  if (const Json* revision_template = member_at(service, {"spec", "template"})) {
    Json bare = Json::object();
    for (const char* part : {"spec", "metadata"}) {
      if (const Json* found = member_at(*revision_template, {part})) bare[part] = *found;
    }
    out = revision_fields(bare);
    if (const Json* name = member_at(bare, {"metadata", "name"})) out["revision name"] = field_text(*name);
  }
  add_named(member_at(service, {"metadata", "labels"}), "service label", out);
  add_named(member_at(service, {"metadata", "annotations"}), "service annotation", out);
  if (const Json* traffic = member_at(service, {"spec", "traffic"})) flatten(*traffic, "traffic", out);
  return out;
}

std::vector<Difference> differences(const Fields& before, const Fields& after) {
  std::vector<Difference> out;
  const auto value_in = [](const Fields& fields, const std::string& key) {
    const auto found = fields.find(key);
    return found == fields.end() ? std::string() : found->second;
  };
  Fields all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [field, ignored] : all) {
    const bool same =
        before.contains(field) == after.contains(field) && value_in(before, field) == value_in(after, field);
    if (!same) out.push_back({field, value_in(before, field), value_in(after, field)});
  }
  return out;
}

std::vector<std::string> print_changes(std::span<const Difference> found, std::size_t most) {
  std::vector<std::string> out;
  for (const Difference& each : found) {
    if (out.size() == most) {
      out.back() = "and " + std::to_string(found.size() - most + 1) + " more";
      break;
    }
    out.push_back(is_private(each.field) ? each.field
                                         : each.field + ": " + shown(each.before) + " → " + shown(each.after));
  }
  return out;
}

}  // namespace marea::model
