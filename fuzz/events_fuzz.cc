// What a page posts and what an app says in Marea-Event, both hostile: any text is read or refused with a reason, and
// what is read names outcomes that there are, with values within their bounds.
//
// Input: the target of a post, a zero byte, the value of a field.
// modules: router net net/http decide model base
#include <cstdint>
#include <string_view>

#include "must.h"
#include "router/own_paths.h"
#include "router/user_token.h"

namespace {

using namespace marea;

void check(const decide::ExperimentPost& event, const model::ExperimentRoute& route) {
  MUST(event.key == 0);
  MUST(event.conversions >> route.conversions.size() == 0);
  MUST(event.conversions != 0 || event.measure);
  MUST(!event.measure || *event.measure < route.measures.size());
  MUST(event.value <= model::kMostValue);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view target = input.substr(0, input.find('\0'));
  const std::string_view field = input.substr(std::min(input.size(), target.size() + 1));
  static const model::ExperimentRoute route = [] {
    model::ExperimentRoute out;
    out.conversions = {{.route = {.method = "POST", .path = "/loans"}, .event = {}}, {.route = {}, .event = "paid"}};
    out.measures = {"lcp", "paid"};
    return out;
  }();
  if (const auto event = router::read_event(target, route)) {
    check(*event, route);
  } else {
    MUST(!event.error().empty());
  }
  static router::UserTokens tokens({1, 2});
  const auto said = router::read_said_events(field, route);
  if (!said) {
    MUST(!said.error().empty());
    return 0;
  }
  router::SaidEvents sum;
  for (const router::SaidEvent& each : *said) {
    check(each.event, route);
    sum.add(each.event);
    if (const auto user = tokens.read(each.user))
      MUST(tokens.text_of(user->experiment, user->key)->view() == each.user);
  }
  for (const std::uint32_t value : sum.values) MUST(value <= model::kMostValue);
  return 0;
}
