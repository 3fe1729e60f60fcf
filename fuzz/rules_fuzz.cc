// The rules of marea.dev/match and what they are matched with, both hostile: any text is read or refused with faults
// that have a path; what is read compiles and gives the same answer for a request each time, within its bounds.
//
// Input: the annotation's text, a zero byte, the head of a request.
// modules: router net net/http model base
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/manifest.h"
#include "must.h"
#include "net/http/codec.h"
#include "router/rule_set.h"

namespace {

using namespace marea;

// As control hands them to router.
std::vector<model::RouteRule> routed(const std::vector<model::MatchRule>& rules) {
  std::vector<model::RouteRule> out;
  for (const model::MatchRule& rule : rules) out.push_back({rule.name, rule.conditions, rule.target, {}});
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view text = input.substr(0, input.find('\0'));
  const model::Json document = {
      {"apiVersion", "serving.knative.dev/v1"},
      {"kind", "Service"},
      {"metadata", {{"name", "a"}, {"annotations", {{"marea.dev/match", std::string(text)}}}}},
      {"spec",
       {{"template", {{"spec", {{"containers", {{{"image", "x"}}}}}}}},
        {"traffic", {{{"percent", 100}, {"tag", "next"}}}}}}};
  const auto parsed = model::parse_service(document);
  if (!parsed) {
    for (const model::Fault& fault : parsed.error()) {
      MUST(fault.path.starts_with("metadata.annotations") || fault.path.empty());
    }
    return 0;
  }
  const std::vector<model::MatchRule>& rules = parsed->service.match_rules;
  MUST(rules.size() <= model::kMostMatchRules);
  const router::RuleSet set(routed(rules));
  static net::http::RequestHead head;
  const std::string request(input.substr(std::min(input.size(), text.size() + 1)));
  if (!net::http::parse_request(request, head).value_or(false)) return 0;
  const auto first = set.match(head, "192.0.2.7");
  MUST(set.match(head, "192.0.2.7") == first);
  MUST(!first || *first < rules.size());
  std::vector<bool> usable(rules.size(), true);
  if (first) usable[*first] = false;
  const auto second = set.match(head, "192.0.2.7", usable);
  MUST(first ? !second || *second > *first : !second);
  return 0;
}
