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

inline constexpr std::size_t kMostWantedImages = 32;  // of one Dockerfile that are pulled

// What FROM, --from= of COPY and ADD, and from= of RUN's --mount= name, each once, without stages and `scratch`;
// arguments before the first FROM that have a default are put in, what still has a variable is left out. Texts of
// here-documents and other words of commands are none of it.
std::vector<std::string> images_wanted(std::string_view dockerfile);

// Those that none of `known` is. A known name may be the full one of a registry: docker.io/library/debian:12 is known
// as debian:12 too.
std::vector<std::string> images_missing(std::string_view dockerfile, const KnownImages& known);

// The Dockerfile with names for what it names by digest, as buildah's storage knows none of those: NAME@sha256:HEX is
// localhost/pinned:HEX.
std::string without_digests(std::string dockerfile);

// Those of `known` that the FROM and --from of `dockerfile` may mean, under their full names: the ones whose name is
// written there, or all when a variable stands in the place of a name. A few too many cost time, one too few a build.
KnownImages images_for(std::string_view dockerfile, const KnownImages& known);

}  // namespace marea::pipeline
