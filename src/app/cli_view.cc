#include "app/cli_view.h"

#include <algorithm>
#include <set>

#include "api/table.h"
#include "app/cli_client.h"
#include "app/cli_revision_diff.h"
#include "app/cli_view_experiments.h"
#include "app/cli_view_releases.h"

namespace marea::app {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

const Json* container_of(const Json& spec) {
  const Json* containers = find(spec, {"containers"});
  return containers == nullptr ? nullptr : api::serving_container(*containers);
}

std::string image_of(const Json* spec) {
  const Json* container = spec == nullptr ? nullptr : container_of(*spec);
  return container == nullptr ? std::string() : text_at(*container, {"image"});
}

std::string label_of(const Json& object, std::string_view key) {
  return text_at(object, {"metadata", "labels", key});
}

void add_conditions(const Json& object, const Words& words, Pairs& out) {
  const Json* conditions = find(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return;
  std::set<std::string> told;  // a failure stands in every condition that it keeps from being true
  for (const Json& condition : *conditions) {
    std::string text = text_at(condition, {"status"});
    if (const std::string reason = text_at(condition, {"reason"}); !reason.empty()) text += " " + reason;
    const std::string message = text_at(condition, {"message"});
    if (!message.empty() && told.insert(message).second) text += ": " + message;
    out.emplace_back(words(Text::label_condition, text_at(condition, {"type"})), text);
  }
}

std::vector<std::string> service_row(const Json& service) {
  const Json ready = condition_of(service, "Ready");
  return {name_of(service), text_at(service, {"status", "url"}),
          text_at(service, {"status", "latestReadyRevisionName"}), text_at(ready, {"status"}),
          text_at(ready, {"reason"})};
}

Pairs service_pairs(const Json& service, const Words& words) {
  Pairs out = {{words(Text::label_name), name_of(service)},
               {"URL", text_at(service, {"status", "url"})},
               {words(Text::label_image), image_of(find(service, {"spec", "template", "spec"}))},
               {words(Text::label_latest_created), text_at(service, {"status", "latestCreatedRevisionName"})},
               {words(Text::label_latest_ready), text_at(service, {"status", "latestReadyRevisionName"})},
               {words(Text::label_traffic), traffic_of(service)},
               {words(Text::label_generation), text_at(service, {"metadata", "generation"})},
               {words(Text::label_created), text_at(service, {"metadata", "creationTimestamp"})}};
  add_conditions(service, words, out);
  return out;
}

std::vector<std::string> revision_row(const Json& revision) {
  const Json ready = condition_of(revision, "Ready");
  return {name_of(revision),          label_of(revision, "serving.knative.dev/service"), text_at(ready, {"status"}),
          text_at(ready, {"reason"}), text_at(revision, {"status", "actualReplicas"}),   in_short(digest_of(revision))};
}

Pairs revision_pairs(const Json& revision, const Words& words) {
  Pairs out = {{words(Text::label_name), name_of(revision)},
               {words(Text::label_service), label_of(revision, "serving.knative.dev/service")},
               {words(Text::label_generation), label_of(revision, "serving.knative.dev/configurationGeneration")},
               {words(Text::label_image), image_of(find(revision, {"spec"}))},
               {words(Text::label_digest), digest_of(revision)},
               {words(Text::label_source), source_of_revision(revision, words(Text::source_modified))},
               {words(Text::label_replicas), text_at(revision, {"status", "actualReplicas"})},
               {words(Text::label_desired), text_at(revision, {"status", "desiredReplicas"})},
               {words(Text::label_created), text_at(revision, {"metadata", "creationTimestamp"})}};
  add_conditions(revision, words, out);
  return out;
}

std::vector<std::string> instance_row(const Json& instance) {
  return {name_of(instance),
          text_at(instance, {"service"}),
          text_at(instance, {"revision"}),
          text_at(instance, {"state"}),
          text_at(instance, {"since"}),
          text_at(instance, {"in_flight"}),
          text_at(instance, {"reason"})};
}

Pairs instance_pairs(const Json& instance, const Words& words) {
  Pairs out = {{words(Text::label_name), name_of(instance)},
               {words(Text::label_service), text_at(instance, {"service"})},
               {words(Text::label_revision), text_at(instance, {"revision"})},
               {words(Text::label_state), text_at(instance, {"state"})},
               {words(Text::label_since), text_at(instance, {"since"})},
               {words(Text::label_in_flight), text_at(instance, {"in_flight"})},
               {words(Text::label_reason), text_at(instance, {"reason"})},
               {words(Text::label_detail), text_at(instance, {"detail"})},
               {words(Text::label_exit_code), text_at(instance, {"exit", "code"})},
               {words(Text::label_signal), text_at(instance, {"exit", "signal"})},
               {words(Text::label_peak_memory), text_at(instance, {"peak_memory_bytes"})}};
  const Json* listening = find(instance, {"listening"});
  if (listening != nullptr && listening->is_array()) {
    for (const Json& place : *listening) {
      out.emplace_back(words(Text::label_listening), text_at(place, {"address"}) + ":" + text_at(place, {"port"}));
    }
  }
  return out;
}

const std::vector<View>& views() {
  static const std::vector<View> kViews = {
      {"services",
       kServices,
       {Text::head_name, Text::head_url, Text::head_revision, Text::head_ready, Text::head_reason},
       service_row,
       service_pairs},
      {"revisions",
       kRevisions,
       {Text::head_name, Text::head_service, Text::head_ready, Text::head_reason, Text::head_replicas,
        Text::head_digest},
       revision_row,
       revision_pairs},
      {"instances",
       kInstances,
       {Text::head_name, Text::head_service, Text::head_revision, Text::head_state, Text::head_since,
        Text::head_in_flight, Text::head_reason},
       instance_row,
       instance_pairs},
      releases_view(),
      release_policies_view(),
      experiments_view(),
  };
  return kViews;
}

}  // namespace

std::string traffic_of(const Json& service) {
  const Json* traffic = find(service, {"status", "traffic"});
  std::string out;
  if (traffic == nullptr || !traffic->is_array()) return out;
  for (const Json& target : *traffic) {
    const std::string percent = text_at(target, {"percent"});
    if (percent.empty()) continue;  // it has a tag alone
    out += (out.empty() ? "" : ", ") + text_at(target, {"revisionName"}) + " " + percent + "%";
  }
  return out;
}

const View* view_of(std::string_view noun) {
  const auto found = std::ranges::find(views(), noun, &View::noun);
  return found == views().end() ? nullptr : &*found;
}

std::string name_of(const Json& object) {
  const std::string name = text_at(object, {"metadata", "name"});
  return name.empty() ? text_at(object, {"name"}) : name;
}

std::string digest_of(const Json& revision) {
  const Json* statuses = find(revision, {"status", "containerStatuses"});
  const bool there = statuses != nullptr && statuses->is_array() && !statuses->empty();
  return there ? text_at(statuses->front(), {"imageDigest"}) : std::string();
}

std::string in_short(const std::string& digest) {
  constexpr std::size_t kShown = 19;  // "sha256:" and 12 digits
  return digest.substr(digest.rfind('@') + 1, kShown);
}

Json condition_of(const Json& object, std::string_view type) {
  const Json* conditions = find(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return Json::object();
  for (const Json& condition : *conditions) {
    if (text_at(condition, {"type"}) == type) return condition;
  }
  return Json::object();
}

const std::vector<Json>& items_of(const Json& list) {
  static const std::vector<Json> kNone;
  const Json* items = find(list, {"items"});
  return items != nullptr && items->is_array() ? items->get_ref<const Json::array_t&>() : kNone;
}

std::string print_list(const View& view, const Json& list, Format format, const Words& words) {
  switch (format) {
    case Format::json:
    case Format::yaml: return print_value(list, format);
    case Format::name: {
      std::string out;
      for (const Json& item : items_of(list)) out += name_of(item) + "\n";
      return out;
    }
    case Format::table: break;
  }
  std::vector<std::string> header;
  header.reserve(view.header.size());
  for (const Text text : view.header) header.emplace_back(words.raw(text));
  std::vector<std::vector<std::string>> rows;
  for (const Json& item : items_of(list)) rows.push_back(view.row(item));
  return print_table(header, rows);
}

}  // namespace marea::app
