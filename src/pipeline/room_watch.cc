#include "pipeline/room_watch.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "pipeline/files.h"
#include "pipeline/scratch_dir.h"

namespace marea::pipeline {
namespace {

constexpr const char* kRoomFile = "/room";
constexpr std::size_t kMostRoomText = 32;

}  // namespace

RoomWatch::RoomWatch(const base::Clock& clock, Setup setup) : clock_(clock), setup_(std::move(setup)) {
  if (setup_.room == 0) return;
  if (setup_.before < 0) setup_.before = setup_.storage();
  disk_before_ = setup_.disk();
}

bool RoomWatch::has_room() {
  if (setup_.room == 0 || exceeded_) return !exceeded_;
  const base::Instant now = clock_.now();
  if (now < next_) return true;
  next_ = now + kLook;
  if (setup_.others) others_.merge(setup_.others());
  const std::int64_t disk = setup_.disk();
  if (disk - disk_before_ <= setup_.room) return true;
  const bool unbound = std::ranges::any_of(others_, [](const auto& one) { return one.second == 0; });
  std::int64_t most = setup_.room;
  for (const auto& [name, room] : others_) most += room;
  if (unbound || setup_.storage() - setup_.before <= most) {
    disk_before_ = disk;  // it was others
    return true;
  }
  exceeded_ = true;
  return false;
}

base::Result<void> tell_room(const std::string& scratch, std::int64_t room) {
  return write_file_atomically(scratch + kRoomFile, std::to_string(room), 0600);
}

std::map<std::string, std::int64_t> rooms_of_others(const std::string& storage, const std::string& scratch) {
  std::map<std::string, std::int64_t> out;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(storage, problem)) {
    const std::string folder = entry.path().string();
    if (folder == scratch || !ScratchDir::is_one(entry.path().filename().string())) continue;
    const base::Result<std::string> text = read_small_file(folder + kRoomFile, kMostRoomText);
    std::int64_t room = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), room).ec != std::errc()) continue;
    out.emplace(folder, std::max<std::int64_t>(0, room));
  }
  return out;
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
