#include "control/blob_upload.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace marea::control {
namespace {

constexpr mode_t kReadable = 0644;  // the builder has another user

constexpr const char* kUnfinished = ".upload-";
base::Error refused(const std::string& what, int error_number) {
  base::Error error = base::os_error("cannot store " + what, error_number);
  if (error_number == EFBIG) error.code = base::ErrorCode::disk_full;  // a quota by another name: more will not help
  return error;
}

}  // namespace

base::Result<void> write_all(const base::Fd& file, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return base::fail(refused(what, errno));
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

void BlobUpload::remove_unfinished(const std::string& blobs) {
  std::error_code problem;
  for (const auto& file : std::filesystem::directory_iterator(blobs + "/sha256", problem)) {
    if (!file.path().filename().string().starts_with(kUnfinished)) continue;
    std::error_code ignored;
    std::filesystem::remove(file.path(), ignored);
  }
}

std::string blob_path(const std::string& blobs, std::string_view digest) {
  return blobs + "/sha256/" + std::string(pipeline::hex_of(digest));
}

base::Result<BlobUpload> BlobUpload::begin(const std::string& blobs, const std::string& digest) {
  std::string path = blobs + "/sha256/" + kUnfinished + "XXXXXX";
  base::Fd file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) return base::fail(refused("blob " + digest, errno));
  return BlobUpload(blobs + "/sha256", digest, std::move(path), std::move(file));
}

BlobUpload::BlobUpload(std::string folder, std::string digest, std::string path, base::Fd file)
    : folder_(std::move(folder)), digest_(std::move(digest)), path_(std::move(path)), file_(std::move(file)) {}

BlobUpload::BlobUpload(BlobUpload&& other) noexcept
    : folder_(std::move(other.folder_)),
      digest_(std::move(other.digest_)),
      path_(std::exchange(other.path_, {})),
      file_(std::move(other.file_)),
      hash_(std::move(other.hash_)) {}

BlobUpload::~BlobUpload() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

base::Result<void> BlobUpload::write(std::string_view bytes) {
  hash_.update(bytes);
  return write_all(file_, bytes, "blob " + digest_);
}

base::Result<void> BlobUpload::finish() {
  if (const std::string found = hash_.finish(); found != digest_) {
    return base::fail(base::ErrorCode::digest_mismatch, "the upload of " + digest_ + " is refused",
                      "its bytes have the digest " + found, "Upload the blob again; the image may be damaged on disk");
  }
  if (::fchmod(file_.get(), kReadable) != 0 || ::fsync(file_.get()) != 0) {
    return base::fail(refused("blob " + digest_, errno));
  }
  const std::string place = folder_ + "/" + std::string(pipeline::hex_of(digest_));
  if (std::rename(path_.c_str(), place.c_str()) != 0) return base::fail(refused("blob " + digest_, errno));
  path_.clear();
  const base::Fd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return base::fail(refused("blob " + digest_, errno));
  return {};
}

}  // namespace marea::control
