// Names of images in registries, as `docker pull` reads them: HOST[:PORT]/PATH[:TAG][@DIGEST] (distribution-spec,
// "Pulling manifests"; the grammar is that of github.com/distribution/reference). Pure.
//
//   parse_registry_reference("debian:12")   // docker.io, library/debian, 12
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace marea::pipeline {

inline constexpr std::string_view kDefaultRegistry = "docker.io";
inline constexpr std::string_view kRegistryScheme = "docker://";
inline constexpr std::size_t kMostRepositoryBytes = 255;  // distribution-spec
inline constexpr std::size_t kMostTagBytes = 128;

struct RegistryReference {
  std::string host;        // "docker.io", "registry.example:5000"
  std::string repository;  // "library/debian"
  std::string tag;         // empty where a digest says what is meant
  std::string digest;
  friend bool operator==(const RegistryReference&, const RegistryReference&) = default;
};

// Whether it can only mean a registry: docker://…, or its first component has a dot or a port, or is localhost.
bool names_registry(std::string_view reference);

// Whether it means an image of marea's own first: a name without a host, or with localhost without a port, as builds
// call their results.
bool may_be_own_name(std::string_view reference);

inline constexpr std::size_t kMostNearNames = 3;
// Of names of images, those that may be meant by `reference` and may stand where it does; with and without tags.
std::vector<std::string> near_names(std::string_view reference, const std::vector<std::string>& names);

// E_INVALID_ARGUMENT. A tag beside a digest is left out: the digest says more.
base::Result<RegistryReference> parse_registry_reference(std::string_view text);

// "docker.io/library/debian:12", "docker.io/library/debian@sha256:…": what parse_registry_reference() reads back.
std::string to_string(const RegistryReference& reference);

}  // namespace marea::pipeline
