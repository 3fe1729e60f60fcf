// Names of images as Dockerfiles write them, and which of the images that marea knows a Dockerfile needs. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace marea::pipeline {

inline constexpr std::size_t kMostImageNameBytes = 255;  // distribution-spec: of a repository name

using KnownImages = std::vector<std::pair<std::string, std::string>>;  // name → digest

// As containers/storage keeps it: "debian" is "localhost/debian:latest". Empty when the text is no name and tag (an
// "oci:DIR" reference, a digest, upper case).
std::string full_image_name(std::string_view name);

// Those of `known` that the FROM and --from of `dockerfile` may mean, under their full names: the ones whose name is
// written there, or all when a variable stands in the place of a name. A few too many cost time, one too few a build.
KnownImages images_for(std::string_view dockerfile, const KnownImages& known);

}  // namespace marea::pipeline
