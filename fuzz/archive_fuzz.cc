// Archives of images (docker-archive:, oci-archive:) up to the layout that is uploaded: whatever the bytes are, it is
// an error in words or a layout whose blobs are those that it names, and nothing is made beside the folder.
//
// Input: a byte of flags, then the tar. Flags: 1 a layout in a tar, else what `docker save` writes; 2 one of several
// names is asked for; 4 checksums of tar headers are made right first; 8 no tar but two texts with a NUL between them,
// of which an archive is made: manifest.json and the config, or index.json and a manifest.
// modules: pipeline model net base
#include <sys/stat.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "must.h"
#include "pipeline/archive_layout.h"
#include "pipeline/files.h"
#include "pipeline/layer.h"
#include "pipeline/test_images.h"
#include "tar_checksums.h"

namespace {

using namespace marea::pipeline;

constexpr std::int64_t kBytes = 1 << 20;  // that an archive may have

std::string top_folder() {
  std::string name = "/dev/shm/marea-archive-fuzz-XXXXXX";
  MUST(::mkdtemp(name.data()) != nullptr);
  return name;
}

// With a layer that is right: what is wrong lies in the texts.
std::string archive_of(bool layout, const std::string& texts) {
  const std::size_t cut = std::min(texts.find('\0'), texts.size());
  const std::string first = texts.substr(0, cut);
  const std::string second = cut == texts.size() ? std::string() : texts.substr(cut + 1);
  const std::string layer = testing::tar({{.name = "f", .content = "content"}});
  if (!layout) {
    return testing::tar({{.name = "manifest.json", .content = first},
                         {.name = "config.json", .content = second},
                         {.name = "layer.tar", .content = layer}});
  }
  const std::string blobs = "blobs/sha256/";
  const std::string config = R"({"architecture":")" + host_architecture() +
                             R"(","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[")" +
                             digest_of(layer) + R"("]}})";
  return testing::tar({{.name = "oci-layout", .content = R"({"imageLayoutVersion":"1.0.0"})"},
                       {.name = "index.json", .content = first},
                       {.name = blobs + std::string(hex_of(digest_of(second))), .content = second},
                       {.name = blobs + std::string(hex_of(digest_of(config))), .content = config},
                       {.name = blobs + std::string(hex_of(digest_of(layer))), .content = layer}});
}

void check(const std::string& scratch, const marea::base::Result<OciReference>& unpacked) {
  MUST(unpacked || (!unpacked.error().what.empty() && !unpacked.error().line().empty()));
  if (!unpacked) return;
  MUST(unpacked->dir == scratch + "/files" || unpacked->dir == scratch + "/layout");
  const auto image = open_layout(*unpacked);
  MUST(image || !image.error().what.empty());
  if (!image) return;
  MUST(image->blobs.size() <= kMostLayers + 2);
  MUST(!image->blobs.empty() && image->blobs.back().digest == image->digest);
  for (const LayoutBlob& blob : image->blobs) {
    MUST(blob.path.starts_with(unpacked->dir + "/blobs/sha256/"));
    MUST(is_digest(blob.digest) && blob.bytes >= 0);
  }
  const auto manifest = hash_file(image->blobs.back().path);
  MUST(manifest && manifest->digest == image->digest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string top = top_folder();
  if (size == 0 || size > static_cast<std::size_t>(kBytes)) return 0;
  const unsigned flags = data[0];
  const bool layout = (flags & 1U) != 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((flags & 8U) != 0) {
    bytes = archive_of(layout, bytes);
  } else if ((flags & 4U) != 0) {
    mend_checksums(bytes);
  }
  const std::string file = top + "/archive";
  const std::string scratch = top + "/scratch";
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  MUST(::mkdir(scratch.c_str(), 0700) == 0);
  const ArchiveReference reference{
      .kind = layout ? ArchiveKind::oci : ArchiveKind::docker, .file = file, .image = (flags & 2U) != 0 ? "app" : ""};
  const Budget budget{.bytes = kBytes, .stream_bytes = 4 * kBytes, .inodes = 200, .file_bytes = kBytes};
  check(scratch, unpack_archive(reference, scratch, budget));
  for (const auto& entry : std::filesystem::directory_iterator(top)) {
    MUST(entry.path() == file || entry.path() == scratch);
  }
  MUST(remove_tree(scratch).has_value());
  return 0;
}
