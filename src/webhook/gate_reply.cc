#include "webhook/gate_reply.h"

#include <utility>

#include "model/manifest.h"

namespace marea::webhook {
namespace {

constexpr int kLater = 202;
constexpr int kGone = 410;

bool is_success(int status) {
  return status >= 200 && status < 300;
}

std::string trouble_of(const Reply& reply) {
  if (reply.status == 0) return reply.failure;
  const std::string answered = "it answered " + std::to_string(reply.status);
  const bool leads_on = reply.status >= 300 && reply.status < 400;
  return leads_on ? answered + ", and redirects are not followed" : answered;
}

}  // namespace

GateReply read_gate_reply(const Reply& reply) {
  if (!is_success(reply.status)) return Trouble{trouble_of(reply)};
  if (reply.status == kLater) return Later{};
  const model::Json answer = model::Json::parse(reply.body, nullptr, false);
  const auto passed = answer.is_object() ? answer.find("passed") : answer.end();
  if (passed == answer.end() || !passed->is_boolean()) {
    return Trouble{trouble_of(reply) + R"( without {"passed": true or false})"};
  }
  Verdict out{.passed = passed->get<bool>()};
  const auto detail = answer.find("detail");
  if (detail != answer.end() && detail->is_string()) {
    out.detail = shortened(detail->get<std::string>(), kMostDetailBytes);
  }
  return out;
}

std::string notice_trouble(const Reply& reply) {
  return is_success(reply.status) ? std::string() : trouble_of(reply);
}

bool is_gone(const Reply& reply) {
  return reply.status == kGone;
}

std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  constexpr unsigned kContinues = 0x80;  // RFC 3629 §3: 10xxxxxx
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == kContinues) --end;
  text.resize(end);
  return text;
}

}  // namespace marea::webhook
