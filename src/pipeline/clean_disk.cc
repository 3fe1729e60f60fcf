#include "pipeline/clean_disk.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/fd.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/scratch_dir.h"

namespace marea::pipeline {
namespace {

bool given_up(const JobEvents& events) {
  return events.go_on && !events.go_on();
}

std::unexpected<base::Error> nobody_waits() {
  return base::fail(base::ErrorCode::unavailable, "the removal was given up", "the job was cancelled");
}

base::Result<void> remove_images(const net::msg::CleanDisk& job, const JobEvents& events) {
  for (const std::string& digest : job.digests) {
    if (!is_digest(digest)) return base::fail(base::ErrorCode::invalid_argument, "cannot remove an image", "no digest");
  }
  base::Result<ScratchDir> grave = ScratchDir::make(job.images, 0700);
  if (!grave) return base::fail(std::move(grave.error()));
  for (const std::string& digest : job.digests) {
    if (given_up(events)) return nobody_waits();
    const std::string hex(hex_of(digest));
    const std::string folder = job.images + "/" + hex;
    const std::string gone = grave->path() + "/" + hex;
    if (std::rename(folder.c_str(), gone.c_str()) != 0 && errno != ENOENT) {
      return base::fail(base::os_error("cannot remove " + folder));
    }
  }
  return {};  // the grave takes them along
}

// Builds hold the lock shared.
base::Result<void> clear(const std::string& storage) {
  const base::Fd lock(::open((storage + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return base::fail(base::os_error("cannot use the build storage " + storage));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return base::fail(base::ErrorCode::conflict, "cannot empty the build storage", "a build is running",
                      "Try again when it has ended");
  }
  ScratchDir::remove_abandoned(storage);
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(storage, problem)) {
    const std::string name = entry.path().filename().string();
    if (name == "lock" || ScratchDir::is_one(name)) continue;  // of a build that is about to begin
    if (auto done = remove_tree(entry.path().string()); !done) return done;
  }
  return {};
}

}  // namespace

base::Result<net::msg::DiskCleaned> clean_disk(const net::msg::CleanDisk& job, const JobEvents& events) {
  if (!job.images.empty()) ScratchDir::remove_abandoned(job.images);
  if (!job.digests.empty()) {
    if (auto done = remove_images(job, events); !done) return base::fail(std::move(done.error()));
  }
  if (!job.blobs.empty()) ScratchDir::remove_abandoned(job.blobs);  // they have no names any more
  if (job.clear_storage) {
    if (given_up(events)) return nobody_waits();
    if (auto done = clear(job.storage); !done) return base::fail(std::move(done.error()));
  }
  // Who waits for the room shall not wait for a walk through a cache that stays.
  const bool changed = job.clear_storage || (job.digests.empty() && job.blobs.empty());
  return net::msg::DiskCleaned{.build_bytes = changed ? bytes_below(job.storage) : -1};
}

}  // namespace marea::pipeline
