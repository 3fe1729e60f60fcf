#include "control/image_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "pipeline/digest.h"

namespace marea::control {

std::int64_t file_bytes(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? std::int64_t{info.st_size} : 0;
}

std::int64_t changed_unix_ns(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return INT64_MAX;  // what cannot be seen is left alone
  return std::int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec;
}

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

}  // namespace marea::control
