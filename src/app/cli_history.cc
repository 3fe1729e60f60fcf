// history NAME, diff REVISION REVISION: which code ran when, and what a deploy changed.
#include <algorithm>

#include "app/cli_revision_diff.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

constexpr std::size_t kMostNamed = 3;  // changed fields of a row; `marea diff` has all

std::string changed_fields(const Json& before, const Json& after, const Words& words) {
  const std::vector<Difference> found = differences(before, after);
  if (found.empty()) return words(Text::nothing_changed);
  std::string out;
  for (std::size_t i = 0; i < std::min(found.size(), kMostNamed); ++i) out += (i == 0 ? "" : ", ") + found[i].field;
  return found.size() > kMostNamed ? fmt::format("{} (+{})", out, found.size() - kMostNamed) : out;
}

std::string share_of(const Json& service, const std::string& revision) {
  const Json* traffic = find(service, {"status", "traffic"});
  std::string out;
  if (traffic == nullptr || !traffic->is_array()) return out;
  for (const Json& target : *traffic) {
    if (text_at(target, {"revisionName"}) != revision) continue;
    const std::string percent = text_at(target, {"percent"});
    const std::string tag = text_at(target, {"tag"});
    if (!percent.empty()) out += (out.empty() ? "" : " ") + percent + "%";
    if (!tag.empty()) out += (out.empty() ? "" : " ") + tag;
  }
  return out;
}

std::string state_of(const Json& revision) {
  const Json ready = condition_of(revision, "Ready");
  const std::string reason = text_at(ready, {"reason"});
  return text_at(ready, {"status"}) == "True" || reason.empty() ? "Ready=" + text_at(ready, {"status"}) : reason;
}

std::string image_of_revision(const Json& revision) {
  constexpr std::size_t kShown = 19;  // "sha256:" and 12 digits
  const std::map<std::string, std::string> fields = fields_of(revision);
  const auto image = fields.find("image");
  return image == fields.end() ? std::string() : image->second.substr(0, kShown);
}

// Oldest first.
Outcome<std::vector<Json>> revisions_of(Verb& verb, const std::string& service) {
  const Outcome<Json> list =
      verb.api.get(fmt::format("{}?labelSelector={}", kRevisions, escape("serving.knative.dev/service=" + service)));
  if (!list) return std::unexpected(list.error());
  std::vector<Json> out = items_of(*list);
  const auto number = [](const Json& revision) {
    const std::string text = text_at(revision, {"metadata", "labels", "serving.knative.dev/configurationGeneration"});
    return read_seconds(text).value_or(0);
  };
  std::ranges::stable_sort(out, [&](const Json& a, const Json& b) { return number(a) < number(b); });
  return out;
}

}  // namespace

Outcome<Exit> show_history(Verb& verb) {
  const std::string& name = verb.arguments.positional(0);
  const Outcome<Json> service = get_object(verb, "services", name);
  if (!service) return std::unexpected(service.error());
  const Outcome<std::vector<Json>> revisions = revisions_of(verb, name);
  if (!revisions) return std::unexpected(revisions.error());
  const Words& words = verb.words();
  std::vector<std::vector<std::string>> rows;
  Json items = Json::array();
  for (std::size_t i = revisions->size(); i-- > 0;) {
    const Json& revision = (*revisions)[i];
    const std::string change =
        i == 0 ? words(Text::first_revision) : changed_fields((*revisions)[i - 1], revision, words);
    rows.push_back({name_of(revision), text_at(revision, {"metadata", "creationTimestamp"}),
                    image_of_revision(revision), share_of(*service, name_of(revision)), state_of(revision), change});
    Json item = {{"name", name_of(revision)},
                 {"created", rows.back()[1]},
                 {"traffic", rows.back()[3]},
                 {"state", rows.back()[4]},
                 {"changed", Json::array()}};
    if (i > 0) {
      for (const Difference& one : differences((*revisions)[i - 1], revision)) item["changed"].push_back(one.field);
    }
    items.push_back(std::move(item));
  }
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value({{"items", std::move(items)}}, format));
  } else if (format == Format::name) {
    for (const std::vector<std::string>& row : rows) verb.console.data(row.front() + "\n");
  } else {
    verb.console.data(print_table({words(Text::head_revision), words(Text::head_when), words(Text::head_digest),
                                   words(Text::head_traffic), words(Text::head_state), words(Text::head_change)},
                                  rows));
  }
  return Exit::ok;
}

Outcome<Exit> show_diff(Verb& verb) {
  const std::string& before_name = verb.arguments.positional(0);
  const std::string& after_name = verb.arguments.positional(1);
  const Outcome<Json> before = get_object(verb, "revisions", before_name);
  if (!before) return std::unexpected(before.error());
  const Outcome<Json> after = get_object(verb, "revisions", after_name);
  if (!after) return std::unexpected(after.error());
  const std::vector<Difference> found = differences(*before, *after);
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    Json items = Json::array();
    for (const Difference& one : found) {
      items.push_back({{"field", one.field}, {"before", one.before}, {"after", one.after}});
    }
    verb.console.data(print_value({{"items", std::move(items)}}, format));
    return Exit::ok;
  }
  if (found.empty()) verb.console.say(Text::no_difference, before_name, after_name);
  std::vector<std::vector<std::string>> rows;
  for (const Difference& one : found) {
    if (format == Format::name) verb.console.data(one.field + "\n");
    rows.push_back({one.field, one.before, one.after});
  }
  if (format == Format::table && !found.empty()) {
    verb.console.data(print_table({verb.words()(Text::head_field), before_name, after_name}, rows));
  }
  return Exit::ok;
}

}  // namespace marea::app
