// What package.json says of a Node app: dependencies, how it is built and started (docs.npmjs.com, package.json). Pure;
// a part of build_pack.h.
#pragma once

#include "pipeline/build_pack.h"

namespace marea::pipeline {

// `pack.start` is the Procfile's, or empty. Errors name the file and, where it is no JSON, the line.
base::Result<void> detect_node(const AppDirectory& directory, BuildPack& pack);

// Where Node looks for what `main` of this package.json names, relative to the directory; empty: it names nothing in
// it, or the text is none.
std::vector<std::string> main_files(const std::string& package_json);

}  // namespace marea::pipeline
