// What a revision is, as one flat list of fields with their texts, and what differs between two. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli_output.h"

namespace marea::app {

// "image" is the digest that runs; "image name" what the manifest says; "env NAME", "label KEY", "annotation KEY" and
// "limits.memory", "source commit" are what people call them, all else is its path in the spec. Names that each
// revision has of its own are left out.
std::map<std::string, std::string> fields_of(const Json& revision);

// The same of a Service: its template's fields as above, then its own annotations, labels, and "traffic". Of what the
// platform adds nothing counts.
std::map<std::string, std::string> fields_of_service(const Json& service);

// "1f2e3d4c5b6a (main, modified)"; empty: unknown. `modified` is the word for it.
std::string source_of_revision(const Json& revision, std::string_view modified);

struct Difference {
  std::string field;
  std::string before;  // empty: it was not there
  std::string after;
};

std::vector<Difference> differences(const Json& before, const Json& after);
std::vector<Difference> differences(const std::map<std::string, std::string>& before,
                                    const std::map<std::string, std::string>& after);

}  // namespace marea::app
