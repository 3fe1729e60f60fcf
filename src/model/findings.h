// How a manifest is walked: a Node is a value with its path and place, Findings collects every fault and notice on the
// way. Reading goes on after a fault, so that all are found at once; a reader that finds a fault answers with nothing
// and its caller keeps the default, which nobody sees because faults void the result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/tree.h"

namespace marea::model {

// A hundred faults are more than anybody mends at once; a hostile text could have a hundred thousand.
inline constexpr std::size_t kMostFindings = 100;
// Beyond this, findings are counted and no longer kept: the hundred first in the text are among these.
inline constexpr std::size_t kMostKeptFindings = 1000;

struct Node {
  const Json* value = nullptr;
  const Place* place = nullptr;  // null: the value came without text
  std::string path;

  // Nothing when the member is absent or null: Kubernetes treats both alike.
  std::optional<Node> member(std::string_view key) const;
  std::vector<Node> elements() const;
  // The key and the value of each member, in order.
  std::vector<std::pair<std::string, Node>> members() const;
};

class Findings {
 public:
  // At the value of a scalar, at the name of a map or list.
  void fault(const Node& node, std::string message);
  // At the name of a member.
  void fault_at_key(const Node& node, std::string message);
  // The same for a member that nobody knows (Fault::surplus).
  void unknown(const Node& node, std::string message);
  // At the owner's place, with the path of the member that is not there; `what` says what it would be.
  void missing(const Node& owner, std::string_view name, std::string_view what);
  void notice(const Node& node, std::string message);

  // Readers of values: nothing, and a fault, when the value is of another kind or out of bounds.
  bool is_object(const Node& node);
  bool is_list(const Node& node);
  std::optional<std::string> text(const Node& node);
  std::optional<std::int64_t> integer(const Node& node, std::int64_t least, std::int64_t most);
  std::optional<bool> boolean(const Node& node);
  std::vector<std::string> texts(const Node& node);

  // Whether a further fault would only be counted: then its message need not be made.
  bool is_full() const { return faults_.size() >= kMostKeptFindings; }
  bool has_faults() const { return !faults_.empty(); }
  // Both leave nothing behind. Sorted by place; shortened to kMostFindings with a last line that says so.
  Faults take_faults();
  std::vector<Fault> take_notices();
  void add(Faults faults);

 private:
  static void keep(std::vector<Fault>& findings, std::size_t& dropped, Fault finding);

  Faults faults_;
  std::vector<Fault> notices_;
  std::size_t dropped_faults_ = 0;
  std::size_t dropped_notices_ = 0;
};

// A number as the text has it: 007, which YAML reads as octal 7.
std::string written_of(const Node& number);

// "is text", "is a list": what a value is, for messages.
std::string_view kind_of(const Json& value);

// The candidate that was probably meant by a misspelt word; empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// Those that may be meant, the nearest first, at most `most`.
std::vector<std::string_view> nearest_ones(std::string_view word, const std::vector<std::string_view>& candidates,
                                           std::size_t most);

// "; did you mean X?" or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace marea::model
