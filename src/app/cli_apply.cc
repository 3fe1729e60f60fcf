// apply -f FILE. Everything is checked before anything is sent: the manifest with the platform's own reader, then the
// images it names; only then do images and services go out, in the order of the documents.
#include <set>

#include "app/cli_manifest_file.h"
#include "app/cli_release.h"
#include "app/cli_upload.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "pipeline/archive_layout.h"

namespace marea::app {
namespace {

// Makes layouts absolute and checks that each can be read; answers the references to upload.
Outcome<std::set<std::string>> prepare_images(std::vector<model::ServiceDocument>& documents,
                                              const ManifestFile& source) {
  std::set<std::string> out;
  for (model::ServiceDocument& document : documents) {
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

void print_applied(Verb& verb, const std::vector<Json>& services) {
  const Format format = verb.arguments.format();
  if (services.size() == 1 && (format == Format::json || format == Format::yaml)) {
    verb.console.data(print_value(services.front(), format));
    return;
  }
  const Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", services}};
  verb.console.data(print_list(*view_of("services"), list, format, verb.words()));
}

}  // namespace

Outcome<Exit> apply_manifests(Verb& verb) {
  const std::optional<std::string> file = verb.arguments.text("--filename");
  if (!file) return give_up(usage_failure(verb.words()(Text::missing_word, "-f FILE"), {}));
  const Outcome<ManifestFile> source = read_manifest_file(*file, verb.words());
  if (!source) return std::unexpected(source.error());
  auto documents = model::parse_manifests(source->text);
  if (!documents) return give_up(faulty_manifest(*source, documents.error(), verb.words()));
  const Outcome<std::set<std::string>> images = prepare_images(*documents, *source);
  if (!images) return std::unexpected(images.error());
  for (const std::string& image : *images) {
    const Outcome<UploadedImage> uploaded = ImageUpload(verb.api, verb.console).upload(image, image);
    if (!uploaded) return std::unexpected(uploaded.error());
  }
  std::vector<Json> services;
  for (const model::ServiceDocument& document : *documents) {
    for (const model::Fault& fault : document.notices) {
      verb.console.notice(to_string(Cause{fault.line, fault.column, fault.path, fault.message}, source->name));
    }
    Outcome<Json> sent = send_manifest(verb, document);
    if (!sent) {
      Failure failure = sent.error();
      failure.file = source->name;
      return give_up(std::move(failure));
    }
    services.push_back(*std::move(sent));
  }
  for (Json& service : services) {
    Outcome<Json> now = wait_as_asked(verb, service, false);
    if (!now) return std::unexpected(now.error());
    service = *std::move(now);
  }
  print_applied(verb, services);
  return Exit::ok;
}

}  // namespace marea::app
