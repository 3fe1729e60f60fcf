#include "pipeline/oci_layout.h"

#include <algorithm>
#include <utility>

#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/json_fields.h"
#include "pipeline/oci_image.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::string_view kScheme = "oci:";
constexpr std::size_t kMostMarkerBytes = 4096;  // oci-layout holds one version number
constexpr std::size_t kMostTagsNamed = 20;      // in an error

base::Result<void> check_marker(const std::string& dir) {
  const std::string path = dir + "/oci-layout";
  base::Result<std::string> text = read_small_file(path, kMostMarkerBytes);
  if (!text) {
    base::Error error = text.error();
    error.code = ErrorCode::image_not_found;
    error.what = "cannot open the image layout " + dir + ": " + error.what;
    error.remedy =
        "Name a directory in OCI layout: tools/base-image DIR PACKAGE makes one, `skopeo copy … oci:DIR:TAG` too.";
    return base::fail(std::move(error));
  }
  const Json value = Json::parse(*text, nullptr, false);
  if (text_member(value, "imageLayoutVersion") != "1.0.0") {
    return base::fail(ErrorCode::image_invalid, "cannot use " + path, "imageLayoutVersion is not 1.0.0",
                      "Make the layout again.");
  }
  return {};
}

std::string list_tags(const std::vector<IndexEntry>& entries) {
  std::string out;
  std::size_t count = 0;
  for (const IndexEntry& entry : entries) {
    if (entry.ref_name.empty() || ++count > kMostTagsNamed) continue;
    out += (out.empty() ? "" : ", ") + entry.ref_name.substr(0, 128);
  }
  if (count > kMostTagsNamed) out += " and " + std::to_string(count - kMostTagsNamed) + " more";
  return out.empty() ? "none" : out;
}

std::unexpected<base::Error> not_one(const OciReference& reference, std::string why,
                                     const std::vector<IndexEntry>& entries) {
  return base::fail(ErrorCode::image_not_found, "cannot choose an image in " + reference.dir + "/index.json",
                    std::move(why) + "; tags there: " + list_tags(entries), "Name one: oci:" + reference.dir + ":TAG");
}

base::Result<Descriptor> choose(const OciReference& reference, const std::vector<IndexEntry>& entries) {
  std::vector<const IndexEntry*> named;
  for (const IndexEntry& entry : entries) {
    if (reference.tag.empty() || entry.ref_name == reference.tag) named.push_back(&entry);
  }
  if (named.empty()) {
    return not_one(
        reference,
        reference.tag.empty() ? std::string("it lists no image") : "no image has the tag '" + reference.tag + "'",
        entries);
  }
  std::vector<const IndexEntry*> fitting;
  for (const IndexEntry* entry : named) {
    const auto same = [&](const IndexEntry* other) { return other->blob.digest == entry->blob.digest; };
    if ((named.size() == 1 || fits_host(*entry)) && std::ranges::none_of(fitting, same)) fitting.push_back(entry);
  }
  if (fitting.size() == 1) return fitting.front()->blob;
  if (fitting.empty()) return not_one(reference, "none is for linux/" + host_architecture(), entries);
  return not_one(reference, std::to_string(fitting.size()) + " images fit", entries);
}

base::Result<void> check_pin(const OciReference& reference, const OciImage& image) {
  if (reference.digest.empty() || reference.digest == image.manifest.digest) return {};
  for (const Descriptor& index : image.indexes) {
    if (index.digest == reference.digest) return {};
  }
  return base::fail(ErrorCode::digest_mismatch, "cannot use the image " + to_string(reference),
                    "expected " + reference.digest + ", found " + image.manifest.digest,
                    "Correct the digest in the reference, or leave @sha256:… out.");
}

base::Result<void> add_blob(const std::string& blobs, const Descriptor& blob, LayoutImage& image) {
  if (std::ranges::find(image.blobs, blob.digest, &LayoutBlob::digest) != image.blobs.end()) return {};
  LayoutBlob out{
      .digest = blob.digest, .bytes = blob.bytes, .path = blob_path(blobs, blob.digest), .media_type = blob.media_type};
  const base::Result<OpenFile> file = open_regular(out.path);
  if (!file) {
    base::Error error = file.error();
    error.code = ErrorCode::image_not_found;
    error.what = "the blob " + blob.digest + " of the image " + image.digest + " is missing: " + error.what;
    error.remedy = "Copy or build the image again.";
    return base::fail(std::move(error));
  }
  if (file->bytes != blob.bytes) {
    return base::fail(ErrorCode::digest_mismatch, "cannot trust the blob " + out.path,
                      "expected " + std::to_string(blob.bytes) + " bytes, found " + std::to_string(file->bytes),
                      "Copy or build the image again.");
  }
  image.blobs.push_back(std::move(out));
  return {};
}

}  // namespace

bool is_oci_reference(std::string_view text) {
  return text.starts_with(kScheme);
}

base::Result<OciReference> parse_oci_reference(std::string_view text) {
  const auto bad = [&](std::string why) {
    return base::fail(ErrorCode::invalid_argument,
                      "cannot read the image reference '" + std::string(text.substr(0, 200)) + "'", std::move(why),
                      "Write oci:DIR, oci:DIR:TAG or oci:DIR:TAG@sha256:HEX.");
  };
  if (!is_oci_reference(text)) return bad("it does not begin with oci:");
  if (text.size() > kMostReferenceBytes) return bad("it is too long");
  if (text.find('\0') != std::string_view::npos) return bad("it has a NUL byte");
  OciReference out;
  std::string_view rest = text.substr(kScheme.size());
  if (const std::size_t at = rest.rfind("@sha256:"); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_digest(out.digest)) return bad("the digest is not sha256: and 64 lower-case hexadecimal digits");
  }
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return bad("it names no directory");
  out.dir = rest;
  return out;
}

std::string to_string(const OciReference& reference) {
  std::string out = std::string(kScheme) + reference.dir;
  const std::size_t slash = reference.dir.rfind('/');
  const bool colon = reference.dir.find(':', slash == std::string::npos ? 0 : slash) != std::string::npos;
  if (!reference.tag.empty() || colon) out += ":" + reference.tag;
  if (!reference.digest.empty()) out += "@" + reference.digest;
  return out;
}

base::Result<LayoutImage> open_layout(const std::string& dir, const std::string& tag) {
  return open_layout(OciReference{.dir = dir, .tag = tag, .digest = {}});
}

base::Result<LayoutImage> open_layout(const OciReference& reference) {
  if (base::Result<void> marker = check_marker(reference.dir); !marker) return std::unexpected(marker.error());
  const std::string index_path = reference.dir + "/index.json";
  base::Result<std::string> text = read_small_file(index_path, kMostManifestBytes);
  if (!text) {
    base::Error error = text.error();
    error.code = error.code == ErrorCode::too_large ? ErrorCode::image_too_large : ErrorCode::image_not_found;
    return base::fail(std::move(error));
  }
  base::Result<std::vector<IndexEntry>> entries = parse_index(*text, index_path);
  if (!entries) return std::unexpected(entries.error());
  base::Result<Descriptor> root = choose(reference, *entries);
  if (!root) return std::unexpected(root.error());
  const std::string blobs = reference.dir + "/blobs";
  base::Result<OciImage> image = read_image(blobs, *root);
  if (!image) return std::unexpected(image.error());
  if (base::Result<void> pinned = check_pin(reference, *image); !pinned) return std::unexpected(pinned.error());

  LayoutImage out{.digest = image->manifest.digest, .blobs = {}, .config = std::move(image->config)};
  std::vector<Descriptor> needed;
  for (Layer& layer : image->layers) needed.push_back(std::move(layer.blob));
  needed.push_back(image->config_blob);
  needed.push_back(image->manifest);
  for (const Descriptor& blob : needed) {
    if (base::Result<void> added = add_blob(blobs, blob, out); !added) return std::unexpected(added.error());
  }
  return out;
}

}  // namespace marea::pipeline
