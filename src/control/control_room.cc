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

// What a job is given to work with beyond what is known of it, when unused images can go for it: a tenth of the share,
// since many a build and many an unpacking takes more than was known.
constexpr std::int64_t kMarginParts = 10;
constexpr std::int64_t kMostMargin = 8LL << 30;

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
  return {.images = unused().bytes,
          .builds = build_bytes_,
          .logs = pipeline::bytes_below(folders_.logs),
          .promised = awaited_bytes(),
          .backup = backups_ > 0};
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
  for (const std::string& digest : digests_in(folders_.images)) out += tree_bytes(digest);
  return out;
}

// Of an unpacked image that is there. A row alone has none: a restored backup has rows of all images.
std::int64_t Control::tree_bytes(const std::string& digest) const {
  const model::Image* known = image(digest);
  return known != nullptr ? known->bytes : unrecorded_bytes(digest);
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
  for (const auto& [digest, making] : making_) out += making.bound.bytes;
  for (const auto& [ticket, build] : builds_) out += build.bound.bytes;
  return out + promised_->bytes;
}

// What removals that are under way have yet to free, as far as the disk shows.
std::int64_t Control::freeing_bytes(const DiskUse& use) const {
  const std::int64_t freed = std::max<std::int64_t>(0, cleaning_from_ - use.used);
  return std::max<std::int64_t>(0, cleaning_bytes_ - freed);
}

// What neither the disk nor the share of images has any use for, without what is `awaited` or with it. Negative: it is
// overdrawn.
Control::Left Control::left(bool awaited) const {
  const DiskUse use = disk();
  const std::int64_t taken = awaited ? awaited_bytes() : 0;
  const std::int64_t written = awaited ? promised_->written : 0;
  return {.of_disk = use.bytes / 100 * most_disk_percent_ - use.used + freeing_bytes(use) - taken + written,
          .of_share = use.bytes / 100 * limits_[model::Limit::image_disk] - image_bytes() - taken};
}

// When a job starts: what it is known to need, and half of what running ones have left, so that the next ones find
// some, too; at least twice what is known, which is a guess mostly. 0, no bound: it has none, or the disk cannot be
// seen.
std::int64_t Control::take_room(Bound& bound) const {
  bound.spare = 0;
  bound.room = 0;
  if (disk().bytes <= 1 || bound.none) return 0;
  std::int64_t others = 0;
  for (const auto& [digest, making] : making_) others += making.bound.spare;
  for (const auto& [ticket, build] : builds_) others += build.bound.spare;
  const Left now = left(true);
  bound.of_share = now.of_share < now.of_disk;
  bound.spare = std::max<std::int64_t>({0, (now.least() - others) / 2, bound.bytes});
  return bound.room = std::max<std::int64_t>(1, bound.bytes + bound.spare);
}

// For a job that ended at its bound, once: whether it shall begin anew since it can have much more, for which what
// nothing uses begins to go.
bool Control::make_more_room(Bound& bound) {
  if (bound.again || bound.room == 0) return false;
  bound.again = true;
  const std::int64_t before = bound.room;
  const std::int64_t now = take_room(bound);
  bound.spare = 0;
  const std::int64_t wanted = 2 * before;
  const RemovalPlan plan = plan_removal(removable_parts({}), 2 * (wanted - now));  // it gets half
  if (now + plan.bytes / 2 < before + before / 2) return false;
  return plan.bytes == 0 || remove(plan).has_value();
}

// The builder knows its bound, and control the reason for it.
base::Error Control::at_bound(base::Error error, const Bound& bound) {
  if (error.code != base::ErrorCode::disk_budget) return error;
  const std::int64_t percent = limits_[model::Limit::image_disk];
  const base::Error why = bound.of_share ? over_budget({}, 0, image_disk(), percent, removable())
                                         : disk_full({}, 0, disk(), most_disk_percent_, removable());
  if (bound.of_share) ++limit_hits_[model::Limit::image_disk];
  error.code = why.code;
  error.why = "it took more than the " + size_text(bound.room) + " that were left for it: " + why.why;
  error.remedy = why.remedy;
  error.more = why.more;
  return error;
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

base::Result<void> Control::check_room(const std::string& what, std::uint64_t bytes, const std::set<std::string>& keep,
                                       RoomAsk ask) {
  const DiskUse use = disk();
  if (use.bytes <= 1) return {};  // it cannot be seen
  if (build_bytes_ < 0 && has_folders(folders_.builds)) measure_builds();
  const auto own = static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, 4 * kMostBlobBytes));
  const Left now = left(own > 0);
  const std::int64_t over = own - now.least();
  const std::int64_t most = use.bytes / 100 * limits_[model::Limit::image_disk];
  std::int64_t wanted = over;
  if (ask == RoomAsk::with_margin) {
    wanted = own + std::min(kMostMargin, most / kMarginParts) - (own > 0 ? now : left(true)).least();
  }
  if (over <= 0 && wanted <= 0) return {};
  RemovableParts parts = removable_parts(keep);
  const RemovalPlan least = plan_removal(parts, over);
  if (over > 0 && build_bytes_ < 0) measure_builds();
  if (least.bytes >= over) {
    if (ask == RoomAsk::only_ask) return {};
    if (!least.builds) parts.builds = 0;  // it costs most to make again: nothing for a margin
    const RemovalPlan plan = plan_removal(parts, std::max(over, wanted));
    if (plan.bytes == 0) return {};
    auto removed = remove(plan);
    return over > 0 ? std::move(removed) : base::Result<void>();
  }
  const bool full = use.used - freeing_bytes(use) > use.bytes / 100 * most_disk_percent_;
  if (full || now.of_share >= own) return base::fail(disk_full(what, own, use, most_disk_percent_, removable()));
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
  for (const auto& [digest, record] : images_) each.try_emplace(digest);
  for (const std::string& digest : digests_in(folders_.images)) {
    if (const std::int64_t bytes = tree_bytes(digest); bytes != 0) each[digest].bytes = bytes;
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
