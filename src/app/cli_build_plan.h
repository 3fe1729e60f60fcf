// How `up` builds a directory: by its Dockerfile, or by one that is made for it; and what of it goes along. With a
// Dockerfile its ignore file alone decides, as Docker does; without one, or with one that was made and kept, nothing
// goes along that git leaves out, nor what belongs to this machine alone (pipeline::left_at_home), unless the ignore
// file's `!` names it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/cli_build_tar.h"
#include "app/cli_text.h"
#include "pipeline/build_pack.h"

namespace marea::app {

struct BuildPlan {
  Dockerfile dockerfile;
  std::string text;  // the Dockerfile's
  IgnoreRules rules;
  std::optional<pipeline::BuildPack> pack;  // of a Dockerfile that was made
  std::vector<std::string> left;            // folders at the top that stay only because they look like built ones
};

struct BuildWishes {
  std::string dockerfile;     // --dockerfile
  pipeline::PackWishes pack;  // --kind, --base
};

// A kind that was asked for comes before the directory's Dockerfile. E_NOT_FOUND, E_INVALID_ARGUMENT, E_TOO_LARGE,
// E_IO.
base::Result<BuildPlan> plan_build(const std::string& dir, const BuildWishes& wishes);

// What was found, for people; one line each.
std::vector<std::string> describe_plan(const BuildPlan& plan, const Words& words);

}  // namespace marea::app
