#include "app/cli_revision_diff.h"

#include <fmt/format.h>

#include "app/cli_manifest.h"

namespace marea::app {
namespace {

using Fields = std::map<std::string, std::string>;

constexpr std::string_view kSource = "marea.dev/source-";

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
    const bool is_source = key.starts_with(kSource) && what == "annotation";
    const std::string name = is_source ? "source " + key.substr(kSource.size()) : fmt::format("{} {}", what, key);
    out[name] = value.is_string() ? value.get<std::string>() : value.dump();
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

std::map<std::string, std::string> fields_of_service(const Json& service) {
  Fields out;
  if (const Json* revision_template = find(service, {"spec", "template"})) {
    Json bare = {{"spec", revision_template->value("spec", Json::object())},
                 {"metadata", revision_template->value("metadata", Json::object())}};
    out = fields_of(bare);
    if (const Json* name = find(bare, {"metadata", "name"})) out["revision name"] = name->get<std::string>();
  }
  add_named(find(service, {"metadata", "labels"}), "service label", out);
  add_named(find(service, {"metadata", "annotations"}), "service annotation", out);
  if (const Json* traffic = find(service, {"spec", "traffic"})) flatten(*traffic, "traffic", out);
  return out;
}

std::string source_of_revision(const Json& revision, std::string_view modified) {
  constexpr std::size_t kShown = 12;
  const auto at = [&](const char* key) { return text_at(revision, {"metadata", "annotations", key}); };
  std::string out = at(kSourceCommit).substr(0, kShown);
  if (out.empty()) return out;
  std::string more = at(kSourceBranch);
  if (at(kSourceModified) == "true") more += fmt::format("{}{}", more.empty() ? "" : ", ", modified);
  return more.empty() ? out : fmt::format("{} ({})", out, more);
}

std::vector<Difference> differences(const Json& before, const Json& after) {
  return differences(fields_of(before), fields_of(after));
}

std::vector<Difference> differences(const Fields& old_fields, const Fields& new_fields) {
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
