// The OCI bundle of one sandbox as text: config.json (OCI runtime specification 1.0). Pure; what exists on the machine
// (paths, controllers) comes in through OciOrder.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "model/service.h"

namespace marea::engine::local {

inline constexpr std::string_view kShimInside = "/dev/.marea-shim";  // in the sandbox's own /dev: no image is touched

// A folder of the machine that the sandbox sees, too.
struct VolumeBind {
  std::string destination;
  std::string source;
  bool read_only = false;
};

struct OciOrder {
  std::string hostname;
  std::string rootfs;         // mounted, writable, owned by the id range
  std::string files;          // folder with hosts, resolv.conf, hostname
  std::string shim;           // reachable for every user
  std::string cgroup;         // "/marea/…", in every hierarchy
  std::uint32_t id_base = 0;  // 65,536 ids from here are the sandbox's
  model::Limits limits;
  bool swap_accounting = false;     // the memory controller can bound swap
  std::string user_namespace;       // a path to it; it maps id_base as above
  std::string network_namespace;    // a path to one that another sandbox has set up; empty: a new one
  std::vector<VolumeBind> volumes;  // outer ones first
  std::string seccomp_program;      // compile_seccomp() of the profile, for a runtime that takes it; else empty
};

nlohmann::json oci_config(const OciOrder& order);

// Bytes of the root file system's writable layer and of /dev/shm: below the memory limit, against which both count, so
// that a full disk is ENOSPC and not the end of the app.
std::int64_t writable_bytes(const model::Limits& limits);
std::int64_t shared_memory_bytes(const model::Limits& limits);

}  // namespace marea::engine::local
