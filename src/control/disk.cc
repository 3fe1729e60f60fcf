#include "control/disk.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace marea::control {

base::Result<DiskUse> disk_use(const std::string& folder) {
  struct statvfs info{};
  if (::statvfs(folder.c_str(), &info) != 0) return base::fail(base::os_error("cannot see the disk of " + folder));
  const auto unit = static_cast<std::int64_t>(info.f_frsize);
  const auto used = static_cast<std::int64_t>(info.f_blocks - info.f_bfree) * unit;
  return DiskUse{.bytes = used + static_cast<std::int64_t>(info.f_bavail) * unit, .used = used};
}

Room::Room(Room&& other) noexcept : all_(std::move(other.all_)), own_(std::exchange(other.own_, {})) {}

Room::~Room() {
  if (!all_) return;
  all_->bytes -= own_.bytes;
  all_->written -= own_.written;
}

void Room::write(std::int64_t bytes) {
  own_.written += bytes;
  if (all_) all_->written += bytes;
}

void Room::add(const std::shared_ptr<Promised>& all, std::int64_t bytes) {
  all_ = all;
  own_.bytes += bytes;
  all_->bytes += bytes;
}

namespace {

std::string under_way(const Removable& removable) {
  std::string out;
  if (removable.promised > 0) {
    out += "; " + size_text(removable.promised) + " more are promised to uploads, pulls and builds that are under way";
  }
  if (removable.backup) out += "; a backup is being made, and no image goes meanwhile";
  return out;
}

std::string what_to_await(const Removable& removable) {
  if (removable.backup) return "Try again when the backup has ended. ";
  return removable.promised > 0 ? "Try again when what is under way has ended. " : "";
}

}  // namespace

std::string what_to_remove(const Removable& removable) {
  const auto size = [](std::int64_t bytes) { return bytes < 0 ? "size not known yet" : size_text(bytes); };
  return what_to_await(removable) + "Remove what is not used: images (" + size(removable.images) +
         "): marea images delete --unused; the cache of builds (" + size(removable.builds) +
         "): marea builds delete; logs (" + size(removable.logs) + "): marea logs NAME --delete";
}

base::Error disk_full(const std::string& what, std::int64_t bytes, const DiskUse& use, int most_percent,
                      const Removable& removable) {
  return {.code = base::ErrorCode::disk_full,
          .what = "cannot " + what,
          .why = (bytes > 0 ? "it needs about " + size_text(bytes) + ", and " : std::string()) +
                 "the disk of marea's data directory is " + std::to_string(use.percent()) + " % full (" +
                 size_text(use.used) + " of " + size_text(use.bytes) + "), and beyond " + std::to_string(most_percent) +
                 " % marea takes nothing new; what runs goes on" + under_way(removable),
          .remedy = what_to_remove(removable) + ". Or raise the limit: marea serve --disk-limit PERCENT",
          .more = "docs/cli.md#e_disk_full"};
}

base::Error over_budget(const std::string& what, std::int64_t bytes, const ImageDisk& images, std::int64_t percent,
                        const Removable& removable) {
  const std::int64_t in_use = std::max<std::int64_t>(0, images.used - images.builds - images.unused);
  return {.code = base::ErrorCode::disk_budget,
          .what = "cannot " + what,
          .why = (bytes > 0 ? "it needs about " + size_text(bytes) + ", and images" : "images") + " may take " +
                 size_text(images.most) + " (" + std::to_string(percent) + " % of the data directory's disk); " +
                 size_text(images.used) + " are taken: " + size_text(in_use) + " by images that revisions use, " +
                 size_text(images.unused) + " by others, " + size_text(images.builds) + " by the cache of builds" +
                 under_way(removable),
          .remedy = what_to_remove(removable) + ". Or raise the limit: marea serve --limit image-disk=PERCENT",
          .more = "docs/images.md"};
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array kUnits = {"kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), value < 10 ? "%.1f %s" : "%.0f %s", value, kUnits.at(unit));
  return out.data();
}

}  // namespace marea::control
