// Which blobs images consist of, remembered: manifests never change, so each is read once. Control reads those that are
// there one a turn of its loop after a start, so that who plans a removal finds them in memory.
//
// A manifest that cannot be read is told once (`on_unreadable`), named by unreadable() until it can be, and tried again
// whenever it is asked for.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace marea::control {

// What must stay for the sake of some images.
struct KeptBlobs {
  std::set<std::string> digests;
  bool all = false;     // one of them cannot be read now: it may consist of any blob
  bool strays = false;  // one of them is damaged for good: blobs that belong to no image that is known may be its own
};

class ImageParts {
 public:
  using OnUnreadable = std::function<void(const std::string& digest, const base::Error& why)>;
  ImageParts(std::string blobs, OnUnreadable on_unreadable)
      : blobs_(std::move(blobs)), on_unreadable_(std::move(on_unreadable)) {}

  // The digests of the blobs of an image, its own first. Errors: pipeline::blobs_of().
  base::Result<std::vector<std::string>> of(const std::string& digest) const;
  // Of all these. Of one whose manifest is damaged, the digests that can still be read in its text.
  KeptBlobs kept_for(const std::set<std::string>& digests) const;
  // It is removed: an image that comes back under that digest is read anew.
  void forget(const std::string& digest);
  const std::map<std::string, base::Error>& unreadable() const { return unreadable_; }

 private:
  std::string blobs_;
  OnUnreadable on_unreadable_;
  mutable std::map<std::string, std::vector<std::string>> known_;  // what was read, and what could not be
  mutable std::map<std::string, base::Error> unreadable_;
};

}  // namespace marea::control
