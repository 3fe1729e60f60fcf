// Images: from a reference in a manifest to an unpacked root file system.
#include <filesystem>
#include <utility>

#include "control/control.h"
#include "control/revision_images.h"

namespace marea::control {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::size_t kDigestLength = kDigestPrefix.size() + 64;

bool is_digest(std::string_view text) {
  return text.size() == kDigestLength && text.starts_with(kDigestPrefix) &&
         text.substr(kDigestPrefix.size()).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "sha256:…" or "NAME@sha256:…"; empty for a name alone.
std::string digest_in(const std::string& reference) {
  const std::size_t at = reference.rfind('@');
  const std::string text = at == std::string::npos ? reference : reference.substr(at + 1);
  return is_digest(text) ? text : std::string();
}

bool is_folder(const std::string& path) {
  std::error_code problem;
  return std::filesystem::is_directory(path, problem);
}

}  // namespace

const model::Image* Control::image(const std::string& digest) const {
  const auto found = images_.find(digest);
  return found == images_.end() ? nullptr : &found->second;
}

bool Control::has_blob(const std::string& digest) const {
  std::error_code problem;
  return is_digest(digest) &&
         std::filesystem::exists(folders_.blobs + "/sha256/" + digest.substr(kDigestPrefix.size()), problem);
}

void Control::restore_images() {
  std::set<std::string> lost;
  for (const auto& [name, service] : services_) {
    for (const RevisionState& one : service.revisions) {
      if (one.record.result != store::RevisionResult::ready) continue;
      for (const model::Image* image : images_of(one.record.revision)) {
        if (!is_folder(image->rootfs) && has_blob(image->digest)) lost.insert(image->digest);
      }
    }
  }
  for (const std::string& digest : lost) {
    log_(base::Severity::warning, "an unpacked image is gone and is unpacked again", {{"digest", digest}});
    unpack(digest, [this, digest](const base::Result<model::Image>& image) {
      if (!image) log_(base::Severity::error, "cannot unpack", {{"digest", digest}, {"error", image.error().line()}});
    });
  }
}

base::Result<Control::Lookup> Control::look_up(const std::string& reference) const {
  constexpr std::string_view kLatest = ":latest";
  std::string digest;
  const std::string without = reference.ends_with(kLatest) ? reference.substr(0, reference.size() - kLatest.size())
                                                           : reference + std::string(kLatest);
  for (const std::string& name : {reference, without}) {
    const auto named = names_.find(name);
    if (digest.empty() && named != names_.end()) digest = named->second.digest;
  }
  if (digest.empty()) digest = digest_in(reference);
  if (digest.empty()) {
    return base::fail(base::ErrorCode::image_not_found, "image \"" + reference + "\" is not in marea's image store",
                      "no image has that name",
                      "Upload it with `marea deploy NAME --image oci:DIR[:TAG]`, or build it with `marea up DIR`, then "
                      "apply the service again");
  }
  const model::Image* have = image(digest);
  if (have != nullptr && is_folder(have->rootfs)) return Lookup{.digest = digest, .image = have};
  if (!has_blob(digest)) {
    return base::fail(base::ErrorCode::image_not_found, "image \"" + reference + "\" cannot be had",
                      "its manifest " + digest + " is not in marea's image store",
                      "Upload the image again with `marea deploy NAME --image oci:DIR[:TAG]`");
  }
  return Lookup{.digest = digest};
}

void Control::obtain_image(ImageWish wish) {
  // A digest once resolved is part of a snapshot: only the unpacked tree is looked for again.
  const base::Result<Lookup> found = look_up(wish.digest.empty() ? wish.reference : wish.digest);
  if (!found) return wish.done(base::fail(found.error()));
  if (found->image != nullptr) return wish.done(*found->image);
  unpack(found->digest, std::move(wish.done));
}

void Control::prepare_image(ServiceState& service, RevisionState& revision) {
  prepare_images(service, revision, 0);
}

// One after the other, from that container on: the app's is 0.
void Control::prepare_images(ServiceState& service, RevisionState& revision, std::size_t from) {
  const model::Revision& value = revision.record.revision;
  const std::vector<std::string> references = references_of(value.spec);
  const std::vector<const model::Image*> images = images_of(value);
  for (std::size_t i = from; i < references.size(); ++i) {
    const bool resolved = i < images.size() && !images[i]->digest.empty();
    if (resolved && is_folder(images[i]->rootfs)) continue;
    revision.preparing = true;
    obtain_image(
        {.reference = references[i],
         .digest = resolved ? images[i]->digest : std::string(),
         .wanted = [this, name = value.name] { return owners_.contains(name); },
         .done = [this, name = value.name, i](const base::Result<model::Image>& image) { use_image(name, i, image); }});
    return;
  }
  begin_check(service, revision);
}

void Control::use_image(const base::RevisionName& name, std::size_t container,
                        const base::Result<model::Image>& image) {
  RevisionState* revision = find_revision(name);
  if (revision == nullptr) return;
  revision->preparing = false;
  touch_owner(name);
  if (revision->record.result != store::RevisionResult::pending) return;
  ServiceState& service = services_.at(owners_.at(name));
  if (!image) {
    const Failure failure = describe_missing_image(revision->record.revision, image.error());
    decide(service, *revision, &failure);
    return;
  }
  store::RevisionRecord record = revision->record;
  if (container == 0) {
    record.revision.image = *image;
  } else {
    record.revision.sidecar_images.resize(record.revision.spec.sidecars.size());
    record.revision.sidecar_images.at(container - 1) = *image;
  }
  if (write({std::move(record)})) prepare_images(service, *revision, container + 1);
}

void Control::unpack(const std::string& digest, std::function<void(base::Result<model::Image>)> done) {
  auto& waiting = unpacking_[digest];
  waiting.push_back(std::move(done));
  if (waiting.size() == 1 && !cleaning_) start_unpacking(digest);  // else clean() starts it when it has ended
}

void Control::start_unpacking(const std::string& digest) {
  const base::Result<std::uint64_t> added =
      jobs_.add({.work = net::msg::UnpackImage{.blobs = folders_.blobs, .digest = digest, .images = folders_.images},
                 .deadline = kUnpackDeadline,
                 .on_progress = {},
                 .on_done = [this, digest](const base::Result<model::Image>& image) { unpacked(digest, image); },
                 .on_cleaned = {}});
  if (!added) unpacked(digest, base::fail(added.error()));
}

void Control::unpacked(const std::string& digest, const base::Result<model::Image>& image) {
  base::Result<model::Image> result = image;
  if (result) {
    std::vector<store::Change> changes{store::ImageRecord{.digest = digest, .image = *result}};
    if (auto done = commit(changes); done) {
      images_[digest] = *result;
    } else {
      result = base::fail(std::move(done.error()));
    }
  }
  if (!result) result = base::fail(with_what_to_remove(std::move(result.error())));
  const auto waiting = std::move(unpacking_[digest]);
  unpacking_.erase(digest);
  for (const auto& done : waiting) done(result);
}

}  // namespace marea::control
