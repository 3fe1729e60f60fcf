#include "pipeline/oci_image.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/image_config.h"
#include "pipeline/json_fields.h"
#include "pipeline/layer.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::size_t kMostPlatformsBytes = 300;  // named in an error
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

constexpr std::array<std::string_view, 2> kIndexTypes = {"application/vnd.oci.image.index.v1+json",
                                                         "application/vnd.docker.distribution.manifest.list.v2+json"};
constexpr std::array<std::string_view, 2> kManifestTypes = {"application/vnd.oci.image.manifest.v1+json",
                                                            "application/vnd.docker.distribution.manifest.v2+json"};

struct LayerType {
  std::string_view name;
  Compression compression;
};
constexpr std::array kLayerTypes = {
    LayerType{"application/vnd.oci.image.layer.v1.tar", Compression::none},
    LayerType{"application/vnd.oci.image.layer.v1.tar+gzip", Compression::gzip},
    LayerType{"application/vnd.oci.image.layer.v1.tar+zstd", Compression::zstd},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar", Compression::none},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression::gzip},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Compression::zstd},
    LayerType{"application/vnd.docker.image.rootfs.diff.tar", Compression::none},
    LayerType{"application/vnd.docker.image.rootfs.diff.tar.gzip", Compression::gzip},
    LayerType{"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::zstd},
};

constexpr const char* kCopyAgain = "Make or copy the image again; a tool that writes OCI layouts gets this right.";

std::unexpected<base::Error> invalid(const std::string& place, std::string why) {
  return base::fail(ErrorCode::image_invalid, "cannot use " + place, std::move(why), kCopyAgain);
}

std::unexpected<base::Error> too_deep(const std::string& root) {
  return invalid("the image " + root,
                 "its indexes are nested deeper than " + std::to_string(kMostIndexDepth) + " levels");
}

base::Result<Descriptor> parse_descriptor(const Json& value, const std::string& place) {
  Descriptor out;
  out.media_type = text_member(value, "mediaType");
  out.digest = text_member(value, "digest");
  const std::optional<std::int64_t> bytes = integer_member(value, "size");
  if (!is_digest(out.digest)) {
    return invalid(place, out.digest.empty() ? "a descriptor has no digest"
                                             : "the digest '" + out.digest.substr(0, 100) + "' is not sha256:HEX");
  }
  if (!bytes || *bytes < 0) return invalid(place, "the descriptor of " + out.digest + " has no valid size");
  if (*bytes > kMostBlobBytes) {
    return base::fail(
        ErrorCode::image_too_large, "cannot use " + place,
        out.digest + " has " + std::to_string(*bytes) + " bytes; the limit is " + std::to_string(kMostBlobBytes));
  }
  out.bytes = *bytes;
  return out;
}

base::Result<Json> parse_object(const std::string& text, const std::string& place) {
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded() || !value.is_object()) return invalid(place, "it is not a JSON object");
  return value;
}

base::Result<Layer> parse_layer(const Json& value, const std::string& place) {
  base::Result<Descriptor> blob = parse_descriptor(value, place);
  if (!blob) return std::unexpected(blob.error());
  const auto* type = std::ranges::find(kLayerTypes, blob->media_type, &LayerType::name);
  if (type == kLayerTypes.end()) {
    return invalid(
        place, "the layer " + blob->digest + " has the unknown media type '" + blob->media_type.substr(0, 200) + "'");
  }
  return Layer{.blob = std::move(*blob), .compression = type->compression, .diff_id = {}};
}

base::Result<void> parse_manifest(const Json& manifest, const std::string& place, ManifestText& image) {
  if (integer_member(manifest, "schemaVersion") != 2) {
    return invalid(place, "schemaVersion is not 2 (Docker's first schema is not supported)");
  }
  const Json* config = member(manifest, "config");
  const Json* layers = member(manifest, "layers");
  if (config == nullptr || layers == nullptr || !layers->is_array()) {
    return invalid(place, "it has no config or no layers: it is not an image manifest");
  }
  if (layers->size() > kMostLayers) {
    return base::fail(
        ErrorCode::image_too_large, "cannot use " + place,
        "it has " + std::to_string(layers->size()) + " layers; the limit is " + std::to_string(kMostLayers));
  }
  base::Result<Descriptor> blob = parse_descriptor(*config, place);
  if (!blob) return std::unexpected(blob.error());
  image.config_blob = std::move(*blob);
  for (const Json& value : *layers) {
    base::Result<Layer> layer = parse_layer(value, place);
    if (!layer) return std::unexpected(layer.error());
    image.layers.push_back(std::move(*layer));
  }
  return {};
}

base::Result<void> read_config(const std::string& blobs, OciImage& image) {
  base::Result<std::string> text = read_blob(blobs, image.config_blob, kMostConfigBytes);
  if (!text) return std::unexpected(text.error());
  const std::string place = "the image config " + blob_path(blobs, image.config_blob.digest);
  base::Result<ConfigFile> file = parse_config(*text, place);
  if (!file) return std::unexpected(file.error());
  if (!fits_host({.blob = {}, .os = file->os, .architecture = file->architecture, .ref_name = {}})) {
    return base::fail(
        ErrorCode::image_architecture, "cannot run the image " + image.manifest.digest,
        "it is for " + file->os + "/" + file->architecture + ", this machine is linux/" + host_architecture(),
        "Build or copy the image for linux/" + host_architecture() + ".");
  }
  if (file->diff_ids.size() != image.layers.size()) {
    return invalid(place, "it lists " + std::to_string(file->diff_ids.size()) + " diff_ids, the manifest " +
                              std::to_string(image.layers.size()) + " layers");
  }
  for (std::size_t i = 0; i < image.layers.size(); ++i) image.layers[i].diff_id = file->diff_ids[i];
  image.config = std::move(file->config);
  return {};
}

bool is_index(const std::string& media_type, const Json& value) {
  const std::string inner = text_member(value, "mediaType");
  const std::string& type = inner.empty() ? media_type : inner;
  if (std::ranges::find(kIndexTypes, type) != kIndexTypes.end()) return true;
  if (std::ranges::find(kManifestTypes, type) != kManifestTypes.end()) return false;
  return member(value, "manifests") != nullptr;  // mediaType is optional in both
}

base::Result<Descriptor> choose_manifest(const std::string& text, const std::string& place) {
  base::Result<std::vector<IndexEntry>> entries = parse_index(text, place);
  if (!entries) return std::unexpected(entries.error());
  const IndexEntry* unsaid = nullptr;
  std::string there;
  for (const IndexEntry& entry : *entries) {
    if (!fits_host(entry)) {
      const std::string platform = " " + entry.os + "/" + entry.architecture;
      const bool listed = there.find(platform) != std::string::npos || there.size() > kMostPlatformsBytes;
      if (!listed && entry.os != "unknown") there += platform;
      continue;
    }
    if (!entry.os.empty()) return entry.blob;
    if (unsaid == nullptr) unsaid = &entry;
  }
  if (unsaid != nullptr) return unsaid->blob;
  return base::fail(
      ErrorCode::image_architecture, "cannot use " + place,
      "it has no image for linux/" + host_architecture() +
          (there.empty() ? std::string("; it lists none at all") : "; there is one for" + printable(there)),
      "Build or copy the image for linux/" + host_architecture() + ".");
}

}  // namespace

std::string blob_path(const std::string& blobs, const std::string& digest) {
  return blobs + "/sha256/" + std::string(hex_of(digest));
}

base::Result<std::string> read_blob(const std::string& blobs, const Descriptor& blob, std::size_t most) {
  const std::string path = blob_path(blobs, blob.digest);
  base::Result<std::string> text = read_small_file(path, most);
  if (!text) {
    base::Error error = text.error();
    if (error.code == ErrorCode::io) error.code = ErrorCode::image_not_found;
    if (error.code == ErrorCode::too_large) error.code = ErrorCode::image_too_large;
    return base::fail(std::move(error));
  }
  if (blob.bytes >= 0 && std::cmp_not_equal(text->size(), blob.bytes)) {
    return base::fail(ErrorCode::digest_mismatch, "cannot trust the blob " + path,
                      "expected " + std::to_string(blob.bytes) + " bytes, found " + std::to_string(text->size()),
                      kCopyAgain);
  }
  const std::string found = digest_of(*text);
  if (found != blob.digest) {
    return base::fail(ErrorCode::digest_mismatch, "cannot trust the blob " + path,
                      "expected " + blob.digest + ", found " + found, kCopyAgain);
  }
  return text;
}

base::Result<void> verify_blob(const std::string& blobs, const Descriptor& blob) {
  const std::string path = blob_path(blobs, blob.digest);
  const base::Result<FileDigest> found = hash_file(path);
  if (!found) {
    base::Error error = found.error();
    error.code = ErrorCode::image_not_found;
    return base::fail(std::move(error));
  }
  if (found->digest != blob.digest || (blob.bytes >= 0 && found->bytes != blob.bytes)) {
    return base::fail(ErrorCode::digest_mismatch, "cannot trust the blob " + path,
                      "expected " + blob.digest + " (" + std::to_string(blob.bytes) + " bytes), found " +
                          found->digest + " (" + std::to_string(found->bytes) + " bytes)",
                      kCopyAgain);
  }
  return {};
}

base::Result<ManifestText> parse_manifest_text(const std::string& text, const std::string& media_type,
                                               const std::string& place) {
  base::Result<Json> value = parse_object(text, place);
  if (!value) return std::unexpected(value.error());
  ManifestText out;
  if (!is_index(media_type, *value)) {
    if (base::Result<void> read = parse_manifest(*value, place, out); !read) return std::unexpected(read.error());
    return out;
  }
  base::Result<Descriptor> next = choose_manifest(text, place);
  if (!next) return std::unexpected(next.error());
  out.next = std::move(*next);
  return out;
}

base::Result<OciImage> read_manifests(const std::string& blobs, const std::string& root) {
  if (!is_digest(root)) {
    return base::fail(ErrorCode::invalid_argument, "cannot read the image '" + root.substr(0, 100) + "'",
                      "the digest is not sha256:HEX");
  }
  OciImage image;
  image.manifest = {.media_type = {}, .digest = root, .bytes = -1};
  for (int depth = 0; depth <= kMostIndexDepth; ++depth) {
    base::Result<std::string> text = read_blob(blobs, image.manifest, kMostManifestBytes);
    if (!text) return std::unexpected(text.error());
    image.manifest.bytes = static_cast<std::int64_t>(text->size());
    base::Result<ManifestText> parsed = parse_manifest_text(*text, image.manifest.media_type,
                                                            "the manifest " + blob_path(blobs, image.manifest.digest));
    if (!parsed) return std::unexpected(parsed.error());
    if (!parsed->next) {
      image.config_blob = std::move(parsed->config_blob);
      image.layers = std::move(parsed->layers);
      return image;
    }
    image.indexes.push_back(image.manifest);
    image.manifest = std::move(*parsed->next);
  }
  return too_deep(root);
}

base::Result<OciImage> read_image(const std::string& blobs, const Descriptor& root) {
  base::Result<OciImage> image = read_manifests(blobs, root.digest);
  if (!image) return image;
  if (base::Result<void> read = read_config(blobs, *image); !read) return std::unexpected(read.error());
  return image;
}

base::Result<std::vector<IndexEntry>> parse_index(const std::string& text, const std::string& place) {
  base::Result<Json> value = parse_object(text, place);
  if (!value) return std::unexpected(value.error());
  const Json* manifests = member(*value, "manifests");
  if (manifests == nullptr || !manifests->is_array()) return invalid(place, "it has no list \"manifests\"");
  if (manifests->size() > kMostIndexEntries) {
    return base::fail(ErrorCode::image_too_large, "cannot use " + place,
                      "it lists more than " + std::to_string(kMostIndexEntries) + " manifests");
  }
  std::vector<IndexEntry> out;
  for (const Json& item : *manifests) {
    base::Result<Descriptor> blob = parse_descriptor(item, place);
    if (!blob) return std::unexpected(blob.error());
    IndexEntry entry{.blob = std::move(*blob), .os = {}, .architecture = {}, .ref_name = {}};
    if (const Json* platform = member(item, "platform")) {
      entry.os = text_member(*platform, "os");
      entry.architecture = text_member(*platform, "architecture");
    }
    if (const Json* annotations = member(item, "annotations")) {
      entry.ref_name = text_member(*annotations, std::string(kRefName).c_str());
    }
    out.push_back(std::move(entry));
  }
  return out;
}

std::string host_architecture() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  const std::string_view machine = name.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return std::string(machine);
}

bool fits_host(const IndexEntry& entry) {
  if (!entry.os.empty() && entry.os != "linux") return false;
  return entry.architecture.empty() || entry.architecture == host_architecture();
}

std::int64_t unpacked_guess(const std::vector<Layer>& layers) {
  constexpr std::int64_t kTarGrowth = 3;
  std::int64_t out = 0;
  for (const Layer& layer : layers) out += layer.blob.bytes * (layer.compression == Compression::none ? 1 : kTarGrowth);
  return out;
}

base::Result<std::vector<std::string>> blobs_of(const std::string& blobs, const std::string& root) {
  const base::Result<OciImage> image = read_manifests(blobs, root);
  if (!image) return std::unexpected(image.error());
  std::vector<std::string> out;
  for (const Descriptor& index : image->indexes) out.push_back(index.digest);
  out.push_back(image->manifest.digest);
  out.push_back(image->config_blob.digest);
  for (const Layer& layer : image->layers) out.push_back(layer.blob.digest);
  return out;
}

}  // namespace marea::pipeline
