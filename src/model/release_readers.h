// The parts of marea's own release objects that more than one of their readers needs; internal to model.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "model/experiment.h"
#include "model/findings.h"
#include "model/release_policy.h"

namespace marea::model {

// Of a closed enum whose words stand in the order of its values.
template <class Value, std::size_t N>
std::string_view word_of(const std::array<std::string_view, N>& words, Value value) {
  return words.at(static_cast<std::size_t>(value));
}

// A word of a closed list, which to_string() of its type names.
template <class Value>
std::optional<Value> one_word(Findings& findings, const Node& node, std::size_t count) {
  const auto text = findings.text(node);
  if (!text) return std::nullopt;
  std::vector<std::string_view> words;
  std::string list;
  for (std::size_t i = 0; i < count; ++i) {
    words.push_back(to_string(static_cast<Value>(i)));
    if (*text == words.back()) return static_cast<Value>(i);
    list += (list.empty() ? "" : ", ") + std::string(words.back());
  }
  findings.fault(node, "must be one of " + list + ", is " + in_quotes(*text) + did_you_mean(*text, words));
  return std::nullopt;
}

// The same for a member; its default stays where it is absent.
template <class Value>
void read_word(Findings& findings, const Node& owner, std::string_view name, std::size_t count, Value& out) {
  if (const auto node = owner.member(name)) out = one_word<Value>(findings, *node, count).value_or(out);
}

// A time from `least` to `most`, where the member is there.
void read_wait(Findings& findings, const Node& owner, std::string_view name, base::Duration least, base::Duration& out,
               base::Duration most = kMostReleaseWait);

// What parse_sticky() reads. To YAML an unquoted off is false, which can mean nothing else here.
std::optional<std::string> sticky_text(Findings& findings, const Node& node);

struct Range {
  double least = 0;
  double most = 0;
  bool above = false;  // the least does not belong to it,
  bool below = false;  // nor the most
  std::string_view text;
};

void read_number(Findings& findings, const Node& owner, std::string_view name, const Range& range, double& out);

// "25%", or a number of percents.
std::optional<Weight> read_weight(Findings& findings, const Node& node, Weight least, Weight most);

inline constexpr std::string_view kOwnApiVersion = "marea.dev/v1";

// apiVersion and kind; false when it is another object, whose faults as this one would say nothing.
bool check_own_kind(Findings& findings, const Node& node, std::string_view kind);

// metadata.name, a label; empty with a fault.
std::string read_own_name(Findings& findings, const Node& node);

// A whole ReleasePolicy; its document and notices are the caller's.
ReleasePolicyDocument read_release_policy_object(Findings& findings, const Node& node);

// A whole Experiment; its document and notices are the caller's.
ExperimentDocument read_experiment_object(Findings& findings, const Node& node);

// The spec of a policy; in a release it is the member `policy`.
ReleasePolicy read_release_policy(Findings& findings, const Node& spec);

}  // namespace marea::model
