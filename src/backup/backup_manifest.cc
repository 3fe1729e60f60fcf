#include "backup/backup_manifest.h"

#include <nlohmann/json.hpp>

#include "pipeline/digest.h"

namespace marea::backup {
namespace {

using Json = nlohmann::json;

base::Error unreadable(std::string why) {
  return {.code = base::ErrorCode::invalid_argument, .what = {}, .why = std::move(why)};
}

// A digest and a size, as the store and each blob have them.
bool read_blob(const Json& from, std::string& digest, std::int64_t& bytes, std::int64_t most) {
  if (!from.is_object() || !from.contains("digest") || !from["digest"].is_string()) return false;
  if (!from.contains("bytes") || !from["bytes"].is_number_integer()) return false;
  digest = from["digest"].get<std::string>();
  bytes = from["bytes"].get<std::int64_t>();
  return pipeline::is_digest(digest) && bytes >= 0 && bytes <= most;
}

}  // namespace

std::string blob_entry(const std::string& digest) {
  return "blobs/sha256/" + std::string(pipeline::hex_of(digest));
}

std::string print_manifest(const BackupManifest& manifest) {
  Json blobs = Json::array();
  for (const BlobEntry& blob : manifest.blobs) blobs.push_back({{"digest", blob.digest}, {"bytes", blob.bytes}});
  const Json json = {{"backup", kBackupForm},
                     {"marea", manifest.marea},
                     {"created", manifest.created},
                     {"store", {{"digest", manifest.store_digest}, {"bytes", manifest.store_bytes}}},
                     {"blobs", std::move(blobs)}};
  return json.dump(1) + "\n";
}

base::Result<BackupManifest> parse_manifest(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("backup") || !json["backup"].is_number_integer()) {
    return base::fail(unreadable("its manifest is not that of a backup"));
  }
  if (json["backup"] != kBackupForm) {
    return base::fail(
        unreadable("it has form " + json["backup"].dump() + ", this marea knows form " + std::to_string(kBackupForm)));
  }
  BackupManifest out;
  for (auto [name, value] : {std::pair{"marea", &out.marea}, std::pair{"created", &out.created}}) {
    if (json.contains(name) && json[name].is_string()) *value = json[name].get<std::string>();
  }
  const bool sound = json.contains("store") &&
                     read_blob(json["store"], out.store_digest, out.store_bytes, kMostStoreBytes) &&
                     json.contains("blobs") && json["blobs"].is_array() && json["blobs"].size() <= kMostBlobs;
  if (!sound) return base::fail(unreadable("its manifest is damaged"));
  constexpr std::int64_t kMostBlob = 1LL << 40;
  for (const Json& each : json["blobs"]) {
    BlobEntry blob;
    if (!read_blob(each, blob.digest, blob.bytes, kMostBlob)) {
      return base::fail(unreadable("its manifest lists no blob at " + std::to_string(out.blobs.size())));
    }
    out.blobs.push_back(std::move(blob));
  }
  return out;
}

}  // namespace marea::backup
