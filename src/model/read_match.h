// marea.dev/match (match_rule.h) from text to rules, with every fault of it.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "model/findings.h"
#include "model/match_rule.h"
#include "model/service.h"

namespace marea::model {

inline constexpr std::string_view kMatchAnnotation = "marea.dev/match";

// `annotation` is the text. Faults are told at the annotation's place, with the path inside of it and, where it has
// several, its line.
std::vector<MatchRule> read_match_rules(Findings& findings, const Node& annotation);

// Tags that no target of the traffic has are faults.
void check_match_tags(Findings& findings, const Node& annotation, const std::vector<MatchRule>& rules,
                      const std::vector<TrafficTarget>& traffic);

// The conditions of one segment of an experiment: an object with the fields of a rule's conditions, and `language`, a
// text or a list of which one is the language that the client likes most. `regexes` counts those of a document.
std::vector<MatchCondition> read_segment(Findings& findings, const Node& segment, std::size_t& regexes);

}  // namespace marea::model
