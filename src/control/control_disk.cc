// The disk: what of it nobody needs, and its removal; what a backup must hold. How much is left: control_room.cc.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "control/blob_upload.h"
#include "control/control.h"
#include "control/image_files.h"
#include "control/revision_images.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/oci_image.h"
#include "pipeline/scratch_dir.h"
#include "pipeline/unpack_image.h"

namespace marea::control {
namespace {

constexpr std::size_t kMostFreshBlobs = 100'000;  // an upload of 128 layers each three seconds
constexpr base::Duration kFreshSweep = std::chrono::minutes(1);

std::expected<Outcome, Refusal> refusal_of(base::Error error) {
  return std::unexpected<Refusal>(Refusal{.error = std::move(error), .faults = {}});
}

}  // namespace

// Looking is amortised: what is older than its time goes once a minute.
void Control::note_blob(const std::string& digest) {
  if (loop_.now() - fresh_swept_ >= kFreshSweep) {
    fresh_swept_ = loop_.now();
    std::erase_if(fresh_blobs_, [this](const auto& one) { return !is_fresh(one.second); });
  }
  if (fresh_blobs_.size() < kMostFreshBlobs || fresh_blobs_.contains(digest)) fresh_blobs_[digest] = loop_.now();
}

void Control::note_upload(const std::string& digest, base::Instant begun) {
  if (loop_.now() - begun >= kUploadGrace / 2) {
    for (auto& [blob, noted] : fresh_blobs_) {
      if (begun - noted < kUploadGrace) noted = loop_.now();
    }
  }
  note_blob(digest);
}

// While an upload is under way, what came before it may be of the same image.
bool Control::is_fresh(base::Instant noted) const {
  return promised_->bytes > 0 || loop_.now() - noted < kUploadGrace;
}

// One image a turn of the loop.
void Control::read_parts() {
  if (unread_.empty()) return;
  [[maybe_unused]] const auto read = parts_.of(unread_.back());  // what is wrong with it is told by parts_
  unread_.pop_back();
  if (!unread_.empty()) reading_.arm_in(base::Duration{0});
}

bool Control::is_given(const store::ImageName& name) const {
  const auto known = images_.find(name.digest);
  return known != images_.end() && std::ranges::find(known->second.given, name.name) != known->second.given.end();
}

std::map<std::string, base::Error> Control::unreadable_images() const {
  std::map<std::string, base::Error> out;
  const std::set<std::string> kept = kept_without({});
  for (const auto& [digest, why] : parts_.unreadable()) {
    if (kept.contains(digest)) out.emplace(digest, why);
  }
  return out;
}

// No image in use consists of it, nobody is about to name it, and nothing that is under way has brought it.
bool Control::is_free_blob(const std::string& digest, const KeptBlobs& kept, std::int64_t unsafe) const {
  if (kept.all || kept.digests.contains(digest)) return false;
  const auto fresh = fresh_blobs_.find(digest);
  if (fresh != fresh_blobs_.end() && is_fresh(fresh->second)) return false;
  return changed_unix_ns(blob_path(folders_.blobs, digest)) < unsafe;
}

// Something may run that nobody here knows the image of.
bool Control::may_run_unknown() const {
  return !engine_.listed() || std::ranges::any_of(instances_.all(), [this](const auto& one) {
    const InstanceEntry& entry = one.second;
    return is_live(entry.report.state) && !owners_.contains(entry.report.revision) &&
           !leaving_.contains(entry.report.revision);
  });
}

// None: it cannot go now.
std::optional<UnusedImage> Control::unused_image(const std::string& digest, std::int64_t unsafe) const {
  const auto known = images_.find(digest);
  if (known == images_.end() && cleaning_ > 0) return std::nullopt;
  const std::string folder = folders_.images + "/" + digest.substr(kPrefixBytes);
  std::error_code absent;
  const bool there = std::filesystem::exists(folder, absent);
  if (there && changed_unix_ns(folder) >= unsafe) return std::nullopt;
  UnusedImage out{.digest = digest, .bytes = there ? tree_bytes(digest) : 0};
  if (known != images_.end()) out.used_unix_ns = known->second.used_unix_ns;
  if (auto blobs = parts_.of(digest)) out.blobs = std::move(*blobs);
  return out;
}

// What is used by nothing and named by no person, and by whose removal nothing that is under way can be hurt. An image
// goes with its blobs or stays with them, whether it is unpacked or not.
RemovableParts Control::removable_parts(const std::set<std::string>& keep) const {
  RemovableParts out;
  if (backups_ > 0) return out;
  std::vector<std::string> given;
  for (const auto& [name, row] : names_) {
    if (is_given(row)) given.push_back(name);
  }
  std::set<std::string> kept = kept_without(given);
  add_busy(kept);
  kept.insert(keep.begin(), keep.end());
  kept.erase("");
  const std::int64_t unsafe = unsafe_since();
  const bool unsure = may_run_unknown();
  const std::vector<std::string> unpacked = digests_in(folders_.images);
  std::set<std::string> all(unpacked.begin(), unpacked.end());
  for (const auto& [digest, record] : images_) all.insert(digest);
  std::set<std::string> known;
  for (const std::string& digest : all) {
    if (kept.contains(digest)) continue;
    std::optional<UnusedImage> unused = unsure ? std::nullopt : unused_image(digest, unsafe);
    if (!unused) {
      kept.insert(digest);
      continue;
    }
    known.insert(unused->blobs.begin(), unused->blobs.end());
    out.images.push_back(std::move(*unused));
  }
  const KeptBlobs needed = parts_.kept_for(kept);
  blob_bytes(&out.blobs);
  std::erase_if(out.blobs, [&](const auto& blob) { return !is_free_blob(blob.first, needed, unsafe); });
  if (needed.strays) std::erase_if(out.blobs, [&](const auto& blob) { return !known.contains(blob.first); });
  const bool used = std::ranges::any_of(builds_, [](const auto& one) { return one.second.job != 0; });
  if (!used) out.builds = std::max<std::int64_t>(0, build_bytes_);
  return out;
}

// Beside those of names and revisions: images of instances that end, of what is being made, and of what
// builds are made on.
void Control::add_busy(std::set<std::string>& kept) const {
  for (const auto& [digest, making] : making_) kept.insert(digest);
  for (const auto& [ticket, build] : builds_) kept.insert(build.digests.begin(), build.digests.end());
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

// First what is known of them, then their names on disk, then their bytes, which the builder frees: a death between
// leaves files that the next removal or the next start finds.
base::Result<void> Control::remove(const RemovalPlan& plan) {
  std::vector<store::Change> changes;
  std::vector<std::string> names;  // that marea gave
  for (const std::string& digest : plan.images) {
    if (images_.contains(digest)) changes.emplace_back(store::DropImage{.digest = digest});
  }
  const std::set<std::string> gone(plan.images.begin(), plan.images.end());
  for (const auto& [name, row] : names_) {
    if (!gone.contains(row.digest)) continue;
    names.push_back(name);
    changes.emplace_back(store::DropImageName{.name = name});
  }
  if (!changes.empty()) {
    if (auto stored = commit(changes); !stored) return stored;
  }
  for (const std::string& name : names) names_.erase(name);
  for (const std::string& digest : plan.images) images_.erase(digest);
  bury(plan.blobs);
  log_(base::Severity::notice, "what nothing uses is removed to make room",
       {{"images", std::to_string(plan.images.size())},
        {"blobs", std::to_string(plan.blobs.size())},
        {"builds", plan.builds ? "yes" : "no"},
        {"bytes", std::to_string(plan.bytes)}});
  if (plan.builds) build_bytes_ = 0;  // who needs room next does not count on it again
  clean(plan.images, plan.builds, plan.bytes, [this, builds = plan.builds](const base::Result<void>& done) {
    if (done) return;
    if (builds) build_bytes_ = -1;
    log_(base::Severity::error, "unused images stay", {{"why", done.error().line()}});
  });
  return {};
}

// Blobs lose their names at once, so that nobody is told any more that they are here, and their bytes later: to free
// gigabytes may take a file system seconds. The next removal or start sweeps them when the one that is begun dies.
void Control::bury(const std::vector<std::string>& digests) {
  if (digests.empty()) return;
  // Open to all who may look into the store: control and the builder, which have no user and no group in common.
  base::Result<pipeline::ScratchDir> grave = pipeline::ScratchDir::make(folders_.blobs, 0777);
  for (const std::string& digest : digests) {
    const std::string path = blob_path(folders_.blobs, digest);
    const bool gone =
        grave && std::rename(path.c_str(), (grave->path() + "/" + digest.substr(kPrefixBytes)).c_str()) == 0;
    if (!gone && ::unlink(path.c_str()) != 0 && errno != ENOENT) {  // a disk that is full to the end takes no folder
      log_(base::Severity::warning, "a blob stays", {{"why", base::os_error("cannot remove " + path).line()}});
      continue;
    }
    parts_.forget(digest);
  }
  if (grave) grave->leave();
}

// Of images that a build is made on.
void Control::note_use(const std::vector<std::string>& digests) {
  std::vector<store::Change> changes;
  release(digests, changes);
  if (changes.empty()) return;
  if (auto stored = commit(changes); !stored) {
    log_(base::Severity::warning, "the use of images is not noted", {{"why", stored.error().line()}});
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

Control::Unused Control::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, row] : names_) {
    if (users_of(row).empty()) names.push_back(name);
  }
  return left_without(std::move(names));
}

Control::Unused Control::left_without(std::vector<std::string> names) const {
  std::set<std::string> kept = kept_without(names);
  add_busy(kept);
  Unused out{.names = std::move(names), .digests = {}, .blobs = {}};
  const KeptBlobs needed = parts_.kept_for(kept);
  std::set<std::string> known;
  for (const std::string& digest : digests_in(folders_.images)) {
    if (kept.contains(digest)) continue;
    out.digests.push_back(digest);
    const model::Image* found = image(digest);
    out.bytes += found == nullptr ? unrecorded_bytes(digest) : found->bytes;
    if (!needed.strays) continue;
    if (const auto blobs = parts_.of(digest)) known.insert(blobs->begin(), blobs->end());
  }
  const std::int64_t unsafe = unsafe_since();
  for (const std::string& digest : digests_in(folders_.blobs + "/sha256")) {
    if (!is_free_blob(digest, needed, unsafe) || (needed.strays && !known.contains(digest))) continue;
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
  Unused left = command.name.empty() ? unused() : left_without({command.name});
  std::set<std::string> kept = kept_without(left.names);
  add_busy(kept);
  std::vector<store::Change> changes;
  changes.reserve(left.names.size());
  for (const std::string& name : left.names) changes.emplace_back(store::DropImageName{.name = name});
  for (const auto& [digest, image] : images_) {
    if (!kept.contains(digest)) changes.emplace_back(store::DropImage{.digest = digest});
  }
  if (auto stored = commit(changes); !stored) return done(refusal_of(std::move(stored.error())));
  for (const std::string& name : left.names) names_.erase(name);
  std::erase_if(images_, [&](const auto& entry) { return !kept.contains(entry.first); });
  bury(left.blobs);
  const Freed freed{.names = std::move(left.names), .bytes = left.bytes};
  clean(std::move(left.digests), false, 0, [freed, done = std::move(done)](const base::Result<void>& cleaned) {
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
  if (cleaning_++ == 0) cleaning_from_ = disk().used;
  clearing_ += clear_builds ? 1 : 0;
  cleaning_bytes_ += bytes;
  auto told = std::make_shared<std::function<void(base::Result<void>)>>(std::move(done));
  const auto ended = [this, told, bytes, clear_builds](base::Result<net::msg::DiskCleaned> result) {
    --cleaning_;
    clearing_ -= clear_builds ? 1 : 0;
    cleaning_bytes_ -= bytes;
    cleaning_from_ -= bytes;  // the rest is others'
    if (result && result->build_bytes >= 0) build_bytes_ = result->build_bytes;
    std::vector<Ticket> held;
    for (const auto& [ticket, build] : builds_) {
      if (build.waits) held.push_back(ticket);
    }
    for (const Ticket ticket : held) {
      if (builds_.contains(ticket)) start_build(ticket);
    }
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
                                                                                   .blobs = folders_.blobs,
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
    if (result && clearing_ == 0) build_bytes_ = result->build_bytes;  // else it tells of what goes
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
    const auto parts = parts_.of(digest);
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
