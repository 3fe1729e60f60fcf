// What a revision is, as one flat list of fields with their texts, and what differs between two. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/cli_output.h"

namespace marea::app {

// "image" is the digest that runs; "image name" what the manifest says; "env NAME", "label KEY", "annotation KEY" and
// "limits.memory" are what people call them, all else is its path in the spec. Names that each revision has of its own
// are left out.
std::map<std::string, std::string> fields_of(const Json& revision);

struct Difference {
  std::string field;
  std::string before;  // empty: it was not there
  std::string after;
};

std::vector<Difference> differences(const Json& before, const Json& after);

}  // namespace marea::app
