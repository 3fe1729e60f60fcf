// Volumes of a template and where containers see them, and values that come from secrets and config maps, as Kubernetes
// and Cloud Run define them. Value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace marea::model {

enum class SourceKind { secret, config };  // Secret (secretName, secretKeyRef), ConfigMap

// One key of a secret or config map as a file.
struct VolumeItem {
  std::string key;
  std::string path;                   // below the mount; relative, without ".."
  std::optional<std::uint32_t> mode;  // else that of the volume
  friend bool operator==(const VolumeItem&, const VolumeItem&) = default;
};

// Files from a secret or config map; all keys when there are no items.
struct VolumeSource {
  SourceKind kind = SourceKind::secret;
  std::string name;
  std::vector<VolumeItem> items;
  std::uint32_t mode = 0444;  // defaultMode
  bool optional = false;
  friend bool operator==(const VolumeSource&, const VolumeSource&) = default;
};

// An emptyDir in memory, shared by the containers of one instance, when there are no sources; else their files,
// read-only (more than one: a projected volume).
struct Volume {
  std::string name;
  std::optional<std::int64_t> size_bytes;  // emptyDir.sizeLimit
  std::vector<VolumeSource> sources;
  friend bool operator==(const Volume&, const Volume&) = default;
};

struct VolumeMount {
  std::string volume;
  std::string path;      // absolute, in the container
  std::string sub_path;  // relative, in the volume; empty: all of it
  bool read_only = false;
  friend bool operator==(const VolumeMount&, const VolumeMount&) = default;
};

// What is wrong with a path of a mount or of a file below one, as the end of a sentence; nothing when it is good.
// A mount is no part of the trees that the sandbox itself needs (/proc, /sys, /dev; but /dev/shm is the app's).
std::optional<std::string> mount_path_fault(std::string_view path);
std::optional<std::string> sub_path_fault(std::string_view path);

// "/a//b/" is "/a/b".
std::string plain_path(std::string_view path);

// An environment variable whose value a secret or config map gives (valueFrom), or with an empty key all of its keys
// with `variable` as prefix (envFrom).
struct EnvReference {
  std::string variable;
  SourceKind kind = SourceKind::secret;
  std::string name;
  std::string key;
  bool optional = false;
  friend bool operator==(const EnvReference&, const EnvReference&) = default;
};

}  // namespace marea::model
