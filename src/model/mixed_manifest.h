// A file of objects of several kinds, as `marea apply -f` takes it: services, policies of releases, experiments. Every
// fault of all of them is found at once, each with its place. Pure: text in, values out.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "model/manifest.h"

namespace marea::model {

// In the order in which they must be there: what a service names comes before services, what names them after.
enum class ManifestKind : std::uint8_t { release_policy, service, experiment };

// What is none of these is a service with faults.
ManifestKind kind_of_object(const Json& object);

struct MixedDocument {
  ManifestKind kind = ManifestKind::service;
  std::string name;
  Json document;  // as the user wrote it
  std::vector<Fault> notices;
};

// One or more YAML documents or one JSON value; a list stands for its items. The result keeps the order of the text. An
// object of a kind that is none of these is a service with faults.
std::expected<std::vector<MixedDocument>, Faults> parse_mixed(std::string_view text);

}  // namespace marea::model
