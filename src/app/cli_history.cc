// history NAME, diff REVISION REVISION, diff NAME REVISION REVISION, diff NAME -f FILE: which code ran when, what a
// deploy changed, what one would.
#include <algorithm>

#include "app/cli_manifest_file.h"
#include "app/cli_moment.h"
#include "app/cli_revision_diff.h"
#include "app/cli_timeline.h"
#include "app/cli_upload.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "model/mixed_manifest.h"
#include "pipeline/oci_layout.h"

namespace marea::app {
namespace {

constexpr std::size_t kMostNamed = 3;  // changed fields of a row; `marea diff` has all

std::string changed_fields(const Json& before, const Json& after, const Words& words) {
  std::vector<Difference> found = differences(before, after);
  std::erase_if(found, [](const Difference& one) { return one.field.starts_with("source "); });  // its own column
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
  const auto at = moment_of(verb.arguments.text("--at"), "--at", verb.words());
  if (!at) return std::unexpected(at.error());
  const auto since = moment_of(verb.arguments.text("--since"), "--since", verb.words());
  if (!since) return std::unexpected(since.error());
  if (*at && *since) return give_up(usage_failure(verb.words()(Text::at_or_since), {}));
  if (*at) return show_instant(verb, name, **at);
  if (*since) return show_timeline(verb, name, **since);
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
                    in_short(digest_of(revision)), source_of_revision(revision, words(Text::source_modified)),
                    share_of(*service, name_of(revision)), state_of(revision), change});
    Json item = {{"name", name_of(revision)}, {"created", rows.back()[1]}, {"source", rows.back()[3]},
                 {"traffic", rows.back()[4]}, {"state", rows.back()[5]},   {"changed", Json::array()}};
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
    verb.console.data(print_table(
        {words(Text::head_revision), words(Text::head_when), words(Text::head_digest), words(Text::head_source),
         words(Text::head_traffic), words(Text::head_state), words(Text::head_change)},
        rows));
  }
  return Exit::ok;
}

namespace {

// What runs and where it comes from is read before its settings.
bool is_first(const Difference& one) {
  return one.field.starts_with("image") || one.field.starts_with("source ");
}

void print_differences(Verb& verb, std::vector<Difference> found, const std::string& before_name,
                       const std::string& after_name) {
  std::ranges::stable_partition(found, is_first);
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    Json items = Json::array();
    for (const Difference& one : found) {
      items.push_back({{"field", one.field}, {"before", one.before}, {"after", one.after}});
    }
    verb.console.data(
        print_value({{"before", before_name}, {"after", after_name}, {"items", std::move(items)}}, format));
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Difference& one : found) {
    if (format == Format::name) verb.console.data(one.field + "\n");
    rows.push_back({one.field, one.before, one.after});
  }
  if (format == Format::table && !found.empty()) {
    verb.console.data(print_table({verb.words()(Text::head_field), before_name, after_name}, rows));
  }
}

// The service as it is, and as the platform says it would be: nothing is stored.
Outcome<Exit> diff_with_file(Verb& verb, const std::string& name, const std::string& file) {
  const Words& words = verb.words();
  const Outcome<ManifestFile> source = read_manifest_file(file, words);
  if (!source) return std::unexpected(source.error());
  auto documents = model::parse_mixed(source->text);
  if (!documents) return give_up(faulty_manifest(*source, documents.error(), words));
  const auto wanted = std::ranges::find_if(*documents, [&](const model::MixedDocument& one) {
    return one.kind == model::ManifestKind::service && one.name == name;
  });
  if (wanted == documents->end()) {
    return give_up(base::Error{.code = base::ErrorCode::not_found,
                               .what = words(Text::diff_not_in_file, source->name, name),
                               .remedy = words(Text::see_list, "services")});
  }
  for (Json* image : images_of(wanted->document)) {
    const std::string reference = image->get<std::string>();
    if (!pipeline::is_oci_reference(reference)) continue;
    const Outcome<std::string> absolute = absolute_reference(reference, source->base);
    if (!absolute) return std::unexpected(absolute.error());
    *image = *absolute;
  }
  const std::string path = fmt::format("{}/{}", kServices, escape(name));
  const Outcome<Json> now = verb.api.get(path);
  if (!now && now.error().error.code != base::ErrorCode::not_found) return std::unexpected(now.error());
  if (wanted->document.contains("metadata")) wanted->document["metadata"].erase("resourceVersion");
  const Outcome<Answer> then =
      verb.api.send({.method = "PUT",
                     .path = path + "?dryRun=All",
                     .body = wanted->document.dump(-1, ' ', false, Json::error_handler_t::replace)});
  if (!then) return std::unexpected(then.error());
  const std::vector<Difference> found =
      model::differences(now ? model::service_fields(*now) : model::Fields(), model::service_fields(then->json()));
  if (found.empty()) verb.console.say(Text::no_change, source->name, name);
  print_differences(verb, found, words(Text::head_now), words(Text::head_then));
  return Exit::ok;
}

// One of a service by its name, or by what only its name ends or begins with: "00002" of "web-00002-abc".
Outcome<Json> named_revision(Verb& verb, const std::string& service, const std::vector<Json>& revisions,
                             const std::string& word) {
  const Words& words = verb.words();
  const auto unknown = [&](std::string what) {
    return give_up(base::Error{
        .code = base::ErrorCode::not_found, .what = std::move(what), .remedy = words(Text::see_history, service)});
  };
  if (word == "latest" && !revisions.empty()) return revisions.back();
  std::vector<const Json*> found;
  std::string names;
  const std::string whole = fmt::format("{}-{}", service, word);
  for (const Json& each : revisions) {
    const std::string name = name_of(each);
    if (name == word) return each;
    const bool begins = name.starts_with(word) || name.starts_with(whole);
    if (!begins && !name.ends_with(word)) continue;
    found.push_back(&each);
    names.append(names.empty() ? "" : ", ").append(name);
  }
  if (found.empty()) return unknown(words(Text::diff_not_found, service, word));
  if (found.size() > 1) return unknown(words(Text::diff_ambiguous, word, names));
  return *found.front();
}

Outcome<Exit> diff_revisions(Verb& verb, const Json& before, const Json& after) {
  const std::vector<Difference> found = differences(before, after);
  if (found.empty()) verb.console.say(Text::no_difference, name_of(before), name_of(after));
  print_differences(verb, found, name_of(before), name_of(after));
  return Exit::ok;
}

Outcome<Exit> diff_of_service(Verb& verb, const std::string& service) {
  const Outcome<std::vector<Json>> revisions = revisions_of(verb, service);
  if (!revisions) return std::unexpected(revisions.error());
  const Outcome<Json> before = named_revision(verb, service, *revisions, verb.arguments.positional(1));
  if (!before) return std::unexpected(before.error());
  const Outcome<Json> after = named_revision(verb, service, *revisions, verb.arguments.positional(2));
  if (!after) return std::unexpected(after.error());
  return diff_revisions(verb, *before, *after);
}

}  // namespace

Outcome<Exit> show_diff(Verb& verb) {
  const std::string& before_name = verb.arguments.positional(0);
  const std::string& after_name = verb.arguments.positional(1);
  const std::optional<std::string> file = verb.arguments.text("--filename");
  if (file.has_value() != after_name.empty()) return give_up(usage_failure(verb.words()(Text::diff_two), {}));
  if (file) return diff_with_file(verb, before_name, *file);
  if (!verb.arguments.positional(2).empty()) return diff_of_service(verb, before_name);
  const Outcome<Json> before = get_object(verb, "revisions", before_name);
  if (!before) return std::unexpected(before.error());
  const Outcome<Json> after = get_object(verb, "revisions", after_name);
  if (!after) return std::unexpected(after.error());
  return diff_revisions(verb, *before, *after);
}

}  // namespace marea::app
