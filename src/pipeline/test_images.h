// For tests: images made of bytes, so that each attack is exactly the bytes it claims to be. Nothing here checks
// anything; what is wrong stays wrong.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/digest.h"
#include "pipeline/oci_image.h"

namespace marea::pipeline::testing {

// A private directory that goes away.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "marea-pipeline-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// One entry of a tar file, as the header says it (POSIX ustar; `pax` becomes an extended header before it).
struct TarEntry {
  std::string name;
  char type = '0';  // 0 file, 1 hard link, 2 symbolic link, 3 character device, 5 directory, 6 FIFO
  std::string content;
  std::string link;
  unsigned mode = 0644;
  unsigned uid = 0;
  unsigned gid = 0;
  std::int64_t mtime = 1'000'000'000;
  std::vector<std::pair<std::string, std::string>> pax;
};

inline void put_octal(std::string& header, std::size_t at, std::size_t width, std::uint64_t value) {
  for (std::size_t i = width - 1; i-- > 0;) {
    header[at + i] = static_cast<char>('0' + (value & 7U));
    value >>= 3U;
  }
}

inline std::string tar_header(const TarEntry& entry, std::uint64_t size) {
  std::string header(512, '\0');
  header.replace(0, std::min<std::size_t>(entry.name.size(), 100), entry.name.substr(0, 100));
  put_octal(header, 100, 8, entry.mode);
  put_octal(header, 108, 8, entry.uid);
  put_octal(header, 116, 8, entry.gid);
  put_octal(header, 124, 12, size);
  put_octal(header, 136, 12, static_cast<std::uint64_t>(entry.mtime));
  header.replace(148, 8, "        ");
  header[156] = entry.type;
  header.replace(157, std::min<std::size_t>(entry.link.size(), 100), entry.link.substr(0, 100));
  header.replace(257, 8, std::string("ustar\00000", 8));
  put_octal(header, 329, 8, entry.type == '3' ? 1 : 0);
  put_octal(header, 337, 8, entry.type == '3' ? 3 : 0);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(header, 148, 7, sum);
  return header;
}

inline std::string padded(std::string content) {
  content.resize((content.size() + 511) / 512 * 512, '\0');
  return content;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
inline std::string pax_record(const std::string& key, const std::string& value) {
  std::size_t length = key.size() + value.size() + 3;
  while (std::to_string(length).size() + key.size() + value.size() + 3 != length) {
    length = std::to_string(length).size() + key.size() + value.size() + 3;
  }
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

// Without the two blocks that end an archive.
inline std::string tar_part(const TarEntry& entry) {
  std::string out;
  if (!entry.pax.empty()) {
    std::string records;
    for (const auto& [key, value] : entry.pax) records += pax_record(key, value);
    out += tar_header({.name = "PaxHeaders/x", .type = 'x'}, records.size()) + padded(records);
  }
  return out + tar_header(entry, entry.content.size()) + padded(entry.content);
}

inline std::string tar(const std::vector<TarEntry>& entries) {
  std::string out;
  for (const TarEntry& entry : entries) out += tar_part(entry);
  return out + std::string(1024, '\0');
}

inline std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string out(::deflateBound(&stream, bytes.size()) + 64, '\0');
  // zlib's interface predates const; it does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

inline std::string zstd(std::string_view bytes) {
  std::string out(::ZSTD_compressBound(bytes.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

inline constexpr const char* kGzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr const char* kZstdLayer = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr const char* kPlainLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* kConfigType = "application/vnd.oci.image.config.v1+json";

struct TestLayer {
  std::string tar;
  std::string media_type = kGzipLayer;
  std::string blob;     // empty: `tar`, compressed as media_type says
  std::string diff_id;  // empty: the right one
};

// A layout under construction: DIR/{oci-layout,index.json,blobs/sha256/…}.
class TestLayout {
 public:
  explicit TestLayout(std::string dir) : dir_(std::move(dir)) {
    write_file(dir_ + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    std::filesystem::create_directories(dir_ + "/blobs/sha256");
  }
  const std::string& dir() const { return dir_; }
  std::string blobs() const { return dir_ + "/blobs"; }
  std::string blob_file(const std::string& digest) const { return blobs() + "/sha256/" + std::string(hex_of(digest)); }

  nlohmann::json add_blob(const std::string& bytes, const std::string& media_type) const {
    const std::string digest = digest_of(bytes);
    write_file(blob_file(digest), bytes);
    return {{"mediaType", media_type}, {"digest", digest}, {"size", bytes.size()}};
  }

  // The manifest's descriptor; `settings` is the config's "config".
  nlohmann::json add_image(const std::vector<TestLayer>& layers, const nlohmann::json& settings = {},
                           const std::string& architecture = host_architecture()) const {
    nlohmann::json diff_ids = nlohmann::json::array();
    nlohmann::json blobs = nlohmann::json::array();
    for (const TestLayer& layer : layers) {
      std::string blob = layer.blob;
      if (blob.empty() && layer.media_type == kGzipLayer) blob = gzip(layer.tar);
      if (blob.empty() && layer.media_type == kZstdLayer) blob = zstd(layer.tar);
      if (blob.empty()) blob = layer.tar;
      blobs.push_back(add_blob(blob, layer.media_type));
      diff_ids.push_back(layer.diff_id.empty() ? digest_of(layer.tar) : layer.diff_id);
    }
    const nlohmann::json config = {{"architecture", architecture},
                                   {"os", "linux"},
                                   {"config", settings},
                                   {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}};
    const nlohmann::json manifest = {{"schemaVersion", 2},
                                     {"mediaType", kManifestType},
                                     {"config", add_blob(config.dump(), kConfigType)},
                                     {"layers", blobs}};
    return add_blob(manifest.dump(), kManifestType);
  }

  void write_index(const std::vector<nlohmann::json>& manifests) const {
    write_file(dir_ + "/index.json", nlohmann::json({{"schemaVersion", 2}, {"manifests", manifests}}).dump());
  }

 private:
  std::string dir_;
};

inline nlohmann::json with_tag(nlohmann::json descriptor, const std::string& tag) {
  descriptor["annotations"]["org.opencontainers.image.ref.name"] = tag;
  return descriptor;
}

inline nlohmann::json with_platform(nlohmann::json descriptor, const std::string& architecture) {
  descriptor["platform"] = {{"os", "linux"}, {"architecture", architecture}};
  return descriptor;
}

}  // namespace marea::pipeline::testing
