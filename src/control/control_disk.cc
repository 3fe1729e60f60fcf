// The disk: how much of it is left, what of it nobody needs, and its removal; what a backup must hold.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>

#include "control/blob_upload.h"
#include "control/control.h"
#include "control/revision_images.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/oci_image.h"
#include "pipeline/scratch_dir.h"
#include "pipeline/unpack_image.h"

namespace marea::control {
namespace {

constexpr std::size_t kPrefixBytes = 7;           // "sha256:"
constexpr std::size_t kMostFreshBlobs = 100'000;  // an upload of 128 layers each three seconds
constexpr base::Duration kFreshSweep = std::chrono::minutes(1);

std::expected<Outcome, Refusal> refusal_of(base::Error error) {
  return std::unexpected<Refusal>(Refusal{.error = std::move(error), .faults = {}});
}

std::int64_t file_bytes(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? std::int64_t{info.st_size} : 0;
}

// As its link count says, since what is in it is the builder's alone.
bool has_folders(const std::string& folder) {
  struct stat info{};
  return ::stat(folder.c_str(), &info) == 0 && info.st_nlink != 2;
}

std::int64_t changed_unix_ns(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return INT64_MAX;  // what cannot be seen is left alone
  return std::int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec;
}

// Names of a folder's entries that are 64 hexadecimal digits, as digests.
std::vector<std::string> digests_in(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    std::string digest = "sha256:" + entry.path().filename().string();
    if (pipeline::is_digest(digest)) out.push_back(std::move(digest));
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

DiskUse Control::disk() const {
  const base::Result<DiskUse> use = disk_ ? disk_() : DiskUse{.bytes = 1, .used = 0};
  return use ? *use : DiskUse{.bytes = 1, .used = 0};  // a disk that cannot be seen is found out by writing to it
}

Removable Control::removable() const {
  const base::Result<Unused> nobodys = unused();
  return {
      .images = nobodys ? nobodys->bytes : -1, .builds = build_bytes_, .logs = pipeline::bytes_below(folders_.logs)};
}

std::int64_t Control::blob_bytes(std::map<std::string, std::int64_t>* each) const {
  std::int64_t out = 0;
  for (const std::string& digest : digests_in(folders_.blobs + "/sha256")) {
    const std::int64_t bytes = file_bytes(blob_path(folders_.blobs, digest));
    if (each != nullptr) each->emplace(digest, bytes);
    out += bytes;
  }
  return out;
}

std::int64_t Control::image_bytes() const {
  std::int64_t out = blob_bytes() + std::max<std::int64_t>(0, build_bytes_);
  for (const auto& [digest, record] : images_) out += record.image.bytes;
  for (const std::string& digest : digests_in(folders_.images)) out += unrecorded_bytes(digest);
  return out;
}

// Of an unpacked image that a death or a build has left without a row. While a removal is under way it may be one that
// goes, whose bytes are counted there.
std::int64_t Control::unrecorded_bytes(const std::string& digest) const {
  if (cleaning_ > 0 || images_.contains(digest)) return 0;
  const base::Result<model::Image> found = pipeline::find_unpacked(folders_.images, digest);
  return found ? found->bytes : 0;
}

std::int64_t Control::awaited_bytes() const {
  std::int64_t out = 0;
  for (const auto& [digest, making] : making_) out += making.bytes;
  return out;
}

// Looking is amortised: what is older than its time goes once a minute.
void Control::note_blob(const std::string& digest) {
  if (loop_.now() - fresh_swept_ >= kFreshSweep) {
    fresh_swept_ = loop_.now();
    std::erase_if(fresh_blobs_, [this](const auto& one) { return loop_.now() - one.second >= kUploadGrace; });
  }
  if (fresh_blobs_.size() < kMostFreshBlobs || fresh_blobs_.contains(digest)) fresh_blobs_[digest] = loop_.now();
}

ImageDisk Control::image_disk() const {
  const base::Result<Unused> nobodys = unused();
  return {.most = disk().bytes / 100 * limits_[model::Limit::image_disk],
          .used = image_bytes(),
          .builds = std::max<std::int64_t>(0, build_bytes_),
          .unused = nobodys ? nobodys->bytes : 0};
}

base::Result<void> Control::check_room(const std::string& what, std::uint64_t bytes,
                                       const std::set<std::string>& keep) {
  const auto own = static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, 4 * kMostBlobBytes));
  const std::int64_t more = own + awaited_bytes();
  const DiskUse use = disk();
  const std::int64_t of_disk = use.used - cleaning_bytes_ + more - use.bytes / 100 * most_disk_percent_;
  const std::int64_t most = use.bytes / 100 * limits_[model::Limit::image_disk];
  const std::int64_t of_share = image_bytes() + more - most;
  if (build_bytes_ < 0 && has_folders(folders_.builds)) measure_builds();
  const std::int64_t over = std::max(of_disk, of_share);
  if (over <= 0) return {};
  if (build_bytes_ < 0) measure_builds();
  const base::Result<RemovableParts> parts = removable_parts(keep);
  if (parts) {
    const RemovalPlan plan = plan_removal(*parts, over);
    if (plan.bytes >= over) return remove(plan);
  }
  const bool full = use.used - cleaning_bytes_ > use.bytes / 100 * most_disk_percent_;
  if (full || of_share <= 0) return base::fail(disk_full(what, own, use, most_disk_percent_, removable()));
  ++limit_hits_[model::Limit::image_disk];
  return base::fail(over_budget(what, own, image_disk(), limits_[model::Limit::image_disk], removable()));
}

// What is used by nothing and named by nothing, and by whose removal nothing that is under way can be hurt.
base::Result<RemovableParts> Control::removable_parts(const std::set<std::string>& keep) const {
  RemovableParts out;
  if (backups_ > 0) return out;
  std::set<std::string> kept = kept_without({});
  add_busy(kept);
  kept.insert(keep.begin(), keep.end());
  kept.erase("");
  std::set<std::string> needed;
  for (const std::string& digest : kept) {
    const auto blobs = pipeline::blobs_of(folders_.blobs, digest);
    if (blobs) {
      needed.insert(blobs->begin(), blobs->end());
    } else if (blobs.error().code != base::ErrorCode::image_not_found) {
      return base::fail(blobs.error());  // what it consists of is not known: nothing may go
    }
    needed.insert(digest);
  }
  const std::int64_t unsafe = unsafe_since();
  blob_bytes(&out.blobs);
  std::erase_if(out.blobs, [&](const auto& blob) {
    const auto fresh = fresh_blobs_.find(blob.first);
    const bool awaited = fresh != fresh_blobs_.end() && loop_.now() - fresh->second < kUploadGrace;
    return awaited || needed.contains(blob.first) || changed_unix_ns(blob_path(folders_.blobs, blob.first)) >= unsafe;
  });
  if (builds_.empty()) out.builds = std::max<std::int64_t>(0, build_bytes_);
  const bool strange = std::ranges::any_of(instances_.all(), [this](const auto& one) {
    const InstanceEntry& entry = one.second;
    return is_live(entry.report.state) && !owners_.contains(entry.report.revision) &&
           !leaving_.contains(entry.report.revision);
  });
  if (strange || !engine_.listed()) return out;  // something may run that nobody here knows the image of
  for (const std::string& digest : digests_in(folders_.images)) {
    if (kept.contains(digest) || changed_unix_ns(folders_.images + "/" + digest.substr(kPrefixBytes)) >= unsafe)
      continue;
    UnusedImage unused{.digest = digest};
    if (const auto known = images_.find(digest); known != images_.end()) {
      unused.used_unix_ns = known->second.used_unix_ns;
      unused.bytes = known->second.image.bytes;
    } else if (cleaning_ > 0) {
      continue;
    } else {
      unused.bytes = unrecorded_bytes(digest);
    }
    if (auto blobs = pipeline::blobs_of(folders_.blobs, digest)) unused.blobs = std::move(*blobs);
    out.images.push_back(std::move(unused));
  }
  return out;
}

// Beside those of names and revisions: images of instances that end, and of what is being made.
void Control::add_busy(std::set<std::string>& kept) const {
  for (const auto& [digest, making] : making_) kept.insert(digest);
  for (const auto& [revision, digests] : leaving_) {
    if (live_instances(revision) > 0) kept.insert(digests.begin(), digests.end());
  }
}

// A build puts its result in place before it tells of it, and so does a question to a registry with manifests.
std::int64_t Control::unsafe_since() const {
  std::int64_t out = INT64_MAX;
  for (const auto& [ticket, build] : builds_) out = std::min(out, build.since_unix_ns);
  for (const auto& [source, asking] : asking_) out = std::min(out, asking.since_unix_ns);
  return out;
}

// Uploads of the last life may still be about to name an image.
void Control::note_young_blobs() {
  const std::int64_t young =
      loop_.clock().wall().unix_ns - std::chrono::duration_cast<std::chrono::nanoseconds>(kUploadGrace).count();
  for (const std::string& digest : digests_in(folders_.blobs + "/sha256")) {
    struct stat info{};
    const std::string path = blob_path(folders_.blobs, digest);
    if (::stat(path.c_str(), &info) != 0 || info.st_uid != ::geteuid()) continue;  // pulled or built: not an upload
    if (changed_unix_ns(path) > young) note_blob(digest);
  }
}

// First what is known of them, then their bytes: a death between leaves files that the next removal finds.
base::Result<void> Control::remove(const RemovalPlan& plan) {
  std::vector<store::Change> changes;
  for (const std::string& digest : plan.images) {
    if (images_.contains(digest)) changes.emplace_back(store::DropImage{.digest = digest});
  }
  if (!changes.empty()) {
    if (auto stored = commit(changes); !stored) return stored;
  }
  for (const std::string& digest : plan.images) images_.erase(digest);
  std::int64_t later = plan.bytes;  // what the builder frees
  for (const std::string& digest : plan.blobs) later -= file_bytes(blob_path(folders_.blobs, digest));
  remove_blobs(plan.blobs);
  log_(base::Severity::notice, "what nothing uses is removed to make room",
       {{"images", std::to_string(plan.images.size())},
        {"blobs", std::to_string(plan.blobs.size())},
        {"builds", plan.builds ? "yes" : "no"},
        {"bytes", std::to_string(plan.bytes)}});
  if (plan.images.empty() && !plan.builds) return {};
  if (plan.builds) build_bytes_ = 0;  // who needs room next does not count on it again
  clean(plan.images, plan.builds, later, [this, builds = plan.builds](const base::Result<void>& done) {
    if (done) return;
    if (builds) build_bytes_ = -1;
    log_(base::Severity::error, "unused images stay", {{"why", done.error().line()}});
  });
  return {};
}

void Control::remove_blobs(const std::vector<std::string>& digests) {
  for (const std::string& digest : digests) {
    const std::string path = blob_path(folders_.blobs, digest);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      log_(base::Severity::warning, "a blob stays", {{"why", base::os_error("cannot remove " + path).line()}});
    }
  }
}

void Control::release(const std::vector<std::string>& digests, std::vector<store::Change>& changes) {
  for (const std::string& digest : digests) {
    const auto known = images_.find(digest);
    if (known == images_.end()) continue;
    known->second.used_unix_ns = loop_.clock().wall().unix_ns;
    changes.emplace_back(known->second);
  }
}

void Control::release(const RevisionState& revision, std::vector<store::Change>& changes) {
  std::vector<std::string> digests;
  for (const model::Image* image : images_of(revision.record.revision)) digests.push_back(image->digest);
  release(digests, changes);
  std::erase_if(leaving_, [this](const auto& one) { return live_instances(one.first) == 0; });
  const base::RevisionName& name = revision.record.revision.name;
  if (live_instances(name) > 0) leaving_[name] = std::move(digests);
}

base::Error Control::with_what_to_remove(base::Error error) const {
  if (error.code != base::ErrorCode::disk_full) return error;
  error.remedy = what_to_remove(removable()) + ". Then do it again";
  error.more = "docs/cli.md#e_disk_full";
  return error;
}

std::vector<std::string> Control::users_of(const store::ImageName& name) const {
  std::vector<std::string> out;
  for (const auto& [service, state] : services_) {
    const bool uses = std::ranges::any_of(state.revisions, [&](const RevisionState& one) {
      const model::Revision& revision = one.record.revision;
      return std::ranges::any_of(images_of(revision),
                                 [&](const model::Image* image) { return image->digest == name.digest; }) ||
             std::ranges::any_of(references_of(revision.spec), [&](const std::string& asked) {
               return asked == name.name || asked + ":latest" == name.name || asked == name.name + ":latest";
             });
    });
    if (uses) out.push_back(service.str());
  }
  return out;
}

// What is still needed when these names are gone: by a revision, or by another name.
std::set<std::string> Control::kept_without(const std::vector<std::string>& names) const {
  std::set<std::string> out;
  for (const auto& [name, row] : names_) {
    if (std::ranges::find(names, name) == names.end()) out.insert(row.digest);
  }
  for (const auto& [name, service] : services_) {
    for (const RevisionState& one : service.revisions) {
      for (const model::Image* image : images_of(one.record.revision)) out.insert(image->digest);
    }
  }
  out.erase("");
  return out;
}

base::Result<Control::Unused> Control::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, row] : names_) {
    if (users_of(row).empty()) names.push_back(name);
  }
  return left_without(std::move(names));
}

base::Result<Control::Unused> Control::left_without(std::vector<std::string> names) const {
  std::set<std::string> kept = kept_without(names);
  add_busy(kept);
  Unused out{.names = std::move(names), .digests = {}, .blobs = {}};
  std::set<std::string> needed = kept;
  for (const std::string& digest : kept) {
    const auto blobs = pipeline::blobs_of(folders_.blobs, digest);
    if (blobs) {
      needed.insert(blobs->begin(), blobs->end());
    } else if (blobs.error().code != base::ErrorCode::image_not_found) {
      return base::fail(blobs.error());  // what it consists of is not known: nothing may go
    }
  }
  for (const std::string& digest : digests_in(folders_.images)) {
    if (kept.contains(digest)) continue;
    out.digests.push_back(digest);
    const model::Image* known = image(digest);
    out.bytes += known == nullptr ? unrecorded_bytes(digest) : known->bytes;
  }
  const std::int64_t unsafe = unsafe_since();
  for (const std::string& digest : digests_in(folders_.blobs + "/sha256")) {
    const auto fresh = fresh_blobs_.find(digest);
    const bool awaited = fresh != fresh_blobs_.end() && loop_.now() - fresh->second < kUploadGrace;
    if (awaited || needed.contains(digest)) continue;
    if (changed_unix_ns(blob_path(folders_.blobs, digest)) >= unsafe) continue;
    out.blobs.push_back(digest);
    out.bytes += file_bytes(blob_path(folders_.blobs, digest));
  }
  return out;
}

// Nothing is being built of the images that are there, and nothing still runs that the store does not know. What is
// being pulled or unpacked stays by itself: add_busy(), unsafe_since().
std::expected<void, Refusal> Control::check_quiet(const std::string& what) const {
  const auto busy = [&](std::string why) {
    return control::refuse(base::ErrorCode::conflict, "cannot " + what, std::move(why), "Try again in a moment");
  };
  if (cleaning_ > 0 || !builds_.empty()) return busy("an image is being built or removed");
  if (backups_ > 0) return busy("a backup is being made");
  for (const auto& [id, entry] : instances_.all()) {
    if (is_live(entry.report.state) && !owners_.contains(entry.report.revision)) {
      return busy("instance " + id.str() + " of a deleted revision is still ending");
    }
  }
  return {};
}

void Control::run(const DeleteImages& command, Done done) {
  const std::string what = command.name.empty() ? "delete unused images" : "delete image \"" + command.name + "\"";
  if (auto quiet = check_quiet(what); !quiet) return done(std::unexpected(std::move(quiet.error())));
  if (!command.name.empty()) {
    const auto found = names_.find(command.name);
    if (found == names_.end()) {
      return done(control::refuse(base::ErrorCode::not_found, "images.marea.dev \"" + command.name + "\" not found"));
    }
    if (const std::vector<std::string> users = users_of(found->second); !users.empty()) {
      return done(control::refuse(base::ErrorCode::conflict, "cannot " + what,
                                  "a revision of service " + users.front() + " uses it",
                                  "Delete the revision first: marea revisions list --service " + users.front()));
    }
  }
  base::Result<Unused> left = command.name.empty() ? unused() : left_without({command.name});
  if (!left) return done(refusal_of(std::move(left.error())));
  std::set<std::string> kept = kept_without(left->names);
  add_busy(kept);
  std::vector<store::Change> changes;
  for (const std::string& name : left->names) changes.emplace_back(store::DropImageName{.name = name});
  for (const auto& [digest, image] : images_) {
    if (!kept.contains(digest)) changes.emplace_back(store::DropImage{.digest = digest});
  }
  if (auto stored = commit(changes); !stored) return done(refusal_of(std::move(stored.error())));
  for (const std::string& name : left->names) names_.erase(name);
  std::erase_if(images_, [&](const auto& entry) { return !kept.contains(entry.first); });
  remove_blobs(left->blobs);
  const Freed freed{.names = std::move(left->names), .bytes = left->bytes};
  clean(std::move(left->digests), false, 0, [freed, done = std::move(done)](const base::Result<void>& cleaned) {
    done(cleaned ? std::expected<Outcome, Refusal>(freed) : refusal_of(cleaned.error()));
  });
}

void Control::run(const DeleteBuilds& /*command*/, Done done) {
  if (auto quiet = check_quiet("empty the cache of builds"); !quiet) {
    return done(std::unexpected(std::move(quiet.error())));
  }
  const std::int64_t before = build_bytes_;
  clean({}, true, 0, [this, before, done = std::move(done)](const base::Result<void>& cleaned) {
    const std::int64_t freed = std::max<std::int64_t>(0, before - build_bytes_);
    done(cleaned ? std::expected<Outcome, Refusal>(Freed{.names = {}, .bytes = freed}) : refusal_of(cleaned.error()));
  });
}

void Control::clean(std::vector<std::string> digests, bool clear_builds, std::int64_t bytes,
                    std::function<void(base::Result<void>)> done) {
  ++cleaning_;
  cleaning_bytes_ += bytes;
  auto told = std::make_shared<std::function<void(base::Result<void>)>>(std::move(done));
  const auto ended = [this, told, bytes](base::Result<net::msg::DiskCleaned> result) {
    --cleaning_;
    cleaning_bytes_ -= bytes;
    if (result) build_bytes_ = result->build_bytes;
    std::vector<std::string> waiting;
    waiting.reserve(making_.size());
    for (const auto& [digest, making] : making_) waiting.push_back(digest);
    for (const std::string& digest : waiting) {
      if (cleaning_ == 0 && making_.contains(digest)) start_making(digest);
    }
    if (result) return (*told)({});
    (*told)(base::fail(std::move(result.error())));
  };
  const base::Result<std::uint64_t> added = jobs_.add({.work = net::msg::CleanDisk{.images = folders_.images,
                                                                                   .digests = std::move(digests),
                                                                                   .storage = folders_.builds,
                                                                                   .clear_storage = clear_builds},
                                                       .deadline = kUnpackDeadline,
                                                       .on_progress = {},
                                                       .on_cleaned = ended});
  if (!added) ended(base::fail(added.error()));
}

void Control::sweep() {
  for (const std::string& folder : {folders_.images, folders_.blobs}) {
    std::error_code problem;
    const std::filesystem::directory_iterator all(folder, problem);
    const bool found = !problem && std::any_of(begin(all), end(all), [](const auto& entry) {
      return pipeline::ScratchDir::is_one(entry.path().filename().string());
    });
    if (!found) continue;
    // Each job of that kind sweeps the folder of images that it is given, which may be that of blobs.
    const auto added = jobs_.add({.work = net::msg::CleanDisk{.images = folder, .storage = folders_.builds},
                                  .deadline = kUnpackDeadline,
                                  .on_progress = {}});
    if (!added) log_(base::Severity::warning, "half-filled folders stay", {{"why", added.error().line()}});
  }
}

void Control::measure_builds() {
  if (measuring_) return;
  measuring_ = true;
  const auto measured = [this](const base::Result<net::msg::DiskCleaned>& result) {
    measuring_ = false;
    if (result) build_bytes_ = result->build_bytes;
  };
  const auto added = jobs_.add({.work = net::msg::CleanDisk{.images = folders_.images, .storage = folders_.builds},
                                .deadline = kUnpackDeadline,
                                .on_progress = {},
                                .on_cleaned = measured});
  if (!added) measuring_ = false;
}

base::Result<Control::BackupContents> Control::begin_backup(const std::string& path) {
  if (cleaning_ > 0) {
    return base::fail(base::ErrorCode::conflict, "cannot begin a backup", "images are being removed",
                      "Try again in a moment");
  }
  if (auto copied = store_.snapshot(path); !copied) return base::fail(std::move(copied.error()));
  BackupContents out;
  std::set<std::string> blobs;
  for (const std::string& digest : kept_without({})) {
    const auto parts = pipeline::blobs_of(folders_.blobs, digest);
    const bool whole = parts && std::ranges::all_of(*parts, [this](const auto& one) { return has_blob(one); });
    if (whole) {
      blobs.insert(parts->begin(), parts->end());
    } else {
      out.missing.push_back(digest);
    }
  }
  out.blobs.assign(blobs.begin(), blobs.end());
  ++backups_;
  return out;
}

}  // namespace marea::control
