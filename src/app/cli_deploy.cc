// deploy NAME --image REF.
#include <algorithm>
#include <filesystem>

#include "app/cli_release.h"
#include "app/cli_releases.h"
#include "app/cli_upload.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "base/clock.h"
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

// Whether a registry says what it means: it has a host, or marea has no image of that name. Of marea's own the server
// sees by itself whether they have changed.
Outcome<bool> is_registrys_tag(Verb& verb, const std::string& image) {
  constexpr std::string_view kLatest = ":latest";
  const bool pinned = image.find('@') != std::string::npos || image.starts_with("sha256:");
  if (pinned || pipeline::is_local_reference(image)) return false;
  if (pipeline::names_registry(image) && !image.starts_with("localhost/")) return true;
  const Outcome<Json> list = verb.api.get(fmt::format("{}/images", kMarea));
  if (!list) return std::unexpected(list.error());
  return std::ranges::none_of(items_of(*list), [&](const Json& one) {
    const std::string name = text_at(one, {"name"});
    return name == image || name == image + std::string(kLatest) || name + std::string(kLatest) == image;
  });
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
    const Outcome<bool> tag = is_registrys_tag(verb, *settings.image);
    if (!tag) return std::unexpected(tag.error());
    if (*tag) settings.nonce = base::SystemRandom().suffix(kNonceLength);
  }
  const Outcome<Json> sent = change_and_send(verb, name, settings);
  if (!sent) return std::unexpected(sent.error());
  const base::SystemClock clock;
  const base::Instant began = clock.now();
  const Outcome<Json> service = wait_as_asked(verb, *sent, true);
  if (!service) return std::unexpected(service.error());
  return finish_deploy(verb, *service, clock.now() - began);
}

}  // namespace marea::app
