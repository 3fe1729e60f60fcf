#include "pipeline/archive_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/json_fields.h"
#include "pipeline/layer.h"
#include "pipeline/oci_image.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::string_view kDockerScheme = "docker-archive:";
constexpr std::string_view kOciScheme = "oci-archive:";
constexpr std::size_t kMostArchiveManifestBytes = 4U << 20;
constexpr std::size_t kMostArchiveImages = 1000;
constexpr std::size_t kMostNamesOfImage = 100;
constexpr std::size_t kNamesShown = 20;
constexpr const char* kArchiveManifest = "manifest.json";
constexpr const char* kImageManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kImageConfigType = "application/vnd.oci.image.config.v1+json";

std::unexpected<base::Error> bad_archive(const ArchiveReference& reference, std::string why) {
  return base::fail(ErrorCode::image_invalid, "cannot use the archive " + reference.file, std::move(why),
                    "Write it again: docker save IMAGE -o FILE, or skopeo copy … oci-archive:FILE:TAG");
}

struct ArchivedImage {
  std::string config;
  std::vector<std::string> layers;
  std::vector<std::string> names;
};

base::Result<std::vector<ArchivedImage>> parse_images(const ArchiveReference& reference, const std::string& text) {
  const Json list = Json::parse(text, nullptr, false);
  if (!list.is_array()) return bad_archive(reference, "its manifest.json is no list");
  if (list.size() > kMostArchiveImages) {
    return bad_archive(reference, "it has more than " + std::to_string(kMostArchiveImages) + " images");
  }
  std::vector<ArchivedImage> out;
  for (const Json& item : list) {
    ArchivedImage image{.config = text_member(item, "Config"), .layers = {}, .names = {}};
    auto layers = texts_member(item, "Layers", kMostLayers);
    auto names = texts_member(item, "RepoTags", kMostNamesOfImage);
    if (image.config.empty() || !layers || !names) {
      return bad_archive(reference, "an entry of its manifest.json lacks Config or Layers, or has more than " +
                                        std::to_string(kMostLayers) + " layers");
    }
    image.layers = std::move(*layers);
    image.names = std::move(*names);
    out.push_back(std::move(image));
  }
  return out;
}

bool has_name(const ArchivedImage& image, const std::string& wanted) {
  const auto same = [&](const std::string& name) {
    if (name == wanted || name == wanted + ":latest") return true;
    for (const std::string_view prefix : {"docker.io/library/", "docker.io/", "localhost/"}) {
      if (name == std::string(prefix) + wanted || name == std::string(prefix) + wanted + ":latest") return true;
    }
    return false;
  };
  return std::ranges::any_of(image.names, same);
}

base::Result<ArchivedImage> choose_archived(const ArchiveReference& reference, std::vector<ArchivedImage> images) {
  std::erase_if(images, [&](const ArchivedImage& image) {
    return !reference.image.empty() && !has_name(image, reference.image);
  });
  if (images.size() == 1) return std::move(images.front());
  return base::fail(ErrorCode::image_not_found, "cannot choose an image in the archive " + reference.file,
                    images.empty() ? "no image has the name '" + reference.image + "'" : "there are several", {});
}

// A docker archive's files as blobs of a layout.
class Conversion {
 public:
  Conversion(const ArchiveReference& reference, std::string files, std::string layout)
      : reference_(reference), files_(std::move(files)), layout_(std::move(layout)) {}

  base::Result<OciReference> run() {
    for (const char* part : {"", "/blobs", "/blobs/sha256"}) {
      if (::mkdir((layout_ + part).c_str(), 0700) != 0) return base::fail(base::os_error("mkdir " + layout_ + part));
    }
    root_ = base::Fd(::open(files_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const base::Result<std::string> text = read_inside(kArchiveManifest, kMostArchiveManifestBytes);
    if (!text) return bad_archive(reference_, "it has no manifest.json that can be read: " + text.error().why);
    base::Result<std::vector<ArchivedImage>> images = parse_images(reference_, *text);
    if (!images) return base::fail(std::move(images.error()));
    std::string names;
    std::size_t count = 0;
    for (const ArchivedImage& image : *images) {
      for (const std::string& name : image.names) {
        if (++count <= kNamesShown) names += (names.empty() ? "" : ", ") + printable(name);
      }
    }
    base::Result<ArchivedImage> chosen = choose_archived(reference_, std::move(*images));
    if (!chosen) {
      base::Error error = chosen.error();
      error.why += "; names there: " + (names.empty() ? "none" : names);
      error.remedy = "Name one: docker-archive:" + reference_.file + ":NAME:TAG";
      return base::fail(std::move(error));
    }
    return write(*chosen);
  }

 private:
  base::Result<base::Fd> open(const std::string& path) const {
    base::Fd fd(open_inside(root_.get(), path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
      return base::fail(ErrorCode::image_invalid, "cannot read " + printable(path), "the archive has no such file");
    }
    return fd;
  }
  base::Result<std::string> read_inside(const std::string& path, std::size_t most) const {
    base::Result<base::Fd> fd = open(path);
    if (!fd) return base::fail(std::move(fd.error()));
    return read_to_end(fd->get(), path, most);
  }

  base::Result<OciReference> write(const ArchivedImage& image) {
    const base::Result<std::string> config = read_inside(image.config, kMostConfigBytes);
    if (!config) return bad_archive(reference_, "its config cannot be read: " + config.error().why);
    const Json parsed = Json::parse(*config, nullptr, false);
    const Json* rootfs = member(parsed, "rootfs");
    const auto diff_ids = rootfs == nullptr ? std::nullopt : texts_member(*rootfs, "diff_ids", kMostLayers);
    if (!diff_ids || diff_ids->size() != image.layers.size()) {
      return bad_archive(reference_, "its config and its manifest.json have different numbers of layers");
    }
    Json layers = Json::array();
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      base::Result<Json> layer = take_layer(image.layers[i], (*diff_ids)[i]);
      if (!layer) return base::fail(std::move(layer.error()));
      layers.push_back(std::move(*layer));
    }
    const base::Result<Json> config_entry = put(*config, kImageConfigType);
    if (!config_entry) return base::fail(config_entry.error());
    const Json manifest = {{"schemaVersion", 2},
                           {"mediaType", kImageManifestType},
                           {"config", *config_entry},
                           {"layers", std::move(layers)}};
    const base::Result<Json> entry = put(manifest.dump(), kImageManifestType);
    if (!entry) return base::fail(entry.error());
    const Json index = {{"schemaVersion", 2}, {"manifests", Json::array({*entry})}};
    for (const auto& [name, content] :
         {std::pair{"/index.json", index.dump()}, {"/oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}}) {
      if (auto done = write_file_atomically(layout_ + name, content, 0600); !done) return base::fail(done.error());
    }
    return OciReference{.dir = layout_, .tag = {}, .digest = {}};
  }

  // A layer keeps its digest from save to save as it is not compressed; one that is, is taken as it is.
  base::Result<Json> take_layer(const std::string& path, const std::string& diff_id) {
    const base::Result<base::Fd> fd = open(path);
    if (!fd) return bad_archive(reference_, fd.error().what + ": " + fd.error().why);
    const std::string file = "/proc/self/fd/" + std::to_string(fd->get());
    const base::Result<FileDigest> found = hash_file(file);
    if (!found) return base::fail(found.error());
    std::array<unsigned char, 4> magic{};
    const ssize_t got = ::pread(fd->get(), magic.data(), magic.size(), 0);
    const bool gzip = got >= 2 && magic[0] == 0x1F && magic[1] == 0x8B;
    const bool zstd = got == 4 && magic[0] == 0x28 && magic[1] == 0xB5 && magic[2] == 0x2F && magic[3] == 0xFD;
    if (!gzip && !zstd && found->digest != diff_id) {
      return base::fail(
          ErrorCode::digest_mismatch, "cannot trust the archive " + reference_.file,
          "the layer " + printable(path) + " should be " + printable(diff_id) + " and is " + found->digest,
          "Write it again: docker save IMAGE -o FILE");
    }
    const std::string target = blob_path(layout_ + "/blobs", found->digest);
    if (::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST) {
      return base::fail(base::os_error("cannot make " + target));
    }
    const std::string type = std::string("application/vnd.oci.image.layer.v1.tar") + (gzip   ? "+gzip"
                                                                                      : zstd ? "+zstd"
                                                                                             : "");
    return Json{{"mediaType", type}, {"digest", found->digest}, {"size", found->bytes}};
  }

  base::Result<Json> put(const std::string& text, const char* type) const {
    const std::string digest = digest_of(text);
    if (auto done = write_file_atomically(blob_path(layout_ + "/blobs", digest), text, 0600); !done) {
      return base::fail(std::move(done.error()));
    }
    return Json{{"mediaType", type}, {"digest", digest}, {"size", text.size()}};
  }

  const ArchiveReference& reference_;
  std::string files_;
  std::string layout_;
  base::Fd root_;
};

}  // namespace

bool is_archive_reference(std::string_view text) {
  return text.starts_with(kDockerScheme) || text.starts_with(kOciScheme);
}

bool is_local_reference(std::string_view text) {
  return is_oci_reference(text) || is_archive_reference(text);
}

base::Result<ArchiveReference> parse_archive_reference(std::string_view text) {
  ArchiveReference out{
      .kind = text.starts_with(kOciScheme) ? ArchiveKind::oci : ArchiveKind::docker, .file = {}, .image = {}};
  std::string_view rest = text;
  rest.remove_prefix(std::min(rest.size(), out.kind == ArchiveKind::oci ? kOciScheme.size() : kDockerScheme.size()));
  const std::size_t colon = rest.find(':');
  out.file = rest.substr(0, colon);
  if (colon != std::string_view::npos) out.image = rest.substr(colon + 1);
  if (!is_archive_reference(text) || out.file.empty() || text.size() > kMostReferenceBytes ||
      text.find('\0') != std::string_view::npos) {
    return base::fail(ErrorCode::invalid_argument, "'" + printable(text) + "' names no archive", "it lacks a file",
                      "Write docker-archive:FILE[:NAME:TAG] or oci-archive:FILE[:TAG]");
  }
  return out;
}

std::string to_string(const ArchiveReference& reference) {
  const std::string_view scheme = reference.kind == ArchiveKind::oci ? kOciScheme : kDockerScheme;
  return std::string(scheme) + reference.file + (reference.image.empty() ? "" : ":" + reference.image);
}

base::Result<OciReference> unpack_archive(const ArchiveReference& reference, const std::string& scratch,
                                          Budget budget) {
  if (const auto file = open_regular(reference.file); !file) {
    base::Error error = file.error();
    error.code = ErrorCode::image_not_found;
    error.what = "cannot open the archive " + reference.file;
    return base::fail(std::move(error));
  }
  const std::string files = scratch + "/files";
  if (::mkdir(files.c_str(), 0700) != 0) return base::fail(base::os_error("cannot make " + files));
  const base::Result<void> done = unpack_tar_file(
      reference.file, files, {.budget = budget, .notice = {}, .go_on = {}, .keep_owners = false, .whiteouts = false});
  if (!done) {
    base::Error error = done.error();
    if (error.code == ErrorCode::image_invalid) return bad_archive(reference, error.what + ": " + error.why);
    return base::fail(std::move(error));
  }
  if (reference.kind == ArchiveKind::oci) return OciReference{.dir = files, .tag = reference.image, .digest = {}};
  return Conversion(reference, files, scratch + "/layout").run();
}

}  // namespace marea::pipeline
