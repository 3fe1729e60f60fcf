#include "api/table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>
#include <utility>

#include "api/json_path.h"

namespace marea::api {
namespace {

struct Column {
  std::string_view name;
  std::string_view type;
  std::string_view path;  // of the object; or "?TYPE" / "?TYPE.reason": of its condition; or "@NAME": made here
  int priority = 0;       // above 0: only with -o wide
};

constexpr std::array kServiceColumns = {Column{"Name", "string", "metadata.name"},
                                        Column{"URL", "string", "status.url"},
                                        Column{"LatestCreated", "string", "status.latestCreatedRevisionName"},
                                        Column{"LatestReady", "string", "status.latestReadyRevisionName"},
                                        Column{"Ready", "string", "?Ready"},
                                        Column{"Reason", "string", "?Ready.reason"},
                                        Column{"Age", "string", "@age", 1}};
constexpr std::array kConfigurationColumns = {
    Column{"Name", "string", "metadata.name"}, Column{"LatestCreated", "string", "status.latestCreatedRevisionName"},
    Column{"LatestReady", "string", "status.latestReadyRevisionName"}, Column{"Ready", "string", "?Ready"},
    Column{"Reason", "string", "?Ready.reason"}};
constexpr std::array kRouteColumns = {Column{"Name", "string", "metadata.name"}, Column{"URL", "string", "status.url"},
                                      Column{"Ready", "string", "?Ready"}, Column{"Reason", "string", "?Ready.reason"}};
constexpr std::array kRevisionColumns = {Column{"Name", "string", "metadata.name"},
                                         Column{"Config Name", "string", "@configuration"},
                                         Column{"Generation", "string", "@generation"},
                                         Column{"Ready", "string", "?Ready"},
                                         Column{"Reason", "string", "?Ready.reason"},
                                         Column{"Actual Replicas", "integer", "status.actualReplicas"},
                                         Column{"Desired Replicas", "integer", "status.desiredReplicas"},
                                         Column{"Image", "string", "@image", 1}};
constexpr std::array kPodColumns = {
    Column{"Name", "string", "metadata.name"}, Column{"Ready", "string", "@ready"},
    Column{"Status", "string", "@pod"},        Column{"Restarts", "integer", "@restarts"},
    Column{"Age", "string", "@age"},           Column{"Revision", "string", "@revision", 1}};
constexpr std::array kEventColumns = {Column{"Last Seen", "string", "@seen"}, Column{"Type", "string", "type"},
                                      Column{"Reason", "string", "reason"}, Column{"Object", "string", "@object"},
                                      Column{"Message", "string", "message"}};
constexpr std::array kNamespaceColumns = {Column{"Name", "string", "metadata.name"},
                                          Column{"Status", "string", "status.phase"}, Column{"Age", "string", "@age"}};

constexpr std::array kReleaseColumns = {Column{"Name", "string", "metadata.name"},
                                        Column{"Service", "string", "spec.service"},
                                        Column{"Phase", "string", "status.phase"},
                                        Column{"Step", "string", "@step"},
                                        Column{"Weight", "string", "status.weight"},
                                        Column{"Verdict", "string", "status.verdict"},
                                        Column{"Age", "string", "@age"},
                                        Column{"Stable", "string", "spec.stable", 1},
                                        Column{"Canary", "string", "spec.canary", 1},
                                        Column{"Cause", "string", "status.cause", 1}};
constexpr std::array kPolicyColumns = {Column{"Name", "string", "metadata.name"},
                                       Column{"Strategy", "string", "@strategy"}, Column{"Ladder", "string", "@ladder"},
                                       Column{"Age", "string", "@age"}};

constexpr std::array kExperimentColumns = {
    Column{"Name", "string", "metadata.name"},   Column{"Service", "string", "spec.service"},
    Column{"Phase", "string", "status.phase"},   Column{"Verdict", "string", "@verdict"},
    Column{"Ends", "string", "spec.ends"},       Column{"Age", "string", "@age"},
    Column{"Cause", "string", "status.cause", 1}};

std::span<const Column> columns_of(Kind kind) {
  switch (kind) {
    case Kind::service: return kServiceColumns;
    case Kind::configuration: return kConfigurationColumns;
    case Kind::route: return kRouteColumns;
    case Kind::revision: return kRevisionColumns;
    case Kind::pod: return kPodColumns;
    case Kind::event: return kEventColumns;
    case Kind::name_space: return kNamespaceColumns;
    case Kind::release: return kReleaseColumns;
    case Kind::release_policy: return kPolicyColumns;
    case Kind::experiment: return kExperimentColumns;
  }
  return {};
}

std::string label_of(const Json& object, const char* name) {
  const Json labels = value_at(object, "metadata.labels");
  return labels.is_object() && labels.contains(name) ? labels[name].get<std::string>() : std::string();
}

std::string condition_of(const Json& object, std::string_view type, const char* member) {
  for (const Json& condition : value_at(object, "status.conditions")) {
    if (condition["type"] == type && condition.contains(member)) return condition[member].get<std::string>();
  }
  return {};
}

// As kubectl prints ages: the largest unit, seconds up to two minutes, minutes up to three hours, hours up to two days.
std::string age_of(const std::string& since, std::int64_t now_unix_ns) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  const auto number = [&](std::size_t at, std::size_t size, auto& out) {
    return at + size <= since.size() &&
           std::from_chars(since.data() + at, since.data() + at + size, out).ec == std::errc{};
  };
  if (!number(0, 4, year) || !number(5, 2, month) || !number(8, 2, day) || !number(11, 2, hour) ||
      !number(14, 2, minute) || !number(17, 2, second)) {
    return "<unknown>";
  }
  const std::chrono::sys_days date = std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day);
  const auto then =
      date.time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  const std::int64_t age = std::max<std::int64_t>(
      0, now_unix_ns / 1'000'000'000 - std::chrono::duration_cast<std::chrono::seconds>(then).count());
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (age < 2 * kMinute) return std::to_string(age) + "s";
  if (age < 3 * kHour) return std::to_string(age / kMinute) + "m";
  if (age < 2 * kDay) return std::to_string(age / kHour) + "h";
  return std::to_string(age / kDay) + "d";
}

// "2/5"; past the ladder it is the promotion.
std::string step_of(const Json& object) {
  const Json& step = value_at(object, "status.step");
  const Json& all = value_at(object, "status.ladderSteps");
  if (!step.is_number_integer() || !all.is_number_integer()) return {};
  if (step.get<std::int64_t>() > all.get<std::int64_t>()) return "promoted";
  return step.dump() + "/" + all.dump();
}

// "1% 5% 25%", as the policy writes its steps; that of a strategy where it writes none.
std::string ladder_of(const Json& object) {
  const Json& ladder = value_at(object, "spec.ladder");
  if (!ladder.is_array()) return "default";
  std::string out;
  for (const Json& step : ladder) {
    const Json& weight = step.is_object() ? value_at(step, "weight") : step;
    out += (out.empty() ? "" : " ") + (weight.is_string() ? weight.get<std::string>() : weight.dump());
  }
  return out;
}

// "new better, other unclear"
std::string verdict_text(const Json& object) {
  std::string out;
  const Json& comparisons = value_at(object, "status.comparisons");
  if (!comparisons.is_array()) return out;
  for (const Json& each : comparisons) {
    out += (out.empty() ? "" : ", ") + text_at(each, "arm") + " " + text_at(each, "verdict");
  }
  return out;
}

Json made_here(const Json& object, std::string_view name, std::int64_t now_unix_ns) {
  if (name == "age") return age_of(text_at(object, "metadata.creationTimestamp"), now_unix_ns);
  if (name == "seen") return age_of(text_at(object, "lastTimestamp"), now_unix_ns);
  if (name == "configuration") return label_of(object, "serving.knative.dev/configuration");
  if (name == "generation") return label_of(object, "serving.knative.dev/configurationGeneration");
  if (name == "revision") return label_of(object, "serving.knative.dev/revision");
  if (name == "restarts") return 0;
  if (name == "step") return step_of(object);
  if (name == "verdict") return verdict_text(object);
  if (name == "ladder") return ladder_of(object);
  if (name == "strategy") {
    const std::string strategy = text_at(object, "spec.strategy");
    return strategy.empty() ? "canary" : strategy;
  }
  if (name == "ready") {
    const std::string all = std::to_string(value_at(object, "status.containerStatuses").size());
    return (condition_of(object, "Ready", "status") == "True" ? all : "0") + "/" + all;
  }
  if (name == "pod") {
    const std::string reason = text_at(object, "status.reason");
    return text_at(object, "status.phase") == "Failed" && !reason.empty() ? reason : text_at(object, "status.phase");
  }
  if (name == "object") {
    std::string kind = text_at(object, "involvedObject.kind");
    std::ranges::transform(kind, kind.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return kind + "/" + text_at(object, "involvedObject.name");
  }
  const Json* container = serving_container(value_at(object, "spec.containers"));
  return container == nullptr ? std::string() : text_at(*container, "image");
}

Json cell(const Json& object, const Column& column, std::int64_t now_unix_ns) {
  std::string_view path = column.path;
  if (path.starts_with('@')) return made_here(object, path.substr(1), now_unix_ns);
  if (!path.starts_with('?')) {
    Json value = value_at(object, path);
    return value.is_null() && column.type == "string" ? Json("") : value;
  }
  path.remove_prefix(1);
  const bool reason = path.ends_with(".reason");
  if (reason) path.remove_suffix(std::string_view(".reason").size());
  return condition_of(object, path, reason ? "reason" : "status");
}

std::string parameter(std::string_view range, std::string_view name) {
  while (!range.empty()) {
    std::string_view part = range.substr(0, range.find(';'));
    range.remove_prefix(std::min(range.size(), part.size() + 1));
    while (part.starts_with(' ')) part.remove_prefix(1);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      return std::string(part.substr(name.size() + 1));
    }
  }
  return {};
}

}  // namespace

const Json* serving_container(const Json& containers) {
  if (!containers.is_array() || containers.empty()) return nullptr;
  const auto found = std::ranges::find_if(containers, [](const Json& one) {
    const Json& ports = value_at(one, "ports");
    return ports.is_array() && !ports.empty();
  });
  return found == containers.end() ? &containers.front() : &*found;
}

// The first range that asks for JSON decides.
std::optional<TableForm> table_form(std::string_view accept, std::string_view include_object) {
  while (!accept.empty()) {
    std::string_view range = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(accept.size(), range.size() + 1));
    while (range.starts_with(' ')) range.remove_prefix(1);
    if (!range.starts_with("application/json") && !range.starts_with("*/*")) continue;
    const std::string version = parameter(range, "v");
    if (parameter(range, "as") != "Table") return std::nullopt;
    if (parameter(range, "g") != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) continue;
    TableForm form{.version = version};
    if (include_object == "None") form.object = RowObject::none;
    if (include_object == "Object") form.object = RowObject::whole;
    return form;
  }
  return std::nullopt;
}

Json table_of(Kind kind, const TableForm& form, const std::vector<Json>& objects, Json metadata,
              std::int64_t now_unix_ns) {
  const std::string version = "meta.k8s.io/" + form.version;
  Json definitions = Json::array();
  for (const Column& column : columns_of(kind)) {
    definitions.push_back({{"name", column.name},
                           {"type", column.type},
                           {"format", column.name == "Name" ? "name" : ""},
                           {"description", ""},
                           {"priority", column.priority}});
  }
  Json rows = Json::array();
  for (const Json& object : objects) {
    Json cells = Json::array();
    for (const Column& column : columns_of(kind)) cells.push_back(cell(object, column, now_unix_ns));
    Json row = {{"cells", std::move(cells)}};
    if (form.object == RowObject::whole) row["object"] = object;
    if (form.object == RowObject::metadata) {
      row["object"] = {{"kind", "PartialObjectMetadata"}, {"apiVersion", version}, {"metadata", object["metadata"]}};
    }
    rows.push_back(std::move(row));
  }
  return {{"kind", "Table"},
          {"apiVersion", version},
          {"metadata", std::move(metadata)},
          {"columnDefinitions", std::move(definitions)},
          {"rows", std::move(rows)}};
}

}  // namespace marea::api
