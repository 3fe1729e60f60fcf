// What a revision or a service is, as one flat list of fields with their texts, and what differs between two: what
// `marea diff` prints and the history of a service tells of a deploy. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/manifest.h"

namespace marea::model {

using Fields = std::map<std::string, std::string>;

// Of a Revision as the API shows it. "image" is the digest that runs; "image name" what the manifest says; "env NAME",
// "secret NAME", "label KEY", "annotation KEY" and "limits.memory", "source commit" are what people call them, all else
// is its path in the spec. Names that each revision has of its own are left out.
Fields revision_fields(const Json& revision);

// The same of a Service: its template's fields as above, then its own annotations, labels, and "traffic". Of what the
// platform adds nothing counts.
Fields service_fields(const Json& service);

struct Difference {
  std::string field;
  std::string before;  // empty: it was not there
  std::string after;
  friend bool operator==(const Difference&, const Difference&) = default;
};

// By field.
std::vector<Difference> differences(const Fields& before, const Fields& after);

// For whoever may read a history or is told of a rollback: "concurrency: 80 → 10". Values of variables, annotations and
// arguments may be secrets that somebody wrote there: of these the name alone. At most `most`, the last then says how
// many more there are.
std::vector<std::string> print_changes(std::span<const Difference> found, std::size_t most);

}  // namespace marea::model
