// The parts of marea's own release objects that more than one of their readers needs; internal to model.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "model/findings.h"
#include "model/release_policy.h"

namespace marea::model {

// Of a closed enum whose words stand in the order of its values.
template <class Value, std::size_t N>
std::string_view word_of(const std::array<std::string_view, N>& words, Value value) {
  return words.at(static_cast<std::size_t>(value));
}

inline constexpr std::string_view kOwnApiVersion = "marea.dev/v1";

// apiVersion and kind; false when it is another object, whose faults as this one would say nothing.
bool check_own_kind(Findings& findings, const Node& node, std::string_view kind);

// metadata.name, a label; empty with a fault.
std::string read_own_name(Findings& findings, const Node& node);

// A whole ReleasePolicy; its document and notices are the caller's.
ReleasePolicyDocument read_release_policy_object(Findings& findings, const Node& node);

// The spec of a policy; in a release it is the member `policy`.
ReleasePolicy read_release_policy(Findings& findings, const Node& spec);

}  // namespace marea::model
