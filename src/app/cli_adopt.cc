#include "app/cli_adopt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "app/cli_release.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

// JDWP, debugpy, Node's inspector, Chrome's, delve, Xdebug: they answer, but not for visitors.
constexpr std::array kDebuggerPorts = {5005, 5678, 9229, 9222, 2345, 40000, 9003};
constexpr int kHttpSeconds = 10;

// Whether the service itself answers; what the router answers in its place is 502, 503 or 504.
bool answers_http(Verb& verb, const Json& service) {
  const Outcome<Endpoint> place = find_endpoint({.server = text_at(service, {"status", "url"})}, verb.words());
  if (!place) return false;
  ApiClient app(*place, verb.words());
  const Outcome<Answer> answer = app.exchange({.path = "/", .timeout_seconds = kHttpSeconds});
  return answer && answer->status > 0 && (answer->status < 502 || answer->status > 504);
}

}  // namespace

std::optional<int> port_to_adopt(const Json& instances) {
  std::set<int> ports;
  for (const Json& instance : items_of(instances)) {
    const Json* listening = find(instance, {"listening"});
    if (listening == nullptr || !listening->is_array()) continue;
    for (const Json& place : *listening) {
      const Json* port = find(place, {"port"});
      if (port != nullptr && port->is_number_integer()) ports.insert(port->get<int>());
    }
  }
  if (ports.size() != 1 || std::ranges::find(kDebuggerPorts, *ports.begin()) != kDebuggerPorts.end()) {
    return std::nullopt;
  }
  return *ports.begin();
}

Outcome<Json> adopt_port(Verb& verb, const std::string& name, const Failure& failure) {
  if (failure.error.code != base::ErrorCode::port_mismatch || failure.exit == Exit::deploy_failed) {
    return give_up(failure);
  }
  const Outcome<Json> instances = verb.api.get(fmt::format("{}?service={}", kInstances, escape(name)));
  const std::optional<int> port = instances ? port_to_adopt(*instances) : std::nullopt;
  if (!port) return give_up(failure);
  verb.console.say(Text::adopting, *port, *port);
  const Outcome<Json> sent = change_and_send(verb, name, {.port = *port});
  if (!sent) return std::unexpected(sent.error());
  Outcome<Json> service = wait_as_asked(verb, *sent, true);
  if (service && !answers_http(verb, *service)) {
    Failure silent = failure;
    silent.error.what = verb.words()(Text::adopted_no_http, *port);
    return give_up(std::move(silent));
  }
  return service;
}

}  // namespace marea::app
