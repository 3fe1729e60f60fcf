// The disk: how much of it is left, who has what of it, and who is promised what.
#include <sys/stat.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "control/blob_upload.h"
#include "control/control.h"
#include "control/image_files.h"
#include "control/revision_images.h"
#include "pipeline/files.h"
#include "pipeline/unpack_image.h"

namespace marea::control {
namespace {

// As its link count says, since what is in it is the builder's alone.
bool has_folders(const std::string& folder) {
  struct stat info{};
  return ::stat(folder.c_str(), &info) == 0 && info.st_nlink != 2;
}

}  // namespace

DiskUse Control::disk() const {
  const base::Result<DiskUse> use = disk_ ? disk_() : DiskUse{.bytes = 1, .used = 0};
  return use ? *use : DiskUse{.bytes = 1, .used = 0};  // a disk that cannot be seen is found out by writing to it
}

Removable Control::removable() const {
  return {.images = unused().bytes, .builds = build_bytes_, .logs = pipeline::bytes_below(folders_.logs)};
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
  for (const auto& [ticket, build] : builds_) out += build.bytes;
  return out + promised_->bytes;
}

// What neither the disk nor the share of images has any use for yet. Negative: it is overdrawn.
std::int64_t Control::spare_bytes() const {
  const DiskUse use = disk();
  std::int64_t taken = awaited_bytes();
  for (const auto& [digest, making] : making_) taken += making.spare;
  for (const auto& [ticket, build] : builds_) taken += build.spare;
  const std::int64_t of_disk = use.bytes / 100 * most_disk_percent_ - use.used + cleaning_bytes_ + promised_->written;
  const std::int64_t of_share = use.bytes / 100 * limits_[model::Limit::image_disk] - image_bytes();
  return std::min(of_disk, of_share) - taken;
}

// A job's bound: what it is known to need, and half of what is left, so that the next ones find some, too, and all
// together never more than there is. 0: the disk cannot be seen.
std::int64_t Control::take_spare(std::int64_t& spare, std::int64_t bytes) const {
  if (disk().bytes <= 1) return 0;
  spare = 0;
  spare = std::max<std::int64_t>(0, spare_bytes() / 2);
  return std::max<std::int64_t>(1, bytes + spare);
}

base::Result<void> Control::reserve(Room& room, const std::string& what, std::uint64_t bytes) {
  if (auto there = check_room(what, bytes); !there) return there;
  room.add(promised_, static_cast<std::int64_t>(bytes));
  return {};
}

ImageDisk Control::image_disk() const {
  return {.most = disk().bytes / 100 * limits_[model::Limit::image_disk],
          .used = image_bytes(),
          .builds = std::max<std::int64_t>(0, build_bytes_),
          .unused = unused().bytes};
}

base::Result<void> Control::check_room(const std::string& what, std::uint64_t bytes,
                                       const std::set<std::string>& keep) {
  const auto own = static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, 4 * kMostBlobBytes));
  const std::int64_t more = own + awaited_bytes();
  const DiskUse use = disk();
  const std::int64_t of_disk =
      use.used - cleaning_bytes_ + more - promised_->written - use.bytes / 100 * most_disk_percent_;
  const std::int64_t most = use.bytes / 100 * limits_[model::Limit::image_disk];
  const std::int64_t of_share = image_bytes() + more - most;
  if (build_bytes_ < 0 && has_folders(folders_.builds)) measure_builds();
  const std::int64_t over = std::max(of_disk, of_share);
  if (over <= 0) return {};
  if (build_bytes_ < 0) measure_builds();
  const RemovalPlan plan = plan_removal(removable_parts(keep), over);
  if (plan.bytes >= over) return remove(plan);
  const bool full = use.used - cleaning_bytes_ > use.bytes / 100 * most_disk_percent_;
  if (full || of_share <= 0) return base::fail(disk_full(what, own, use, most_disk_percent_, removable()));
  ++limit_hits_[model::Limit::image_disk];
  return base::fail(over_budget(what, own, image_disk(), limits_[model::Limit::image_disk], removable()));
}

HeldImages Control::held_images() const {
  std::map<std::string, HeldImage> each;
  for (const auto& [name, row] : names_) each[row.digest].names.push_back(name);
  for (const auto& [service, state] : services_) {
    for (const RevisionState& one : state.revisions) {
      for (const model::Image* image : images_of(one.record.revision)) {
        if (image->digest.empty()) continue;
        std::vector<std::string>& revisions = each[image->digest].revisions;
        const std::string& name = one.record.revision.name.str();
        if (revisions.empty() || revisions.back() != name) revisions.push_back(name);
      }
    }
  }
  for (const auto& [digest, record] : images_) each[digest].bytes = record.image.bytes;
  for (const std::string& digest : digests_in(folders_.images)) {
    if (const std::int64_t bytes = unrecorded_bytes(digest); bytes != 0) each[digest].bytes = bytes;
  }
  HeldImages out;
  for (auto& [digest, image] : each) {
    image.digest = digest;
    out.images.push_back(std::move(image));
  }
  // Those with names first, in their order, then those that revisions keep.
  std::ranges::stable_sort(out.images, {}, [](const HeldImage& one) {
    return std::tuple(one.names.empty(), one.names.empty() ? std::string() : one.names.front(), one.revisions.empty());
  });
  std::map<std::string, std::int64_t> blobs;
  blob_bytes(&blobs);
  const auto take = [&](HeldImage& image, const std::string& blob) {
    const auto found = blobs.find(blob);
    if (found == blobs.end()) return;
    image.blob_bytes += found->second;
    blobs.erase(found);
  };
  for (HeldImage& image : out.images) {
    if (const auto parts = parts_.of(image.digest)) {
      for (const std::string& blob : *parts) take(image, blob);
    } else {
      take(image, image.digest);
    }
  }
  for (const auto& [digest, bytes] : blobs) out.other_blobs += bytes;
  out.builds = std::max<std::int64_t>(0, build_bytes_);
  return out;
}

}  // namespace marea::control
