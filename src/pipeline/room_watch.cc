#include "pipeline/room_watch.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <utility>

namespace marea::pipeline {

RoomWatch::RoomWatch(const base::Clock& clock, Setup setup) : clock_(clock), setup_(std::move(setup)) {
  if (setup_.room != 0) disk_before_ = setup_.disk();
}

bool RoomWatch::has_room() {
  if (setup_.room == 0 || exceeded_) return !exceeded_;
  const base::Instant now = clock_.now();
  if (now < next_) return true;
  next_ = now + kLook;
  const std::int64_t disk = setup_.disk();
  if (disk - disk_before_ <= setup_.room) return true;
  if (setup_.before >= 0 && setup_.storage() - setup_.before <= setup_.room) {
    disk_before_ = disk;  // it was others
    return true;
  }
  exceeded_ = true;
  return false;
}

std::int64_t disk_used(const std::string& folder) {
  struct statvfs info{};
  if (::statvfs(folder.c_str(), &info) != 0) return 0;
  return static_cast<std::int64_t>(info.f_blocks - info.f_bfree) * static_cast<std::int64_t>(info.f_frsize);
}

bool tells_of_full_disk(std::string_view line) {
  constexpr std::array kSaid = {std::string_view("no space left on device"), std::string_view("disk quota exceeded")};
  return std::ranges::any_of(kSaid, [&](std::string_view said) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b; };
    return !std::ranges::search(line, said, same).empty();
  });
}

}  // namespace marea::pipeline
