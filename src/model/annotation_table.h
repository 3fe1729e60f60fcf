// The annotations that Cloud Run, Knative and marea know: where each belongs and what marea does with it. Sources: the
// annotations of Cloud Run's v1 API reference and of gcloud, Knative Serving's autoscaling and serving register.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/shapes.h"

namespace marea::model {

enum class Where { service, revision_template, both };

struct Annotation {
  std::string_view name;  // after the domain's slash
  Where where = Where::both;
  Treatment treatment = Treatment::acts;
  std::string_view note = {};
};

// The row of a name; null when it is not in the table.
const Annotation* find_annotation(std::string_view name);

// Whether names under this name's domain are a closed list: what is not in the table is a fault there.
bool is_reserved(std::string_view name);

// All names of that domain, whole, for "did you mean".
std::vector<std::string> annotations_of_domain(std::string_view name);

}  // namespace marea::model
