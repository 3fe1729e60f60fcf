// Unpacking of layers: whatever the bytes are, nothing outside the root changes, and what is inside stays within the
// budget. The root lies in memory, beside canaries that "../outside" reaches.
//
// Input: a byte of flags, then the blob. Flags: 3 the compression; 4 checksums of tar headers are made right first,
// without which few mutations get past them; 8 a build context instead of a layer; 16 unpacked twice, so that
// whiteouts, links and replacements meet what is there.
// modules: pipeline model net base
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "must.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/layer.h"
#include "tar_checksums.h"

namespace {

using namespace marea::pipeline;

// Everything that an escape could change, as text.
std::string state_of(const std::string& path) {
  struct stat info{};
  MUST(::lstat(path.c_str(), &info) == 0);
  std::string out = path + " " + std::to_string(info.st_mode) + " " + std::to_string(info.st_uid) + ":" +
                    std::to_string(info.st_gid) + " " + std::to_string(info.st_nlink) + " " +
                    std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) + "\n";
  if (S_ISREG(info.st_mode)) {
    std::ifstream in(path, std::ios::binary);
    out.append(std::istreambuf_iterator<char>(in), {});
  }
  if (S_ISDIR(info.st_mode)) {
    std::map<std::string, std::string> inside;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      inside[entry.path()] = state_of(entry.path());
    }
    for (const auto& [name, text] : inside) out += text;
  }
  return out;
}

class World {
 public:
  World() {
    std::string name = "/dev/shm/marea-layer-fuzz-XXXXXX";
    MUST(::mkdtemp(name.data()) != nullptr);
    top_ = name;
    std::filesystem::create_directories(outside() + "/folder");
    std::filesystem::create_directories(blobs() + "/sha256");
    for (const char* file : {"/secret", "/folder/file"}) std::ofstream(outside() + file) << "canary";
    before_ = state_of(outside());
  }
  ~World() { std::filesystem::remove_all(top_); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::string root() const { return top_ + "/root"; }
  std::string outside() const { return top_ + "/outside"; }
  std::string blobs() const { return top_ + "/blobs"; }

  void begin() const { MUST(::mkdir(root().c_str(), 0755) == 0); }
  void end() const {
    MUST(state_of(outside()) == before_);
    MUST(remove_tree(root()).has_value());
    int left = 0;
    for (const auto& entry : std::filesystem::directory_iterator(top_)) {
      MUST(entry.path() == outside() || entry.path() == blobs());
      ++left;
    }
    MUST(left == 2);
  }

 private:
  std::string top_;
  std::string before_;
};

Compression compression_of(unsigned flags) {
  switch (flags & 3U) {
    case 1: return Compression::gzip;
    case 2: return Compression::zstd;
    default: return Compression::none;
  }
}

void unpack(const World& world, unsigned flags, const Layer& layer) {
  constexpr std::int64_t kBytes = 1 << 20;
  constexpr std::int64_t kInodes = 200;
  Budget budget{.bytes = kBytes, .stream_bytes = 4 * kBytes, .inodes = kInodes, .file_bytes = kBytes};
  const UnpackOptions options{.budget = budget,
                              .notice = [](const std::string& line) { MUST(!line.empty()); },
                              .keep_owners = ::geteuid() == 0,
                              .whiteouts = (flags & 8U) == 0};
  const marea::base::Result<void> done =
      (flags & 8U) != 0 ? unpack_tar_file(blob_path(world.blobs(), layer.blob.digest), world.root(), options)
                        : unpack_layer(world.blobs(), layer, world.root(), options);
  MUST(done || !done.error().what.empty());
  MUST(done || !done.error().why.empty());
  MUST(budget.bytes >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  if (size == 0) return 0;
  const unsigned flags = data[0];
  std::string blob(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((flags & 4U) != 0) mend_checksums(blob);
  const std::string digest = digest_of(blob);
  const std::string file = blob_path(world.blobs(), digest);
  std::ofstream(file, std::ios::binary) << blob;
  // A compressed blob's diff_id is not known: its unpacking ends in a mismatch, after everything has been written.
  const Layer layer{.blob = {.media_type = "fuzz", .digest = digest, .bytes = static_cast<std::int64_t>(blob.size())},
                    .compression = compression_of(flags),
                    .diff_id = digest};
  world.begin();
  for (int i = 0; i < ((flags & 16U) != 0 ? 2 : 1); ++i) unpack(world, flags, layer);
  world.end();
  ::unlink(file.c_str());
  return 0;
}
