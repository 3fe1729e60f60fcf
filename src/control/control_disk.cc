// The disk: how much of it is left, what of it nobody needs, and its removal; what a backup must hold.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include "control/blob_upload.h"
#include "control/control.h"
#include "control/revision_images.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/oci_image.h"

namespace marea::control {
namespace {

std::expected<Outcome, Refusal> refusal_of(base::Error error) {
  return std::unexpected<Refusal>(Refusal{.error = std::move(error), .faults = {}});
}

std::int64_t file_bytes(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? std::int64_t{info.st_size} : 0;
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

base::Result<void> Control::check_room(const std::string& what, std::uint64_t bytes) {
  DiskUse use = disk();
  use.used = std::min(use.bytes, use.used + static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, kMostBlobBytes)));
  if (use.percent() <= most_disk_percent_) return {};
  if (build_bytes_ < 0) measure_builds();
  return base::fail(disk_full(what, disk(), most_disk_percent_, removable()));
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
  const std::set<std::string> kept = kept_without(names);
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
    if (const model::Image* known = image(digest)) out.bytes += known->bytes;
  }
  for (const std::string& digest : digests_in(folders_.blobs + "/sha256")) {
    const auto fresh = fresh_blobs_.find(digest);
    const bool awaited = fresh != fresh_blobs_.end() && loop_.now() - fresh->second < kUploadGrace;
    if (awaited || needed.contains(digest)) continue;
    out.blobs.push_back(digest);
    out.bytes += file_bytes(blob_path(folders_.blobs, digest));
  }
  return out;
}

// Nothing is being made of the images that are there, and nothing still runs that the store does not know.
std::expected<void, Refusal> Control::check_quiet(const std::string& what) const {
  const auto busy = [&](std::string why) {
    return control::refuse(base::ErrorCode::conflict, "cannot " + what, std::move(why), "Try again in a moment");
  };
  if (cleaning_ || !jobs_.idle()) return busy("an image is being unpacked, built or removed");
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
  const std::set<std::string> kept = kept_without(left->names);
  std::vector<store::Change> changes;
  for (const std::string& name : left->names) changes.emplace_back(store::DropImageName{.name = name});
  for (const auto& [digest, image] : images_) {
    if (!kept.contains(digest)) changes.emplace_back(store::DropImage{.digest = digest});
  }
  if (auto stored = commit(changes); !stored) return done(refusal_of(std::move(stored.error())));
  for (const std::string& name : left->names) names_.erase(name);
  std::erase_if(images_, [&](const auto& entry) { return !kept.contains(entry.first); });
  for (const std::string& digest : left->blobs) {
    const std::string path = blob_path(folders_.blobs, digest);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      log_(base::Severity::warning, "a blob stays", {{"why", base::os_error("cannot remove " + path).line()}});
    }
  }
  const Freed freed{.names = std::move(left->names), .bytes = left->bytes};
  clean(std::move(left->digests), false, [freed, done = std::move(done)](const base::Result<void>& cleaned) {
    done(cleaned ? std::expected<Outcome, Refusal>(freed) : refusal_of(cleaned.error()));
  });
}

void Control::run(const DeleteBuilds& /*command*/, Done done) {
  if (auto quiet = check_quiet("empty the cache of builds"); !quiet) {
    return done(std::unexpected(std::move(quiet.error())));
  }
  const std::int64_t before = build_bytes_;
  clean({}, true, [this, before, done = std::move(done)](const base::Result<void>& cleaned) {
    const std::int64_t freed = std::max<std::int64_t>(0, before - build_bytes_);
    done(cleaned ? std::expected<Outcome, Refusal>(Freed{.names = {}, .bytes = freed}) : refusal_of(cleaned.error()));
  });
}

void Control::clean(std::vector<std::string> digests, bool clear_builds, std::function<void(base::Result<void>)> done) {
  cleaning_ = true;
  auto told = std::make_shared<std::function<void(base::Result<void>)>>(std::move(done));
  const auto ended = [this, told](base::Result<net::msg::DiskCleaned> result) {
    cleaning_ = false;
    if (result) build_bytes_ = result->build_bytes;
    std::vector<std::string> waiting;
    waiting.reserve(unpacking_.size());
    for (const auto& [digest, asked] : unpacking_) waiting.push_back(digest);
    for (const std::string& digest : waiting) start_unpacking(digest);
    if (result) return (*told)({});
    (*told)(base::fail(std::move(result.error())));
  };
  const base::Result<std::uint64_t> added = jobs_.add({.work = net::msg::CleanDisk{.images = folders_.images,
                                                                                   .digests = std::move(digests),
                                                                                   .storage = folders_.builds,
                                                                                   .clear_storage = clear_builds},
                                                       .deadline = kUnpackDeadline,
                                                       .on_progress = {},
                                                       .on_done = {},
                                                       .on_cleaned = ended});
  if (!added) ended(base::fail(added.error()));
}

void Control::measure_builds() {
  if (!cleaning_ && jobs_.idle()) clean({}, false, [](const base::Result<void>&) {});
}

base::Result<Control::BackupContents> Control::begin_backup(const std::string& path) {
  if (cleaning_) {
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
