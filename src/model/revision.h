// An immutable snapshot of a service's template with everything resolved: what an engine needs to run it, in any order,
// without asking anyone. Value type; stored, sent to the engine, shown by the API.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/strong_id.h"
#include "model/service.h"

namespace marea::model {

// What the image itself says (OCI image config), resolved by the builder when it unpacks it.
struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // "NAME=value"
  std::string working_dir;
  std::string user;                   // as written: "", "1000", "www-data:www-data"
  std::uint32_t uid = 0;              // resolved against the image's /etc/passwd
  std::uint32_t gid = 0;              // resolved against /etc/passwd and /etc/group
  std::vector<std::uint32_t> groups;  // supplementary, from /etc/group
  std::string home;                   // from /etc/passwd; "/" when unknown
  std::vector<std::uint16_t> exposed_ports;
  std::string stop_signal;  // kept; Cloud Run sends SIGTERM whatever it says
  friend bool operator==(const ImageConfig&, const ImageConfig&) = default;
};

// An image in marea's store: unpacked, verified, ready to be a root file system.
struct Image {
  std::string digest;      // sha256:… of the manifest
  std::string rootfs;      // absolute path of the unpacked tree, owned by the builder's id range
  std::int64_t bytes = 0;  // on disk
  ImageConfig config;
  friend bool operator==(const Image&, const Image&) = default;
};

struct Revision {
  base::RevisionName name;
  base::ServiceName service;
  int generation = 0;  // of the service, when this snapshot was taken
  std::int64_t created_unix_ns = 0;
  Template spec;
  Image image;                        // of spec.container
  std::vector<Image> sidecar_images;  // of spec.sidecars, in their order
  friend bool operator==(const Revision&, const Revision&) = default;
};

}  // namespace marea::model
