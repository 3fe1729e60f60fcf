// The file behind -f, for apply and diff: read whole, its faults with their places, the images it names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/cli_failure.h"
#include "app/cli_output.h"
#include "app/cli_text.h"
#include "model/manifest.h"
#include "model/tree.h"

namespace marea::app {

struct ManifestFile {
  std::string name;  // in messages
  std::string base;  // directory that relative layouts are below
  std::string text;
};

// `file` is a path (a pipe will do), or "-" for standard input. What is beyond model::kMostManifestBytes is cut off,
// which its reading then tells.
Outcome<ManifestFile> read_manifest_file(const std::string& file, const Words& words);

Failure faulty_manifest(const ManifestFile& source, const model::Faults& faults, const Words& words);

// Where the part is that a path such as spec.arms[0].revision leads to; the nearest around it where that is absent.
model::Mark mark_at(const model::Tree& tree, std::string_view path);

// The images of a document, wherever a template has containers.
std::vector<Json*> images_of(Json& document);

}  // namespace marea::app
