// What a gate's webhook says with its answer, and what an answer to a notification means. Pure.
#pragma once

#include <string>
#include <variant>

#include "webhook/sender.h"

namespace marea::webhook {

inline constexpr std::size_t kMostDetailBytes = 500;  // of what it says beside yes and no

struct Verdict {
  bool passed = false;
  std::string detail;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};
// 202: it answers by itself, or when it is asked again.
struct Later {
  friend bool operator==(const Later&, const Later&) = default;
};
// It said nothing that can be used.
struct Trouble {
  std::string why;  // one text for each kind of trouble: "it answered 503"
  friend bool operator==(const Trouble&, const Trouble&) = default;
};
using GateReply = std::variant<Verdict, Later, Trouble>;

// A 2xx with a JSON object {"passed": true or false, "detail": text, optional}.
GateReply read_gate_reply(const Reply& reply);

// Empty: it was taken (2xx).
std::string notice_trouble(const Reply& reply);
// It wants no more of them: 410, as Standard Webhooks has it.
bool is_gone(const Reply& reply);

// The first `most` bytes at the most, and no half of a UTF-8 sequence.
std::string shortened(std::string text, std::size_t most);

}  // namespace marea::webhook
