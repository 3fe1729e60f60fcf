// How full the data directory's disk is. Beyond a share of it marea takes nothing new (images, builds, deploys), so
// that what runs keeps the rest: a disk that is full to the last byte is one on which nothing can be written down any
// more, not even what frees it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace marea::control {

// 10 % of a small disk of 20 GB are what a day's logs and the store need until a person comes.
inline constexpr int kMostDiskPercent = 90;

struct DiskUse {
  std::int64_t bytes = 0;  // of the file system, without what it keeps for root
  std::int64_t used = 0;
  // As df prints it: rounded up.
  int percent() const { return bytes == 0 ? 100 : static_cast<int>((used * 100 + bytes - 1) / bytes); }
};

base::Result<DiskUse> disk_use(const std::string& folder);

// Room of the disk that is promised to something under way, given back when this is destroyed. Move-only;
// Control::reserve() fills it.
class Room {
 public:
  struct Promised {
    std::int64_t bytes = 0;
    std::int64_t written = 0;  // of these
  };
  Room() = default;
  Room(Room&& other) noexcept;
  Room& operator=(Room&&) = delete;
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room();

  // Of what was promised, so much is on disk now.
  void write(std::int64_t bytes);
  std::int64_t left() const { return own_.bytes - own_.written; }
  std::int64_t promised() const { return own_.bytes; }  // altogether
  void add(const std::shared_ptr<Promised>& all, std::int64_t bytes);

 private:
  std::shared_ptr<Promised> all_;  // of everyone together
  Promised own_;
};

// What could go, with the command for it, and what only time gives back.
struct Removable {
  std::int64_t images = 0;  // bytes; -1 where it is not known
  std::int64_t builds = 0;
  std::int64_t logs = 0;
  std::int64_t promised = 0;  // to uploads, pulls, unpackings and builds that are under way
  bool backup = false;        // one is being made, and no image is removed meanwhile
};

// "Remove what is not used: …", with the commands.
std::string what_to_remove(const Removable& removable);

// `what` cannot be done: "deploy web"; it needs about `bytes`, 0: it is not known.
base::Error disk_full(const std::string& what, std::int64_t bytes, const DiskUse& use, int most_percent,
                      const Removable& removable);

// What images may take of the disk, and what they take: blobs, unpacked ones, the cache of builds.
struct ImageDisk {
  std::int64_t most = 0;  // --limit image-disk, as bytes
  std::int64_t used = 0;
  std::int64_t builds = 0;  // of that
  std::int64_t unused = 0;  // of that: no revision uses it
};

// One image that takes room, by whatever it is kept.
struct HeldImage {
  std::string digest;
  std::vector<std::string> names;      // empty: it has none
  std::vector<std::string> revisions;  // that run it
  std::int64_t bytes = 0;              // unpacked
  std::int64_t blob_bytes = 0;         // of blobs that no image before it in the list has
};

// All of them: what they have each adds up, with the rest, to what images take of the disk.
struct HeldImages {
  std::vector<HeldImage> images;
  std::int64_t other_blobs = 0;  // of no image: uploads and pulls that have not ended, or were interrupted
  std::int64_t builds = 0;       // the cache of builds
};

// `what` needs `bytes` more than images have left.
base::Error over_budget(const std::string& what, std::int64_t bytes, const ImageDisk& images, std::int64_t percent,
                        const Removable& removable);

// "1.2 GB"
std::string size_text(std::int64_t bytes);

}  // namespace marea::control
