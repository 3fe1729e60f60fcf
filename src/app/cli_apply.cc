// apply -f FILE. Everything is checked before anything is sent: the manifest with the platform's own readers, then the
// images it names, then the platform is asked whether it would take each object; only then do images and objects go
// out: policies, which services name, before services, and experiments when the services are ready, since their arms
// must be; else in the order of the documents.
#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>

#include "app/cli_manifest_file.h"
#include "app/cli_release.h"
#include "app/cli_releases.h"
#include "app/cli_upload.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "base/clock.h"
#include "pipeline/archive_layout.h"

namespace marea::app {
namespace {

// Makes layouts absolute and checks that each can be read; answers the references to upload.
Outcome<std::set<std::string>> prepare_images(std::vector<model::MixedDocument>& documents,
                                              const ManifestFile& source) {
  std::set<std::string> out;
  for (model::MixedDocument& document : documents) {
    for (Json* image : images_of(document.document)) {
      const std::string reference = image->get<std::string>();
      if (!pipeline::is_local_reference(reference)) continue;
      Outcome<std::string> absolute = absolute_reference(reference, source.base);
      if (!absolute) return std::unexpected(absolute.error());
      if (const Outcome<void> good = check_reference(*absolute); !good) return std::unexpected(good.error());
      *image = *absolute;
      out.insert(*std::move(absolute));
    }
  }
  return out;
}

using Documents = std::vector<model::MixedDocument>;

bool is_there(const Documents& documents, model::ManifestKind kind, std::string_view name) {
  return std::ranges::any_of(documents, [&](const auto& each) { return each.kind == kind && each.name == name; });
}

// As it can be asked for before the others are stored: without what depends on a policy of the same file.
model::MixedDocument on_its_own(model::MixedDocument document, const Documents& all) {
  constexpr const char* kPolicy = "marea.dev/release-policy";
  const std::string policy = text_at(document.document, {"metadata", "annotations", kPolicy});
  if (policy.empty() || !is_there(all, model::ManifestKind::release_policy, policy)) return document;
  document.document["metadata"]["annotations"].erase(kPolicy);
  if (find(document.document, {"spec", "template", "metadata", "annotations"}) != nullptr) {
    document.document["spec"]["template"]["metadata"]["annotations"].erase("marea.dev/rollback");
  }
  return document;
}

// A host that a service before it in the file may give up; whether it does is known when that is stored.
bool is_of_another(const Cause& cause, const Documents& all) {
  return std::ranges::any_of(all, [&](const model::MixedDocument& each) {
    return each.kind == model::ManifestKind::service && cause.message.ends_with(" belongs to service " + each.name);
  });
}

// What the platform would refuse of services and policies, of all of them at once: with one of several stored and the
// next refused, nobody would know what holds. One alone is stored or refused as it is.
Outcome<void> ask_for_all(Verb& verb, const Documents& documents, const ManifestFile& source) {
  using enum model::ManifestKind;
  if (std::ranges::count_if(documents, [](const auto& each) { return each.kind != experiment; }) < 2) return {};
  std::optional<Failure> out;
  for (const model::MixedDocument& each : documents) {
    if (each.kind == experiment) continue;  // its arms are revisions that the services before it may bring
    const Outcome<void> good = try_manifest(verb, on_its_own(each, documents));
    if (good) continue;
    Failure failure = good.error();
    if (failure.error.code == base::ErrorCode::unavailable) return give_up(std::move(failure));
    if (failure.causes.empty()) failure.causes.push_back({.message = failure.error.what});
    std::erase_if(failure.causes, [&](const Cause& cause) { return is_of_another(cause, documents); });
    if (failure.causes.empty()) continue;
    if (!out) out = Failure{.error = failure.error, .file = source.name, .exit = failure.exit};
    for (Cause& cause : failure.causes) {
      const std::string whose = fmt::format("{}/{}", noun_of(each.kind), each.name);
      cause.field = cause.field.empty() ? whose : whose + ": " + cause.field;
      out->causes.push_back(std::move(cause));
    }
  }
  if (!out) return {};
  out->error.what = verb.words()(Text::manifest_invalid, source.name, out->causes.size());
  out->error.why = verb.words()(Text::nothing_stored);
  out->error.remedy = verb.words()(Text::manifest_remedy);
  return give_up(*std::move(out));
}

// Adds to the faults of a file what the platform would refuse of it beside them, where it has one object (others may
// name each other) and the platform answers.
void add_platforms_faults(Verb& verb, const ManifestFile& source, Failure& failure) {
  const model::Documents read = model::read_documents(source.text);
  if (read.trees.size() != 1) return;
  const model::Tree& tree = read.trees.front();
  const std::string name = text_at(tree.value, {"metadata", "name"});
  if (name.empty()) return;
  const Outcome<void> good = try_manifest(
      verb, {.kind = model::kind_of_object(tree.value), .name = name, .document = tree.value, .notices = {}});
  if (good) return;
  for (Cause cause : good.error().causes) {
    const bool known = std::ranges::any_of(failure.causes, [&](const Cause& other) {
      return other.field == cause.field && other.message == cause.message;
    });
    if (known || cause.field.empty()) continue;
    const model::Mark mark = mark_at(tree, cause.field);
    cause.line = mark.line;
    cause.column = mark.column;
    failure.causes.push_back(std::move(cause));
  }
  std::ranges::stable_sort(failure.causes, {}, [](const Cause& cause) { return std::pair(cause.line, cause.column); });
  failure.error.what = verb.words()(Text::manifest_invalid, source.name, failure.causes.size());
}

void print_applied(Verb& verb, const std::vector<model::MixedDocument>& documents, const std::vector<Json>& objects) {
  const Format format = verb.arguments.format();
  if (objects.size() == 1 && (format == Format::json || format == Format::yaml)) {
    verb.console.data(print_value(objects.front(), format));
    return;
  }
  const Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}};
  if (format != Format::table) {
    verb.console.data(print_list(*view_of("services"), list, format, verb.words()));
    return;
  }
  using enum model::ManifestKind;
  for (const model::ManifestKind kind : {service, release_policy, experiment}) {
    Json items = Json::array();
    for (std::size_t i = 0; i < objects.size(); ++i) {
      if (documents[i].kind == kind) items.push_back(objects[i]);
    }
    if (items.empty()) continue;
    verb.console.data(print_list(*view_of(noun_of(kind)), {{"items", items}}, format, verb.words()));
  }
}

// Those of these kinds, in the order of the kinds. The answers stand in the order of the documents.
Outcome<void> send(Verb& verb, const std::vector<model::MixedDocument>& documents,
                   std::initializer_list<model::ManifestKind> kinds, const std::string& file, std::vector<Json>& out) {
  std::vector<std::size_t> order;
  for (const model::ManifestKind kind : kinds) {
    for (std::size_t i = 0; i < documents.size(); ++i) {
      if (documents[i].kind == kind) order.push_back(i);
    }
  }
  for (const std::size_t i : order) {
    for (const model::Fault& fault : documents[i].notices) {
      verb.console.notice(to_string(Cause{fault.line, fault.column, fault.path, fault.message}, file));
    }
    Outcome<Json> sent = send_manifest(verb, documents[i]);
    if (!sent) {
      Failure failure = sent.error();
      failure.file = file;
      return give_up(std::move(failure));
    }
    out[i] = *std::move(sent);
  }
  return {};
}

// Of several that did not go well the first decides. `ready`: until they are ready at least.
Outcome<Exit> wait_for_all(Verb& verb, const std::vector<model::MixedDocument>& documents, bool ready,
                           std::vector<Json>& objects) {
  const base::SystemClock clock;
  Exit exit = Exit::ok;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (documents[i].kind != model::ManifestKind::service) continue;
    const base::Instant began = clock.now();
    Outcome<Json> now = wait_as_asked(verb, objects[i], ready);
    if (!now) return std::unexpected(now.error());
    objects[i] = *std::move(now);
    const Outcome<Exit> followed = follow_deployed(verb, objects[i], clock.now() - began);
    if (!followed) return followed;
    if (exit == Exit::ok) exit = *followed;
  }
  return exit;
}

void drop_experiments(Verb& verb, std::vector<model::MixedDocument>& documents, std::vector<Json>& objects) {
  for (std::size_t i = documents.size(); i-- > 0;) {
    if (documents[i].kind != model::ManifestKind::experiment) continue;
    verb.console.say(Text::experiment_not_sent, name_of(documents[i].document));
    documents.erase(documents.begin() + static_cast<std::ptrdiff_t>(i));
    objects.erase(objects.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace

Outcome<Exit> apply_manifests(Verb& verb) {
  const std::optional<std::string> file = verb.arguments.text("--filename");
  if (!file) return give_up(usage_failure(verb.words()(Text::missing_word, "-f FILE"), {}));
  const Outcome<ManifestFile> source = read_manifest_file(*file, verb.words());
  if (!source) return std::unexpected(source.error());
  auto documents = model::parse_mixed(source->text);
  if (!documents) {
    Failure failure = faulty_manifest(*source, documents.error(), verb.words());
    add_platforms_faults(verb, *source, failure);
    return give_up(std::move(failure));
  }
  const Outcome<std::set<std::string>> images = prepare_images(*documents, *source);
  if (!images) return std::unexpected(images.error());
  if (const Outcome<void> good = ask_for_all(verb, *documents, *source); !good) return std::unexpected(good.error());
  for (const std::string& image : *images) {
    const Outcome<UploadedImage> uploaded = ImageUpload(verb.api, verb.console).upload(image, image);
    if (!uploaded) return std::unexpected(uploaded.error());
  }
  using enum model::ManifestKind;
  std::vector<Json> objects(documents->size());
  const Outcome<void> sent = send(verb, *documents, {release_policy, service}, source->name, objects);
  if (!sent) return std::unexpected(sent.error());
  const bool tries = std::ranges::any_of(*documents, [](const auto& each) { return each.kind == experiment; });
  const Outcome<Exit> exit = wait_for_all(verb, *documents, tries, objects);
  if (!exit) return exit;
  if (*exit == Exit::ok) {
    const Outcome<void> begun = send(verb, *documents, {experiment}, source->name, objects);
    if (!begun) return std::unexpected(begun.error());
  } else {
    drop_experiments(verb, *documents, objects);
  }
  print_applied(verb, *documents, objects);
  return *exit;
}

}  // namespace marea::app
