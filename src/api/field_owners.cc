#include "api/field_owners.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace marea::api {
namespace {

constexpr const char* kBeforeFirst = "before-first-apply";  // as Kubernetes calls it

using FieldPath = std::vector<std::string>;
using FieldPaths = std::set<FieldPath>;

struct Entry {
  std::string manager;
  std::string operation;  // Apply | Update
  std::string time;
  FieldPaths fields;
};

// What names the object belongs to nobody.
bool is_identity(const FieldPath& path) {
  return path.size() == 1
             ? path[0] == "apiVersion" || path[0] == "kind"
             : path.size() == 2 && path[0] == "metadata" && (path[1] == "name" || path[1] == "generateName");
}

void collect(const Json& value, FieldPath& path, FieldPaths& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [name, child] : value.items()) {
      path.push_back(name);
      collect(child, path, out);
      path.pop_back();
    }
  } else if (!path.empty() && !is_identity(path) && !value.is_null()) {
    out.insert(path);
  }
}

FieldPaths leaves(const Json& document) {
  FieldPaths out;
  FieldPath path;
  collect(document, path, out);
  return out;
}

// What collect() would keep, as far as the bound; `before` is of the path that leads here.
void measure_fields(const Json& value, std::size_t before, std::size_t& total) {
  if (!value.is_object() || value.empty()) {
    total += before;
    return;
  }
  for (const auto& [name, child] : value.items()) {
    if (total > kMostFieldBytes) return;
    measure_fields(child, before + sizeof(std::string) + name.size(), total);
  }
}

const Json* field_at(const Json& document, const FieldPath& path) {
  const Json* value = &document;
  for (const std::string& word : path) {
    if (!value->is_object() || !value->contains(word)) return nullptr;
    value = &(*value)[word];
  }
  return value;
}

bool same_at(const Json& a, const Json& b, const FieldPath& path) {
  const Json* one = field_at(a, path);
  const Json* other = field_at(b, path);
  if (one == nullptr || other == nullptr) return one == other;
  return nlohmann::json(*one) == nlohmann::json(*other);
}

void put(Json& document, const FieldPath& path, const Json& value) {
  Json* place = &document;
  for (const std::string& word : path) {
    if (!place->is_object()) *place = Json::object();
    place = &(*place)[word];
  }
  *place = value;
}

// With the maps that it leaves empty.
void erase(Json& document, const FieldPath& path, std::size_t depth = 0) {
  if (!document.is_object() || !document.contains(path[depth])) return;
  Json& child = document[path[depth]];
  if (depth + 1 < path.size()) erase(child, path, depth + 1);
  if (depth + 1 == path.size() || (child.is_object() && child.empty())) document.erase(path[depth]);
}

void read_fields(const Json& tree, FieldPath& path, FieldPaths& out) {
  if (!tree.is_object()) return;
  bool leaf = true;
  for (const auto& [name, child] : tree.items()) {
    if (!name.starts_with("f:")) continue;
    leaf = false;
    path.push_back(name.substr(2));
    read_fields(child, path, out);
    path.pop_back();
  }
  if (leaf && !path.empty()) out.insert(path);
}

Json print_fields(const FieldPaths& fields) {
  Json out = Json::object();
  for (const FieldPath& path : fields) {
    Json* place = &out;
    for (const std::string& word : path) {
      place = &(*place)["f:" + word];
      if (place->is_null()) *place = Json::object();
    }
  }
  return out;
}

std::vector<Entry> read_entries(const Json& managed) {
  std::vector<Entry> out;
  if (!managed.is_array()) return out;
  for (const Json& one : managed) {
    Entry entry{.manager = one.value("manager", ""),
                .operation = one.value("operation", ""),
                .time = one.value("time", ""),
                .fields = {}};
    FieldPath path;
    if (one.contains("fieldsV1")) read_fields(one["fieldsV1"], path, entry.fields);
    out.push_back(std::move(entry));
  }
  return out;
}

Json print_entries(std::vector<Entry> entries, const std::string& api_version) {
  std::erase_if(entries, [](const Entry& one) { return one.fields.empty(); });
  while (entries.size() > kMostFieldManagers) {
    const auto oldest = std::ranges::find(entries, "Update", &Entry::operation);
    entries.erase(oldest == entries.end() ? entries.begin() : oldest);
  }
  Json out = Json::array();
  for (const Entry& one : entries) {
    out.push_back({{"manager", one.manager},
                   {"operation", one.operation},
                   {"apiVersion", api_version},
                   {"time", one.time},
                   {"fieldsType", "FieldsV1"},
                   {"fieldsV1", print_fields(one.fields)}});
  }
  return out;
}

Entry& entry_of(std::vector<Entry>& entries, const std::string& manager, const char* operation) {
  const auto found = std::ranges::find_if(
      entries, [&](const Entry& one) { return one.manager == manager && one.operation == operation; });
  if (found != entries.end()) return *found;
  entries.push_back({.manager = manager, .operation = operation, .time = {}, .fields = {}});
  return entries.back();
}

// Whether `path` is one of them, or a map that one of them is a member of.
bool holds(const FieldPaths& fields, const FieldPath& path) {
  const auto next = fields.lower_bound(path);  // a path is followed by those below it
  return next != fields.end() && next->size() >= path.size() && std::equal(path.begin(), path.end(), next->begin());
}

std::string printed(const FieldPath& path) {
  std::string out;
  for (const std::string& word : path) out += "." + word;
  return out;
}

}  // namespace

bool fields_fit(const Json& document) {
  std::size_t total = 0;
  measure_fields(document, 0, total);
  return total <= kMostFieldBytes;
}

std::expected<AppliedFields, std::vector<FieldConflict>> apply_fields(const Json& live, const Json& managed,
                                                                      const Json& wanted, const Applying& by) {
  std::vector<Entry> entries = read_entries(managed);
  if (!live.is_null() && managed.is_null()) {
    entries.push_back({.manager = kBeforeFirst, .operation = "Update", .time = by.time, .fields = leaves(live)});
  }
  const FieldPaths now = leaves(wanted);
  std::vector<FieldConflict> conflicts;
  for (Entry& entry : entries) {
    if (entry.manager == by.manager && entry.operation == "Apply") continue;
    std::erase_if(entry.fields, [&](const FieldPath& path) {
      if (!now.contains(path) || same_at(live, wanted, path)) return false;
      conflicts.push_back({.manager = entry.manager, .path = printed(path)});
      return by.force;
    });
  }
  if (!conflicts.empty() && !by.force) return std::unexpected(std::move(conflicts));
  Json document = live.is_null() ? wanted : live;
  for (const FieldPath& path : now) {
    const Json& value = *field_at(wanted, path);
    const Json* have = field_at(document, path);
    const bool kept = value.is_object() && have != nullptr && have->is_object();  // an empty map asks for a map
    if (!kept) put(document, path, value);
  }
  const FieldPaths before = entry_of(entries, by.manager, "Apply").fields;
  for (const FieldPath& path : before) {
    const bool shared = std::ranges::any_of(entries, [&](const Entry& one) {
      return (one.manager != by.manager || one.operation != "Apply") && holds(one.fields, path);
    });
    if (!holds(now, path) && !shared) erase(document, path);
  }
  Entry& mine = entry_of(entries, by.manager, "Apply");
  if (mine.fields != now || mine.time.empty()) mine.time = by.time;
  mine.fields = now;
  return AppliedFields{.document = std::move(document), .managed = print_entries(std::move(entries), by.api_version)};
}

Json updated_fields(const Json& managed, const Json& before, const Json& after, const Applying& by) {
  if (managed.is_null()) return managed;
  std::vector<Entry> entries = read_entries(managed);
  FieldPaths changed;
  const FieldPaths now = leaves(after);
  std::ranges::copy_if(now, std::inserter(changed, changed.end()),
                       [&](const FieldPath& path) { return !same_at(before, after, path); });
  for (Entry& entry : entries) {
    std::erase_if(entry.fields, [&](const FieldPath& path) { return changed.contains(path) || !now.contains(path); });
  }
  if (!changed.empty()) {
    Entry& mine = entry_of(entries, by.manager, "Update");
    mine.time = by.time;
    mine.fields.insert(changed.begin(), changed.end());
  }
  return print_entries(std::move(entries), by.api_version);
}

}  // namespace marea::api
