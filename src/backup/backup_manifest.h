// The first entry of a backup: what is in it, so that a restore can verify every byte and tell what is missing. JSON;
// members that are not known are passed over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace marea::backup {

inline constexpr int kBackupForm = 1;
inline constexpr std::size_t kMostBlobs = 200'000;            // ten for each of the services that marea takes
inline constexpr std::size_t kMostManifestBytes = 64U << 20;  // 300 for each of them
inline constexpr std::int64_t kMostStoreBytes = 16LL << 30;

struct BlobEntry {
  std::string digest;
  std::int64_t bytes = 0;
  friend bool operator==(const BlobEntry&, const BlobEntry&) = default;
};

struct BackupManifest {
  std::string marea;    // version that wrote it
  std::string created;  // RFC 3339, for people
  std::string store_digest;
  std::int64_t store_bytes = 0;
  std::vector<BlobEntry> blobs;  // in the order in which they follow
  friend bool operator==(const BackupManifest&, const BackupManifest&) = default;
};

std::string print_manifest(const BackupManifest& manifest);
// The error's text is the cause alone; the caller knows the file.
base::Result<BackupManifest> parse_manifest(const std::string& text);

// Names of the entries, in their order: the manifest, the store, then one for each blob.
inline constexpr const char* kManifestEntry = "manifest.json";
inline constexpr const char* kStoreEntry = "control/marea.db";
std::string blob_entry(const std::string& digest);  // "blobs/sha256/HEX"

}  // namespace marea::backup
