#include "pipeline/scratch_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "pipeline/files.h"

namespace marea::pipeline {
namespace {

constexpr const char* kScratchPrefix = ".scratch-";
constexpr int kMostAttempts = 100;  // another process can only remove it in the instant before it is locked

base::Fd lock(const std::string& path) {
  base::Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

}  // namespace

base::Result<ScratchDir> ScratchDir::make(const std::string& parent, mode_t mode) {
  for (int i = 0; i < kMostAttempts; ++i) {
    std::string path = parent + "/" + kScratchPrefix + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) break;
    base::Fd fd = lock(path);
    struct stat info{};
    if (!fd || ::stat(path.c_str(), &info) != 0) continue;
    if (::fchmod(fd.get(), mode) != 0) break;
    return ScratchDir(std::move(path), std::move(fd));
  }
  return base::fail(base::os_error("cannot make a directory in " + parent));
}

bool ScratchDir::is_one(const std::string& name) {
  return name.starts_with(kScratchPrefix);
}

int ScratchDir::remove_abandoned(const std::string& parent) {
  int found = 0;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(parent, problem)) {
    if (!is_one(entry.path().filename().string())) continue;
    const base::Fd fd = lock(entry.path().string());
    if (!fd) continue;
    ++found;
    [[maybe_unused]] const auto removed = remove_tree(entry.path().string());
  }
  return found;
}

ScratchDir::~ScratchDir() {
  if (!lock_) return;
  [[maybe_unused]] const auto removed = remove_tree(path_);
}

bool ScratchDir::become(const std::string& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) return false;
  path_ = path;
  lock_.reset();
  return true;
}

}  // namespace marea::pipeline
