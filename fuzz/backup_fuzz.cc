// Reading a backup: whatever the bytes are, nothing outside the folder changes, and what is accepted is what a manifest
// lists. The input is a plain tar or one in zstd. Flag in the first byte: 1: the manifest's JSON alone.
// modules: backup store pipeline net model base
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "backup/restore.h"
#include "must.h"

using namespace marea::backup;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  if ((data[0] & 1U) != 0) {
    const auto manifest = parse_manifest(std::string(bytes));
    if (manifest) MUST(parse_manifest(print_manifest(*manifest)) == *manifest);
    return 0;
  }
  std::string world = "/dev/shm/marea-backup-fuzz-XXXXXX";
  MUST(::mkdtemp(world.data()) != nullptr);
  const std::string folder = world + "/in";
  std::filesystem::create_directories(folder + "/control");
  std::filesystem::create_directories(folder + "/blobs/sha256");
  std::ofstream(world + "/archive", std::ios::binary) << bytes;
  auto archive = marea::pipeline::LayerStream::open_untrusted(world + "/archive",
                                                              {.most_bytes = 1 << 24, .ratio_free_bytes = 1 << 24});
  if (archive) {
    const auto done = read_backup(*archive, "archive", folder);
    if (done) MUST(std::filesystem::exists(folder + "/" + kStoreEntry));
  }
  int outside = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(world)) ++outside;
  MUST(outside == 2);
  std::filesystem::remove_all(world);
  return 0;
}
