#include "pipeline/unpack_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/crash_point.h"
#include "base/replace_file.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/image_record.h"
#include "pipeline/image_user.h"
#include "pipeline/layer.h"
#include "pipeline/oci_image.h"
#include "pipeline/scratch_dir.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::size_t kMostRecordBytes = 2 * kMostConfigBytes;  // as the config, with escapes
constexpr mode_t kFolderMode = 0755;                            // control looks inside; images/ itself is closed

std::string size_text(std::int64_t bytes) {
  constexpr std::int64_t kMegabyte = 1'000'000;
  return std::to_string((bytes + kMegabyte - 1) / kMegabyte) + " MB";
}

base::Result<void> unpack_layers(const std::string& blobs, const OciImage& image, const std::string& rootfs,
                                 const UnpackOptions& options, const JobEvents& events) {
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const Layer& layer = image.layers[i];
    events.say("unpacking layer " + std::to_string(i + 1) + " of " + std::to_string(image.layers.size()) + " (" +
               size_text(layer.blob.bytes) + ")");
    if (base::Result<void> done = unpack_layer(blobs, layer, rootfs, options); !done) return done;
  }
  return {};
}

// Fills FOLDER/{rootfs,image.json}.
base::Result<model::Image> fill(const std::string& blobs, const std::string& digest, const std::string& folder,
                                const JobEvents& events, std::int64_t room) {
  base::Result<OciImage> image = read_image(blobs, {.media_type = {}, .digest = digest, .bytes = -1});
  if (!image) return std::unexpected(image.error());
  const std::string rootfs = folder + "/rootfs";
  if (::mkdir(rootfs.c_str(), kFolderMode) != 0 || ::chmod(rootfs.c_str(), kFolderMode) != 0) {
    return base::fail(base::os_error("cannot make " + rootfs));
  }
  Budget budget{.room = room};
  const UnpackOptions options{.budget = budget,
                              .notice = events.line,
                              .go_on = events.go_on,
                              // Not root: a developer's test; there all files are the caller's.
                              .keep_owners = ::geteuid() == 0};
  if (base::Result<void> done = unpack_layers(blobs, *image, rootfs, options, events); !done) {
    return std::unexpected(done.error());
  }
  model::Image out{.digest = digest, .rootfs = rootfs, .bytes = kMostImageBytes - budget.bytes, .config = {}};
  out.config = std::move(image->config);
  if (base::Result<void> done = resolve_user_in(rootfs, out.config); !done) return std::unexpected(done.error());
  const base::Result<void> written =
      write_file_atomically(folder + "/image.json", print_image_record(out), S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
  if (!written) return std::unexpected(written.error());
  return out;
}

// One call for the whole file system instead of one for each of a hundred thousand files.
base::Result<void> sync_files(const std::string& folder) {
  const base::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::syncfs(fd.get()) != 0) return base::fail(base::os_error("cannot sync " + folder));
  return {};
}

}  // namespace

base::Result<model::Image> find_unpacked(const std::string& images, const std::string& digest) {
  const std::string folder = images + "/" + std::string(hex_of(digest));
  const base::Result<std::string> text = read_small_file(folder + "/image.json", kMostRecordBytes);
  if (!text) return std::unexpected(text.error());
  base::Result<model::Image> image = parse_image_record(*text, folder + "/image.json");
  if (!image) return image;
  image->rootfs = folder + "/rootfs";
  struct stat info{};
  if (image->digest != digest || ::lstat(image->rootfs.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return base::fail(ErrorCode::image_invalid, "cannot use " + folder, "it is not whole",
                      "Delete it; the image is unpacked again.");
  }
  return image;
}

base::Result<model::Image> unpack_image(const std::string& blobs, const std::string& digest, const std::string& images,
                                        const JobEvents& events, std::int64_t room) {
  if (!is_digest(digest)) {
    return base::fail(ErrorCode::invalid_argument, "cannot unpack the image '" + printable(digest) + "'",
                      "the digest is not sha256:HEX");
  }
  if (base::Result<model::Image> there = find_unpacked(images, digest)) return there;
  ScratchDir::remove_abandoned(images);
  base::Result<ScratchDir> scratch = ScratchDir::make(images, kFolderMode);
  if (!scratch) return std::unexpected(scratch.error());
  base::Result<model::Image> image = fill(blobs, digest, scratch->path(), events, room);
  if (!image) return image;
  if (base::Result<void> synced = sync_files(scratch->path()); !synced) return std::unexpected(synced.error());
  base::crash_point("builder.image.unpacked");
  const std::string folder = images + "/" + std::string(hex_of(digest));
  if (!scratch->become(folder)) {
    if (errno != ENOTEMPTY && errno != EEXIST) return base::fail(base::os_error("cannot rename to " + folder));
    // Somebody else was faster, or there is an older one that is not whole.
    if (base::Result<model::Image> there = find_unpacked(images, digest)) return there;
    if (base::Result<void> gone = remove_tree(folder); !gone) return std::unexpected(gone.error());
    if (!scratch->become(folder)) return base::fail(base::os_error("cannot rename to " + folder));
  }
  if (base::Result<void> synced = base::sync_folder(images); !synced) return std::unexpected(synced.error());
  base::crash_point("builder.image.renamed");
  image->rootfs = folder + "/rootfs";
  return image;
}

}  // namespace marea::pipeline
