#include "model/experiment.h"
#include "model/findings.h"
#include "model/release_readers.h"

namespace marea::model {

ExperimentSpec experiment_wish(const Json& document) {
  if (!document.is_object()) return {};
  Findings ignored;
  return read_experiment_object(ignored, Node{&document, nullptr, {}}).spec;
}

}  // namespace marea::model
