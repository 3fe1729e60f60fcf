#include "app/cli_view_releases.h"

#include "app/cli_client.h"

namespace marea::app {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> release_row(const Json& release) {
  const auto status = [&](std::string_view key) { return text_at(release, {"status", key}); };
  return {name_of(release),
          text_at(release, {"spec", "service"}),
          status("phase"),
          status("weight"),
          status("verdict"),
          status("cause"),
          text_at(release, {"metadata", "creationTimestamp"})};
}

// "1%, 5%, 25%"; a step is its weight, or an object that has it.
std::string ladder_of(const Json& policy) {
  const Json* ladder = find(policy, {"spec", "ladder"});
  std::string out;
  if (ladder == nullptr || !ladder->is_array()) return out;
  for (const Json& step : *ladder) {
    const std::string weight = step.is_string() ? step.get<std::string>() : text_at(step, {"weight"});
    out += (out.empty() ? "" : ", ") + weight;
  }
  return out;
}

std::string gates_of(const Json& policy) {
  const Json* gates = find(policy, {"spec", "gates"});
  std::string out;
  if (gates == nullptr || !gates->is_array()) return out;
  for (const Json& gate : *gates) out += (out.empty() ? "" : ", ") + text_at(gate, {"name"});
  return out;
}

std::vector<std::string> policy_row(const Json& policy) {
  return {name_of(policy), text_at(policy, {"spec", "strategy"}), ladder_of(policy), gates_of(policy),
          text_at(policy, {"spec", "watch"})};
}

// Every field of the spec, by the name that a document has for it.
Pairs policy_pairs(const Json& policy, const Words& words) {
  Pairs out = {{words(Text::label_name), name_of(policy)},
               {words(Text::label_created), text_at(policy, {"metadata", "creationTimestamp"})}};
  const Json* spec = find(policy, {"spec"});
  if (spec == nullptr || !spec->is_object()) return out;
  for (const auto& [key, value] : spec->items()) {
    const bool plain = value.is_string();
    out.emplace_back(key, key == "ladder" ? ladder_of(policy) : plain ? value.get<std::string>() : value.dump());
  }
  return out;
}

}  // namespace

View releases_view() {
  return {.noun = "releases",
          .path = kReleases,
          .header = {Text::head_name, Text::head_service, Text::head_phase, Text::head_canary, Text::head_verdict,
                     Text::head_reason, Text::head_since},
          .row = release_row,
          .pairs = nullptr};
}

View release_policies_view() {
  return {.noun = "releasepolicies",
          .path = kReleasePolicies,
          .header = {Text::head_name, Text::head_strategy, Text::head_ladder, Text::head_gates, Text::head_watch},
          .row = policy_row,
          .pairs = policy_pairs};
}

}  // namespace marea::app
