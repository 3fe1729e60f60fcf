// Images: from a reference in a manifest to an unpacked root file system.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "control/control.h"
#include "control/revision_images.h"
#include "pipeline/archive_layout.h"
#include "pipeline/oci_image.h"
#include "pipeline/registry_reference.h"

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

bool is_unwanted(const Control::ImageWish& wish) {
  return wish.wanted && !wish.wanted();
}

bool is_folder(const std::string& path) {
  std::error_code problem;
  return std::filesystem::is_directory(path, problem);
}

}  // namespace

const model::Image* Control::image(const std::string& digest) const {
  const auto found = images_.find(digest);
  return found == images_.end() ? nullptr : &found->second.image;
}

bool Control::has_blob(const std::string& digest) const {
  std::error_code problem;
  return is_digest(digest) &&
         std::filesystem::exists(folders_.blobs + "/sha256/" + digest.substr(kDigestPrefix.size()), problem);
}

bool Control::is_whole(const std::string& digest) const {
  const auto blobs = pipeline::blobs_of(folders_.blobs, digest);
  if (!blobs) {
    const base::ErrorCode code = blobs.error().code;
    // Of the right digest, and yet not to be read: its unpacking tells why; a registry would give the same bytes.
    return code != base::ErrorCode::image_not_found && code != base::ErrorCode::digest_mismatch;
  }
  return std::ranges::all_of(*blobs, [this](const std::string& one) { return has_blob(one); });
}

void Control::restore_images() {
  std::map<std::string, std::string> lost;  // digest → a name of it
  for (const auto& [name, service] : services_) {
    for (const RevisionState& one : service.revisions) {
      if (one.record.result != store::RevisionResult::ready) continue;
      const std::vector<std::string> references = references_of(one.record.revision.spec);
      const std::vector<const model::Image*> images = images_of(one.record.revision);
      for (std::size_t i = 0; i < std::min(images.size(), references.size()); ++i) {
        if (!is_folder(images[i]->rootfs)) lost.emplace(images[i]->digest, references[i]);
      }
    }
  }
  for (const auto& [digest, name] : lost) {
    if (!look_up(name, digest)) continue;
    log_(base::Severity::warning, "an unpacked image is gone and is made again", {{"digest", digest}});
    obtain_image({.reference = name,
                  .digest = digest,
                  .needed = true,
                  .wanted = {},
                  .done = [this, digest](const base::Result<model::Image>& image) {
                    if (image) return;
                    restoring_.arm_in(kRestoreRetry);
                    log_(base::Severity::error, "cannot make an image again",
                         {{"digest", digest}, {"error", image.error().line()}});
                  }});
  }
}

base::Result<Control::Lookup> Control::look_up(const std::string& reference, const std::string& digest) const {
  constexpr std::string_view kLatest = ":latest";
  Lookup out{.digest = digest};
  const bool local = pipeline::is_local_reference(reference) || is_digest(reference);
  const auto remote = pipeline::parse_registry_reference(reference);
  if (!local && remote) out.source = pipeline::to_string(*remote);
  // localhost without a port is how builds call their results, here as with podman.
  if (!pipeline::names_registry(reference) || reference.starts_with("localhost/")) {
    const std::string without = reference.ends_with(kLatest) ? reference.substr(0, reference.size() - kLatest.size())
                                                             : reference + std::string(kLatest);
    for (const std::string& name : {reference, without}) {
      const auto named = names_.find(name);
      if (named == names_.end()) continue;
      out.source.clear();  // what marea calls so is no registry's
      if (out.digest.empty()) out.digest = named->second.digest;
    }
  }
  if (out.digest.empty()) out.digest = digest_in(reference);
  if (out.digest.empty() && out.source.empty()) {
    return base::fail(base::ErrorCode::image_not_found, "image \"" + reference + "\" is not in marea's image store",
                      local || remote ? "no image has that name" : "and it can be no registry's: " + remote.error().why,
                      "Upload it with `marea deploy NAME --image oci:DIR[:TAG]`, or build it with `marea up DIR`, then "
                      "apply the service again");
  }
  if (out.digest.empty()) return out;
  const model::Image* have = image(out.digest);
  if (have != nullptr && is_folder(have->rootfs)) out.image = have;
  out.whole = out.source.empty() ? has_blob(out.digest) : is_whole(out.digest);
  if (out.image == nullptr && !out.whole && out.source.empty()) {
    return base::fail(base::ErrorCode::image_not_found, "image \"" + reference + "\" cannot be had",
                      "its manifest " + out.digest + " is not in marea's image store",
                      "Upload the image again with `marea deploy NAME --image oci:DIR[:TAG]`");
  }
  return out;
}

void Control::obtain_image(ImageWish wish) {
  const base::Result<Lookup> found = look_up(wish.reference, wish.digest);
  if (!found) return wish.done(base::fail(found.error()));
  if (found->image != nullptr) return wish.done(*found->image);
  std::string source = found->source;
  if (!source.empty() && !found->digest.empty()) {  // pinned: the manifest is asked for by its digest
    pipeline::RegistryReference pinned = *pipeline::parse_registry_reference(source);
    pinned.tag.clear();
    pinned.digest = found->digest;
    source = pipeline::to_string(pinned);
  }
  if (found->whole) return make_image(found->digest, source, std::move(wish));
  ask_registry(source, std::move(wish));
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
         .wanted =
             [this, name = value.name] {
               const RevisionState* state = std::as_const(*this).revision(name);
               return state != nullptr && state->record.result == store::RevisionResult::pending &&
                      !service_of(name)->record.deleting;
             },
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

// One question for all who ask the same at once.
void Control::ask_registry(const std::string& source, ImageWish wish) {
  Asking& asking = asking_[source];
  asking.wishes.push_back(std::move(wish));
  if (asking.wishes.size() > 1) return;
  asking.since_unix_ns = loop_.clock().wall().unix_ns;
  base::Result<std::uint64_t> added =
      jobs_.add({.work = net::msg::ResolveImage{.reference = source,
                                                .blobs = folders_.blobs,
                                                .registries = folders_.registry,
                                                .silence = limits_.time(model::Limit::pull_silence)},
                 .deadline = kResolveDeadline,
                 .on_progress = {},
                 .on_resolved = [this, source](const auto& resolved) { asked(source, resolved); }});
  if (added) {
    asking.job = *added;
    return;
  }
  asked(source, base::fail(std::move(added.error())));
}

void Control::asked(const std::string& source, const base::Result<net::msg::ImageResolved>& resolved) {
  std::vector<ImageWish> wishes = std::move(asking_[source].wishes);
  asking_.erase(source);
  std::erase_if(wishes, is_unwanted);
  if (wishes.empty()) return;
  if (!resolved) {
    count_limits(resolved.error());
    const base::Error error = with_what_to_remove(resolved.error());
    for (const ImageWish& wish : wishes) wish.done(base::fail(with_names_here(error, wish.reference)));
    return;
  }
  const std::string& digest = resolved->digest;
  if (const model::Image* have = image(digest); have != nullptr && is_folder(have->rootfs)) {
    const model::Image image = *have;
    for (const ImageWish& wish : wishes) wish.done(image);
    return;
  }
  const bool begun = making_.contains(digest);
  Making& making = making_[digest];  // from here on, what it consists of stays
  making.bound.none = making.bound.none || std::ranges::any_of(wishes, &ImageWish::needed);
  std::ranges::move(wishes, std::back_inserter(making.wishes));
  if (begun) return;
  making.source = source;
  begin_making(digest, "pull " + source, resolved->missing_bytes + resolved->unpacked_bytes);
}

void Control::begin_making(const std::string& digest, const std::string& what, std::int64_t bytes) {
  const bool anyway = making_.at(digest).bound.none;
  auto room = check_room(what, static_cast<std::uint64_t>(bytes), {digest}, RoomAsk::with_margin);
  const auto still = making_.find(digest);  // not so when the removal that it needs could not begin
  if (still == making_.end()) return;
  if (!room && !anyway) return made(digest, base::fail(std::move(room.error())));
  still->second.bound.bytes = bytes;
  if (cleaning_ == 0) start_making(digest);  // else clean() does when it has ended
}

void Control::make_image(const std::string& digest, const std::string& otherwise, ImageWish wish) {
  Making& making = making_[digest];
  making.bound.none = making.bound.none || wish.needed;
  const std::string what = "unpack the image " + wish.reference;
  making.wishes.push_back(std::move(wish));
  if (making.otherwise.empty()) making.otherwise = otherwise;
  if (making.wishes.size() == 1) begin_making(digest, what, unpacked_guess(digest));
}

// 0: it cannot be read, which its unpacking tells.
std::int64_t Control::unpacked_guess(const std::string& digest) const {
  const auto image = pipeline::read_manifests(folders_.blobs, digest);
  return image ? pipeline::unpacked_guess(image->layers) : 0;
}

void Control::start_making(const std::string& digest) {
  Making& making = making_.at(digest);
  if (making.job != 0) return;
  BuilderJobs::Job job{
      .work = net::msg::UnpackImage{.blobs = folders_.blobs, .digest = digest, .images = folders_.images},
      .deadline = kUnpackDeadline,
      .on_progress = {},
      .on_done = [this, digest](const base::Result<model::Image>& image) { making_ended(digest, image); }};
  if (!making.source.empty()) {
    const base::Duration time = limits_.time(model::Limit::pull_time);
    job.work = net::msg::PullImage{.reference = making.source,
                                   .digest = digest,
                                   .blobs = folders_.blobs,
                                   .images = folders_.images,
                                   .registries = folders_.registry,
                                   .silence = limits_.time(model::Limit::pull_silence),
                                   .time = time,
                                   .most_bytes = limits_[model::Limit::pull_bytes]};
    job.deadline += time;
  }
  job.on_start = [this, digest](net::ControlToBuilder& work) {
    const std::int64_t room = take_room(making_.at(digest).bound);
    if (auto* unpack = std::get_if<net::msg::UnpackImage>(&work)) unpack->room = room;
    if (auto* pull = std::get_if<net::msg::PullImage>(&work)) pull->room = room;
  };
  const base::Result<std::uint64_t> added = jobs_.add(std::move(job));
  if (added) {
    making.job = *added;
    return;
  }
  made(digest, base::fail(added.error()));
}

// By its job.
void Control::making_ended(const std::string& digest, const base::Result<model::Image>& image) {
  if (image || image.error().code != base::ErrorCode::disk_budget) return made(digest, image);
  Bound& bound = making_.at(digest).bound;
  const base::Error error = at_bound(image.error(), bound);
  const bool more = make_more_room(bound);
  const auto still = making_.find(digest);
  if (still == making_.end()) return;
  if (!more) return made(digest, base::fail(error));
  log_(base::Severity::notice, "an image took more than was left, and is tried again with more", {{"digest", digest}});
  still->second.job = 0;
  if (cleaning_ == 0) start_making(digest);
}

void Control::made(const std::string& digest, const base::Result<model::Image>& image) {
  base::Result<model::Image> result = image;
  Making& making = making_[digest];
  const bool damaged = !result && result.error().code == base::ErrorCode::digest_mismatch;
  if (damaged && making.source.empty() && !making.otherwise.empty()) {
    log_(base::Severity::warning, "a blob is damaged on disk; the registry is asked for it",
         {{"digest", digest}, {"error", result.error().line()}});
    making.source = making.otherwise;
    making.job = 0;
    if (cleaning_ == 0) start_making(digest);
    return;
  }
  if (result) {
    store::ImageRecord record{.digest = digest, .image = *result, .used_unix_ns = loop_.clock().wall().unix_ns};
    if (const auto known = images_.find(digest); known != images_.end()) record.given = known->second.given;
    unread_.push_back(digest);
    reading_.arm_in(base::Duration{0});
    std::vector<store::Change> changes{std::move(record)};
    if (auto done = commit(changes); done) {
      images_[digest] = std::get<store::ImageRecord>(changes.front());
    } else {
      result = base::fail(std::move(done.error()));
    }
  }
  if (!result) {
    count_limits(result.error());
    result = base::fail(with_what_to_remove(std::move(result.error())));
  }
  const std::vector<ImageWish> wishes = std::move(making_[digest].wishes);
  making_.erase(digest);
  for (const ImageWish& wish : wishes) {
    if (!is_unwanted(wish)) wish.done(result);
  }
}

base::Error Control::with_names_here(base::Error error, const std::string& reference) const {
  const bool of_registry =
      base::to_string(error.code).starts_with("E_REGISTRY_") || error.code == base::ErrorCode::image_not_found;
  if (!of_registry || !pipeline::may_be_own_name(reference)) return error;
  std::vector<std::string> names;
  names.reserve(names_.size());
  for (const auto& [name, row] : names_) names.push_back(name);
  const std::vector<std::string> near = pipeline::near_names(reference, names);
  std::string listed;
  for (const std::string& name : near) listed += (listed.empty() ? "" : ", ") + name;
  error.why = "no image here has the name \"" + reference + "\"" + (near.empty() ? "" : ", only " + listed) +
              "; asked as a registry's: " + error.why;
  error.remedy = (near.empty() ? "Name one that is here (marea images list)"
                               : "Name one that is here: " + listed + " (marea images list)") +
                 (error.remedy.empty() ? std::string() : "; or, for the registry: " + error.remedy);
  return error;
}

// The builder's errors name the limit that was met.
void Control::count_limits(const base::Error& error) {
  for (auto& [limit, hits] : limit_hits_) {
    if (error.why.find("--limit " + std::string(row_of(limit).name)) != std::string::npos) ++hits;
  }
}

// Ends what nobody waits for any more.
void Control::drop_unwanted() {
  const auto drop = [this](auto& all) {
    for (auto one = all.begin(); one != all.end();) {
      std::erase_if(one->second.wishes, is_unwanted);
      const bool idle = one->second.wishes.empty();
      if (idle && one->second.job != 0) jobs_.cancel(one->second.job);
      one = idle ? all.erase(one) : std::next(one);
    }
  };
  drop(asking_);
  drop(making_);
}

}  // namespace marea::control
