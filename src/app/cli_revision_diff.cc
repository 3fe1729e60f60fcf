#include "app/cli_revision_diff.h"

#include <fmt/format.h>

namespace marea::app {
namespace {

using Fields = std::map<std::string, std::string>;

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
      flatten(value[i], fmt::format("{}[{}]", path, place_in_list(value[i], i)), out);
    }
  } else {
    out[path] =
        value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

// The container that serves: its fields need no path, and its environment is a list of names for people.
void add_container(Json container, const std::string& prefix, Fields& out) {
  const Json env = container.value("env", Json::array());
  container.erase("env");
  for (const Json& entry : env) {
    const std::string name = prefix + "env " + text_at(entry, {"name"});
    const Json* value = find(entry, {"value"});
    const Json* source = find(entry, {"valueFrom"});
    out[name] = value != nullptr && value->is_string() ? value->get<std::string>()
                : source != nullptr                    ? source->dump()
                                                       : std::string();
  }
  if (container.contains("image")) {
    out[prefix + "image name"] = text_at(container, {"image"});
    container.erase("image");
  }
  if (const Json* resources = find(container, {"resources"}); resources != nullptr) {
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
    out[fmt::format("{} {}", what, key)] = value.is_string() ? value.get<std::string>() : value.dump();
  }
}

}  // namespace

std::map<std::string, std::string> fields_of(const Json& revision) {
  Fields out;
  Json spec = revision.value("spec", Json::object());
  const Json containers = spec.value("containers", Json::array());
  spec.erase("containers");
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const std::string name = place_in_list(containers[i], i);
    add_container(containers[i], containers.size() == 1 ? std::string() : fmt::format("container {}: ", name), out);
  }
  if (!spec.empty()) flatten(spec, "", out);
  const Json* statuses = find(revision, {"status", "containerStatuses"});
  if (statuses != nullptr && statuses->is_array()) {
    for (const Json& status : *statuses) {
      const std::string digest = text_at(status, {"imageDigest"});
      const std::string prefix =
          containers.size() == 1 ? std::string() : fmt::format("container {}: ", text_at(status, {"name"}));
      out[prefix + "image"] = digest.substr(digest.rfind('@') + 1);
    }
  }
  add_named(find(revision, {"metadata", "labels"}), "label", out);
  add_named(find(revision, {"metadata", "annotations"}), "annotation", out);
  return out;
}

std::vector<Difference> differences(const Json& before, const Json& after) {
  const Fields old_fields = fields_of(before);
  const Fields new_fields = fields_of(after);
  std::vector<Difference> out;
  const auto value_in = [](const Fields& fields, const std::string& key) {
    const auto found = fields.find(key);
    return found == fields.end() ? std::string() : found->second;
  };
  Fields all = old_fields;
  all.insert(new_fields.begin(), new_fields.end());
  for (const auto& [field, ignored] : all) {
    const bool same = old_fields.contains(field) == new_fields.contains(field) &&
                      value_in(old_fields, field) == value_in(new_fields, field);
    if (!same) out.push_back({field, value_in(old_fields, field), value_in(new_fields, field)});
  }
  return out;
}

}  // namespace marea::app
