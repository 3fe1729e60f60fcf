// Brings an image layout of this machine into the platform's store: asks which blobs are there already, streams the
// others from disk, then names the manifest's digest. A layout that is wrong fails before anything is sent.
#pragma once

#include <string>

#include "app/cli_client.h"
#include "app/cli_console.h"
#include "app/cli_failure.h"
#include "pipeline/oci_layout.h"

namespace marea::app {

struct UploadedImage {
  std::string name;    // as it stands in the store
  std::string digest;  // of the image's manifest
};

class ImageUpload {
 public:
  ImageUpload(ApiClient& api, Console& console) : api_(api), console_(console) {}

  // `reference` is oci:DIR[:TAG][@DIGEST], or an archive (pipeline/archive_layout.h), as it can be opened from here;
  // the store calls it `name`.
  Outcome<UploadedImage> upload(const std::string& reference, const std::string& name);

 private:
  Outcome<UploadedImage> upload_layout(const pipeline::OciReference& layout, const std::string& name);
  Outcome<void> send_blob(const std::string& digest, const std::string& path, std::int64_t bytes);

  ApiClient& api_;
  Console& console_;
};

// Whether it can be uploaded, as far as can be told without unpacking.
Outcome<void> check_reference(const std::string& reference);

// The same reference with DIR or FILE absolute; a relative one is below `base`. Failure: no reference at all.
Outcome<std::string> absolute_reference(const std::string& reference, const std::string& base);

}  // namespace marea::app
