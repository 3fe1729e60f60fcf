// How much of the disk a build may take. buildah and the programs of a Dockerfile write as they like, so that nothing
// can be counted on its way: the disk is looked at, now and then. When it has grown by more than the room, the builds'
// storage is measured, once for each growth, as others write to that disk, too. What two builds at once have written
// there cannot be told apart: both may then take what both rooms are together.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace marea::pipeline {

class RoomWatch {
 public:
  struct Setup {
    std::int64_t room = 0;                  // bytes; 0: no bound
    std::int64_t before = -1;               // what the storage took when the build began; -1: it is measured
    std::function<std::int64_t()> disk;     // bytes that are used of the disk
    std::function<std::int64_t()> storage;  // bytes of the storage; slow
    // Rooms of other builds that run now, by what names each; may be empty.
    std::function<std::map<std::string, std::int64_t>()> others = {};
  };
  RoomWatch(const base::Clock& clock, Setup setup);

  // May be asked at any rate: it looks kLook after the last look. False from the moment on at which it is beyond.
  bool has_room();
  bool exceeded() const { return exceeded_; }

  static constexpr base::Duration kLook = std::chrono::milliseconds(500);

 private:
  const base::Clock& clock_;
  Setup setup_;
  std::map<std::string, std::int64_t> others_;  // that ran since it began
  std::int64_t disk_before_ = 0;
  base::Instant next_{};
  bool exceeded_ = false;
};

// A build's room, kept in its own folder in the storage while it lasts, and read there by others: room_watch.cc.
base::Result<void> tell_room(const std::string& scratch, std::int64_t room);
std::map<std::string, std::int64_t> rooms_of_others(const std::string& storage, const std::string& scratch);

// Bytes that are used of the disk that `folder` is on; 0 when it cannot be seen.
std::int64_t disk_used(const std::string& folder);

// Whether a program's line says that the disk, or a quota of it, is full (ENOSPC, EDQUOT as libc says them).
bool tells_of_full_disk(std::string_view line);

}  // namespace marea::pipeline
