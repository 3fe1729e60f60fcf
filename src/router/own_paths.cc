#include "router/own_paths.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "router/cookies.h"

namespace marea::router {
namespace {

constexpr std::string_view kScript = R"js(
(() => {
  const seen = {};
  const watch = (type, use, more) => {
    try {
      new PerformanceObserver((list) => list.getEntries().forEach(use)).observe({ type, buffered: true, ...more });
    } catch { /* this browser does not measure it */ }
  };
  watch("largest-contentful-paint", (e) => { seen.lcp = e.startTime; });
  // Shifts within a second of each other, five seconds at most, are one; the worst counts.
  let sum = 0, first = 0, last = 0;
  watch("layout-shift", (e) => {
    if (e.hadRecentInput) return;
    if (e.startTime - last > 1000 || e.startTime - first > 5000) { sum = 0; first = e.startTime; }
    last = e.startTime;
    sum += e.value;
    seen.cls = Math.max(seen.cls ?? 0, sum * 1000);
  });
  // The longest wait of an interaction; one in fifty may be forgotten.
  const waits = new Map();
  watch("event", (e) => {
    if (!e.interactionId) return;
    waits.set(e.interactionId, Math.max(waits.get(e.interactionId) ?? 0, e.duration));
    const longest = [...waits.values()].sort((a, b) => b - a);
    seen.inp = longest[Math.min(longest.length - 1, Math.floor(waits.size / 50))];
  }, { durationThreshold: 40 });
  let sent = false;
  const send = () => {
    if (sent) return;
    sent = true;
    if (seen.cls === undefined && seen.lcp !== undefined) seen.cls = 0;
    for (const name of wanted) {
      if (seen[name] === undefined) continue;
      fetch("/.marea/events?event=" + name + "&value=" + Math.round(seen[name]), { method: "POST", keepalive: true });
    }
  };
  addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") send(); });
  addEventListener("pagehide", send);
})();
)js";

std::optional<std::string_view> parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  }
  return std::nullopt;
}

// `how`: a value is said where the event came from.
std::expected<decide::ExperimentPost, std::string> event_of(std::string_view name, std::optional<std::string_view> text,
                                                            const model::ExperimentRoute& route, std::string_view how) {
  decide::ExperimentPost out;
  for (std::size_t i = 0; i < route.conversions.size(); ++i) {
    if (!name.empty() && route.conversions[i].event == name) out.conversions |= 1U << i;
  }
  const auto measure = std::ranges::find(route.measures, name);
  if (measure != route.measures.end()) {
    out.measure = static_cast<std::size_t>(measure - route.measures.begin());
    double value = -1;
    if (text) {
      const auto read = std::from_chars(text->data(), text->data() + text->size(), value);
      if (read.ec != std::errc() || read.ptr != text->data() + text->size()) value = -1;
    }
    if (!(value >= 0 && value <= static_cast<double>(model::kMostValue))) {
      return std::unexpected("this event has a value: " + std::string(how) + ", from 0 to " +
                             std::to_string(model::kMostValue));
    }
    out.value = static_cast<std::uint64_t>(std::llround(value));
  }
  if (out.conversions == 0 && !out.measure) return std::unexpected("the experiment that runs has no such event");
  return out;
}

}  // namespace

OwnPath own_path(const net::http::RequestHead& request) {
  if (!request.target.starts_with(kOwnPrefix)) return OwnPath::none;
  const std::string_view rest = request.target.substr(0, request.target.find('?')).substr(kOwnPrefix.size());
  if (rest == "events") return OwnPath::events;
  return rest == "beacon.js" ? OwnPath::beacon : OwnPath::unknown;
}

bool is_cross_site(const net::http::RequestHead& request) {
  if (const auto site = request.find("sec-fetch-site")) return *site != "same-origin" && *site != "none";
  const auto origin = request.find("origin");
  if (!origin) return false;
  const std::size_t scheme = origin->find("://");
  return scheme == std::string_view::npos || !net::http::same_token(origin->substr(scheme + 3), request.host);
}

std::expected<decide::ExperimentPost, std::string> read_event(std::string_view target,
                                                              const model::ExperimentRoute& route) {
  const std::size_t question = target.find('?');
  const std::string_view query = question == std::string_view::npos ? "" : target.substr(question + 1);
  if (query.size() > kMostEventQuery) return std::unexpected("the query is too long");
  const auto name = parameter(query, "event");
  if (!name || name->empty()) return std::unexpected("the query must name an event: ?event=NAME");
  return event_of(*name, parameter(query, "value"), route, "&value=N");
}

std::expected<std::vector<SaidEvent>, std::string> read_said_events(std::string_view field,
                                                                    const model::ExperimentRoute& route) {
  if (field.size() > kMostEventFieldBytes) return std::unexpected("the field is too long");
  std::vector<SaidEvent> out;
  while (!field.empty()) {
    std::string_view element = field.substr(0, field.find(','));
    field.remove_prefix(std::min(field.size(), element.size() + 1));
    const std::string_view name = next_pair(element);
    if (name.empty() && element.empty()) continue;  // a list may have empty elements (RFC 9110 §5.6.1)
    std::optional<std::string_view> value;
    std::string_view user;
    while (!element.empty()) {
      const std::string_view pair = next_pair(element);
      const auto has_value = value_in(pair, "value");
      const auto has_user = value_in(pair, "user");
      if (has_value) value = has_value;
      if (has_user) user = *has_user;
      if (!pair.empty() && !has_value && (!has_user || has_user->empty())) {
        return std::unexpected("an event has ;value=N and ;user=TOKEN, and not \"" + std::string(pair) + "\"");
      }
    }
    auto event = event_of(name, value, route, ";value=N");
    if (!event) return std::unexpected("\"" + std::string(name) + "\": " + event.error());
    out.push_back({.event = *event, .user = user});
  }
  return out;
}

void SaidEvents::add(const decide::ExperimentPost& event) {
  conversions |= event.conversions;
  if (!event.measure || (measured >> *event.measure & 1U) != 0) return;
  measured = static_cast<std::uint8_t>(measured | 1U << *event.measure);
  values.at(*event.measure) = static_cast<std::uint32_t>(event.value);
}

bool has_events(const model::ExperimentRoute& route) {
  return !route.measures.empty() ||
         std::ranges::any_of(route.conversions, [](const auto& each) { return !each.event.empty(); });
}

std::string beacon_script(const model::ExperimentRoute& route) {
  std::string out = "const wanted = [";
  for (const std::string_view name : {"lcp", "inp", "cls"}) {
    if (std::ranges::find(route.measures, name) != route.measures.end()) {
      out.append("\"").append(name).append("\", ");
    }
  }
  return out + "];" + std::string(kScript);
}

}  // namespace marea::router
