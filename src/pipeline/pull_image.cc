#include "pipeline/pull_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <utility>

#include "base/replace_file.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/registry_error.h"
#include "pipeline/registry_reference.h"
#include "pipeline/scratch_dir.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr base::Duration kResolveTime = std::chrono::minutes(5);  // manifests only

std::string quoted_place(const RegistryReference& reference) {
  return "the image " + to_string(reference) + " of the registry " + reference.host;
}

std::string sha_folder(const std::string& blobs) {
  return blobs + "/sha256";
}

// Blobs of the image without the manifests, each once, the small ones first: what is wrong with an image shows soonest
// there.
std::vector<Descriptor> content_of(const Descriptor& config, const std::vector<Layer>& layers) {
  std::vector<Descriptor> out = {config};
  std::set<std::string> seen = {config.digest};
  for (const Layer& layer : layers) {
    if (seen.insert(layer.blob.digest).second) out.push_back(layer.blob);
  }
  std::ranges::stable_sort(out, {}, &Descriptor::bytes);
  return out;
}

bool is_here(const std::string& blobs, const Descriptor& blob) {
  struct stat info{};
  return ::stat(blob_path(blobs, blob.digest).c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         info.st_size == blob.bytes;
}

// Gives a file of ours the name of its digest: read by all, synced before it has that name.
base::Result<void> put_in_place(const std::string& file, const std::string& blobs, const std::string& digest) {
  const std::string target = blob_path(blobs, digest);
  const base::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fchmod(fd.get(), 0444) != 0 || ::fsync(fd.get()) != 0 || ::rename(file.c_str(), target.c_str()) != 0) {
    return base::fail(base::os_error("cannot store the blob " + target));
  }
  return base::sync_folder(sha_folder(blobs));
}

base::Result<void> store_text(const std::string& text, const std::string& scratch, const std::string& blobs,
                              const std::string& digest) {
  const std::string file = scratch + "/manifest";
  if (auto put = write_file_atomically(file, text, 0600); !put) return put;
  return put_in_place(file, blobs, digest);
}

// A manifest or an index as the registry gives it, compared with the digest that it was asked by.
base::Result<std::string> ask(Skopeo& skopeo, const RegistryReference& reference, std::string& digest) {
  base::Result<std::string> text = skopeo.manifest(reference);
  if (!text) return text;
  digest = digest_of(*text);
  if (reference.digest.empty() || reference.digest == digest) return text;
  base::Error error = registry_error(reference, "");
  error.code = ErrorCode::digest_mismatch;
  error.why = "its manifest has the digest " + digest;
  error.remedy = "Do not use this registry for it: it gives something else than was asked for";
  return base::fail(std::move(error));
}

base::Result<std::unique_ptr<Skopeo>> open_skopeo(net::Loop& loop, const JobEvents& events, const RegistryFiles& files,
                                                  const std::string& registries, const std::string& scratch,
                                                  base::Duration silence, base::Duration time) {
  return Skopeo::open(loop, events, files,
                      {.scratch = scratch,
                       .certificates = registries + "/certs.d",
                       .silence = silence,
                       .end = loop.clock().now() + time});
}

// With the name of the image instead of the place of a file, where the text of a manifest is at fault.
base::Error of_image(base::Error error, const RegistryReference& reference) {
  error.more = "docs/images.md";
  if (error.code == ErrorCode::image_invalid) {
    error.remedy = "Push the image again with a tool that writes OCI or Docker schema 2 manifests";
  }
  if (error.what.find(reference.host) == std::string::npos) error.what += " of " + quoted_place(reference);
  return error;
}

class Pull {
 public:
  Pull(const net::msg::PullImage& job, const RegistryReference& reference, Skopeo& skopeo, std::string scratch,
       const JobEvents& events)
      : job_(job), reference_(reference), skopeo_(skopeo), scratch_(std::move(scratch)), events_(events) {}

  // What is left for the unpacking.
  std::int64_t room() const { return room_; }

  base::Result<void> run() {
    const base::Result<OciImage> image = read_manifests(job_.blobs, job_.digest);
    if (!image) return base::fail(of_image(image.error(), reference_));
    const std::vector<Descriptor> blobs = content_of(image->config_blob, image->layers);
    std::int64_t total = 0;
    for (const Descriptor& blob : blobs) {
      if (blob.bytes > job_.most_bytes - total) {
        return base::fail(
            ErrorCode::image_too_large, "cannot pull " + quoted_place(reference_),
            "its blobs have more than the " + std::to_string(job_.most_bytes) + " bytes that --limit pull-bytes allows",
            "Make the image smaller, or raise the limit: docs/limits.md");
      }
      total += blob.bytes;
    }
    std::int64_t missing = 0;
    for (const Descriptor& blob : blobs) missing += is_here(job_.blobs, blob) ? 0 : blob.bytes;
    if (missing > room_) {
      return base::fail(ErrorCode::disk_budget, "cannot pull " + quoted_place(reference_),
                        "its blobs are larger than what was left for it");
    }
    room_ -= missing;
    if (image->config_blob.bytes > static_cast<std::int64_t>(kMostConfigBytes)) {
      return base::fail(ErrorCode::image_too_large, "cannot pull " + quoted_place(reference_),
                        "its config has more than " + std::to_string(kMostConfigBytes) + " bytes");
    }
    for (const Descriptor& blob : blobs) {
      if (auto done = bring(blob); !done) return done;
      if (blob.digest != image->config_blob.digest) continue;
      // Before gigabytes come: whether it is one that can run here.
      if (const auto read = read_image(job_.blobs, image->manifest); !read) {
        return base::fail(of_image(read.error(), reference_));
      }
    }
    return {};
  }

 private:
  base::Result<void> bring(const Descriptor& blob) {
    if (is_here(job_.blobs, blob)) {
      if (verify_blob(job_.blobs, blob)) return {};
      events_.say("the blob " + blob.digest + " is damaged on disk and is pulled again");
    }
    const std::string file = scratch_ + "/blob";
    if (auto done = skopeo_.blob(reference_, blob, file); !done) return done;
    if (auto done = put_in_place(file, job_.blobs, blob.digest); !done) return done;
    return {};
  }

  const net::msg::PullImage& job_;
  const RegistryReference& reference_;
  Skopeo& skopeo_;
  std::string scratch_;
  const JobEvents& events_;
  std::int64_t room_ = job_.room == 0 ? INT64_MAX : job_.room;
};

}  // namespace

base::Result<net::msg::ImageResolved> resolve_image(net::Loop& loop, const net::msg::ResolveImage& job,
                                                    const RegistryFiles& files, const JobEvents& events) {
  base::Result<RegistryReference> reference = parse_registry_reference(job.reference);
  if (!reference) return base::fail(std::move(reference.error()));
  ScratchDir::remove_abandoned(job.blobs);
  base::Result<ScratchDir> scratch = ScratchDir::make(job.blobs, 0700);
  if (!scratch) return base::fail(std::move(scratch.error()));
  auto skopeo = open_skopeo(loop, events, files, job.registries, scratch->path(), job.silence, kResolveTime);
  if (!skopeo) return base::fail(std::move(skopeo.error()));
  net::msg::ImageResolved out;
  RegistryReference next = *reference;
  std::string media_type;
  for (int depth = 0; depth <= kMostIndexDepth; ++depth) {
    std::string digest;
    const base::Result<std::string> text = ask(**skopeo, next, digest);
    if (!text) return base::fail(text.error());
    if (out.digest.empty()) out.digest = digest;
    const auto parsed = parse_manifest_text(*text, media_type, "the manifest of " + quoted_place(next));
    if (!parsed) return base::fail(of_image(parsed.error(), *reference));
    if (auto put = store_text(*text, scratch->path(), job.blobs, digest); !put)
      return base::fail(std::move(put.error()));
    if (!parsed->next) {
      for (const Descriptor& blob : content_of(parsed->config_blob, parsed->layers)) {
        if (!is_here(job.blobs, blob)) out.missing_bytes += blob.bytes;
      }
      out.unpacked_bytes = unpacked_guess(parsed->layers);
      return out;
    }
    next.tag.clear();
    next.digest = parsed->next->digest;
    media_type = parsed->next->media_type;
  }
  return base::fail(ErrorCode::image_invalid, "cannot pull " + quoted_place(*reference),
                    "its indexes are nested deeper than " + std::to_string(kMostIndexDepth) + " levels",
                    "Name the image in it that is meant by its digest");
}

base::Result<model::Image> pull_image(net::Loop& loop, const net::msg::PullImage& job, RegistryFiles files,
                                      const JobEvents& events) {
  base::Result<RegistryReference> reference = parse_registry_reference(job.reference);
  if (!reference) return base::fail(std::move(reference.error()));
  reference->tag.clear();
  reference->digest = job.digest;
  if (base::Result<model::Image> there = find_unpacked(job.images, job.digest)) return there;
  ScratchDir::remove_abandoned(job.blobs);
  std::int64_t room = 0;
  {
    base::Result<ScratchDir> scratch = ScratchDir::make(job.blobs, 0700);
    if (!scratch) return base::fail(std::move(scratch.error()));
    auto skopeo = open_skopeo(loop, events, files, job.registries, scratch->path(), job.silence, job.time);
    if (!skopeo) return base::fail(std::move(skopeo.error()));
    Pull pull(job, *reference, **skopeo, scratch->path(), events);
    if (auto done = pull.run(); !done) return base::fail(std::move(done.error()));
    room = pull.room();
  }
  files = {};
  base::Result<model::Image> image = unpack_image(job.blobs, job.digest, job.images, events, room);
  if (!image) return base::fail(of_image(std::move(image.error()), *reference));
  return image;
}

}  // namespace marea::pipeline
