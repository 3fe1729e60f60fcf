// Release policies: any bytes are read or refused with faults that have a place, never a crash, a hang or an exception;
// what is read is within its bounds, prints with every default to a document that is read as the same policy, and is
// one that the judge and the machine of releases take.
//
// Input: the text of a policy.
// modules: decide model base
#include <cstdint>
#include <string>
#include <string_view>

#include "decide/judge_policy.h"
#include "decide/release.h"
#include "decide/release_opinion.h"
#include "model/release_policy.h"
#include "must.h"

namespace marea::model {
namespace {

void names_its_faults(const Faults& faults, std::string_view text) {
  MUST(!faults.empty());
  for (const Fault& fault : faults) {
    MUST(!fault.message.empty());
    MUST(fault.line >= 0 && static_cast<std::size_t>(fault.line) <= text.size() + 1);
  }
}

void is_sound(const ReleasePolicy& policy) {
  MUST(policy.alpha > 0 && policy.alpha < 0.5);
  MUST(policy.beta > 0 && policy.beta < 0.5);
  MUST(policy.holdback <= kWholeWeight);
  MUST(policy.ladder.size() <= kMostLadderSteps);
  MUST(policy.gates.size() <= kMostGates);
  Weight before = 0;
  for (const LadderStep& step : policy.ladder) {
    MUST(step.weight > before && step.weight <= kWholeWeight);
    MUST(step.minimum <= step.maximum && step.maximum <= kMostReleaseWait);
    before = step.weight;
  }
  MUST(decide::faults_of(decide::judge_policy(policy)).empty());
  MUST(decide::longest_release(policy) > base::Duration{0});
}

void check(std::string_view text) {
  const auto parsed = parse_release_policies(text);
  if (!parsed) {
    names_its_faults(parsed.error(), text);
    return;
  }
  for (const ReleasePolicyDocument& read : *parsed) {
    is_sound(read.policy);
    const auto value = parse_release_policy(read.document);
    MUST(value.has_value());
    MUST(value->policy == read.policy && value->name == read.name);
    const auto again = parse_release_policy(release_policy_document(read.name, read.policy));
    MUST(again.has_value());
    MUST(again->policy == read.policy);
  }
}

}  // namespace
}  // namespace marea::model

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  marea::model::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
