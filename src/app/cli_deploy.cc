// deploy NAME --image REF.
#include <filesystem>

#include "app/cli_release.h"
#include "app/cli_upload.h"
#include "app/cli_verbs.h"
#include "base/random.h"
#include "pipeline/archive_layout.h"
#include "pipeline/registry_reference.h"

namespace marea::app {
namespace {

constexpr int kNonceLength = 8;

// The reference as the manifest will have it; a layout is uploaded first.
Outcome<std::string> bring_image(Verb& verb, const std::string& image) {
  if (!pipeline::is_local_reference(image)) {
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
    // What the tag means now may be another image than before, although the manifest is the same.
    const bool tag = pipeline::names_registry(*settings.image) && settings.image->find('@') == std::string::npos;
    if (tag) settings.nonce = base::SystemRandom().suffix(kNonceLength);
  }
  const Outcome<Json> sent = change_and_send(verb, name, settings);
  if (!sent) return std::unexpected(sent.error());
  const Outcome<Json> service = wait_as_asked(verb, *sent, true);
  if (!service) return std::unexpected(service.error());
  print_deployed(verb, *service);
  return Exit::ok;
}

}  // namespace marea::app
