// An Experiment document, hostile: any text is read or refused with faults; what is read keeps its bounds, and is
// printed so that reading it again gives the same.
//
// modules: model base
#include <cstdint>
#include <string_view>

#include "model/experiment.h"
#include "must.h"

using namespace marea;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = model::parse_experiments(text);
  if (!parsed) {
    MUST(!parsed.error().empty());
    for (const model::Fault& fault : parsed.error()) MUST(!fault.message.empty());
    return 0;
  }
  for (const model::ExperimentDocument& document : *parsed) {
    const model::ExperimentSpec& spec = document.spec;
    MUST(spec.arms.size() >= 2 && spec.arms.size() <= model::kMostArms);
    MUST(model::weighted_arms(spec).size() >= 2);
    MUST(spec.conversions.size() <= model::kMostConversions && spec.measures.size() <= model::kMostMeasures);
    model::Weight sum = 0;
    for (const model::ExperimentArm& arm : spec.arms) {
      sum += arm.weight;
      MUST(arm.weight > 0 || arm.customers || !arm.segments.empty());
      for (const model::Segment& segment : arm.segments) MUST(!segment.conditions.empty());
    }
    MUST(sum == model::kWholeWeight);
    for (const model::Conversion& each : spec.conversions) {
      if (each.event.empty()) model::matches_path(each.route.path, text);
    }
    const model::Json printed = model::experiment_document(spec);
    const auto again = model::parse_experiment(printed);
    MUST(again.has_value());
    MUST(model::experiment_document(again->spec) == printed);
  }
  return 0;
}
