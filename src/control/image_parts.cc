#include "control/image_parts.h"

#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/oci_image.h"

namespace marea::control {
namespace {

// Of a damaged manifest, or of one that this machine cannot use.
void add_named_in(const std::string& text, std::set<std::string>& digests) {
  constexpr std::string_view kPrefix = "sha256:";
  constexpr std::size_t kLength = kPrefix.size() + 64;
  for (std::size_t at = 0; (at = text.find(kPrefix, at)) != std::string::npos; ++at) {
    if (std::string digest = text.substr(at, kLength); pipeline::is_digest(digest)) digests.insert(std::move(digest));
  }
}

// It would be read in another minute, or by another user.
bool may_pass(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::digest_mismatch:
    case base::ErrorCode::image_invalid:
    case base::ErrorCode::image_too_large:
    case base::ErrorCode::image_architecture: return false;
    default: return true;
  }
}

}  // namespace

base::Result<std::vector<std::string>> ImageParts::of(const std::string& digest) const {
  if (const auto known = known_.find(digest); known != known_.end()) return known->second;
  auto read = pipeline::blobs_of(blobs_, digest);
  if (read) {
    known_.emplace(digest, *read);
    unreadable_.erase(digest);
  } else if (read.error().code != base::ErrorCode::image_not_found &&
             unreadable_.emplace(digest, read.error()).second && on_unreadable_) {
    on_unreadable_(digest, read.error());
  }
  return read;
}

KeptBlobs ImageParts::kept_for(const std::set<std::string>& digests) const {
  KeptBlobs out;
  for (const std::string& digest : digests) {
    out.digests.insert(digest);
    const auto blobs = of(digest);
    if (blobs) {
      out.digests.insert(blobs->begin(), blobs->end());
    } else if (blobs.error().code != base::ErrorCode::image_not_found) {
      (may_pass(blobs.error().code) ? out.all : out.strays) = true;
      const auto text = pipeline::read_small_file(pipeline::blob_path(blobs_, digest), pipeline::kMostManifestBytes);
      if (text) add_named_in(*text, out.digests);
    }
  }
  return out;
}

void ImageParts::forget(const std::string& digest) {
  known_.erase(digest);
  unreadable_.erase(digest);
}

}  // namespace marea::control
