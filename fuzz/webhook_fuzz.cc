// What a webhook's receiver answers is hostile: any bytes are read, and only a whole {"passed": true} in a 2xx is a
// yes.
//
// Input: the status's number in two bytes, then the body.
// modules: webhook model net base
#include <cstdint>
#include <string>
#include <string_view>

#include "model/manifest.h"
#include "must.h"
#include "webhook/gate_reply.h"
#include "webhook/signing_key.h"

using namespace marea::webhook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const int status = (data[0] * 256 + data[1]) % 700;
  const std::string body(reinterpret_cast<const char*>(data + 2), size - 2);
  const GateReply said = read_gate_reply({.status = status, .body = body, .failure = "none"});
  if (const auto* verdict = std::get_if<Verdict>(&said)) {
    MUST(status >= 200 && status < 300 && status != 202);
    MUST(marea::model::Json::parse(body).at("passed") == verdict->passed);
    MUST(verdict->detail.size() <= kMostDetailBytes);
    const marea::model::Json detail = verdict->detail;
    MUST(!detail.dump().empty());  // throws where it is no UTF-8
  }
  if (const auto* trouble = std::get_if<Trouble>(&said)) MUST(!trouble->why.empty());
  if (const auto key = SigningKey::parse(body)) MUST(SigningKey::parse(key->text())->text() == key->text());
  return 0;
}
