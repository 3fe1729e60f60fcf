// deploy NAME --image REF.
#include <filesystem>

#include "app/cli_release.h"
#include "app/cli_upload.h"
#include "app/cli_verbs.h"
#include "pipeline/oci_layout.h"

namespace marea::app {
namespace {

// The reference as the manifest will have it; a layout is uploaded first.
Outcome<std::string> bring_image(Verb& verb, const std::string& image) {
  if (!pipeline::is_oci_reference(image)) {
    if (!std::filesystem::exists(image + "/oci-layout")) return image;
    return give_up(usage_failure(verb.words()(Text::layout_without_scheme, image),
                                 verb.words()(Text::layout_without_scheme_remedy, image)));
  }
  Outcome<std::string> reference = absolute_reference(image, ".");
  if (!reference) return reference;
  const Outcome<UploadedImage> uploaded = ImageUpload(verb.api, verb.console).upload(*reference, *reference);
  if (!uploaded) return std::unexpected(uploaded.error());
  return reference;
}

}  // namespace

Outcome<Exit> deploy_image(Verb& verb) {
  const std::string& name = verb.arguments.positional(0);
  if (const Outcome<void> good = check_service_name(name, verb.words()); !good) return std::unexpected(good.error());
  ServiceSettings settings = settings_of(verb.arguments);
  if (const auto image = verb.arguments.text("--image")) {
    Outcome<std::string> reference = bring_image(verb, *image);
    if (!reference) return give_up(with_kept_revision(verb, name, reference.error()));
    settings.image = *std::move(reference);
  }
  const Outcome<Json> sent = change_and_send(verb, name, settings);
  if (!sent) return std::unexpected(sent.error());
  const Outcome<Json> service = wait_as_asked(verb, *sent, true);
  if (!service) return std::unexpected(service.error());
  print_deployed(verb, *service);
  return Exit::ok;
}

}  // namespace marea::app
