// What pages and the app say that a user did. Router answers itself at a service with experiments, below /.marea/:
//
//   POST /.marea/events?event=NAME[&value=N]   a page or the app says that the key of the request did something
//   GET  /.marea/beacon.js                     posts LCP, INP and CLS of the page that includes it
//
// No body is read: what is said stands in the query. And an answer of the app may have fields, which its caller does
// not get:
//
//   Marea-Event: payment                       the user of the request that is answered did something
//   Marea-Event: lcp;value=1800, payment       several, and one with a value
//   Marea-Event: payment;user=TOKEN            the user whose token (user_token.h) the app kept
//
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "decide/experiment_ledger.h"
#include "model/routes.h"
#include "net/http/codec.h"

namespace marea::router {

inline constexpr std::string_view kOwnPrefix = "/.marea/";
inline constexpr std::size_t kMostEventQuery = 512;
inline constexpr std::size_t kMostEventFieldBytes = 1024;
inline constexpr std::string_view kNoBeacon = "// no experiment runs\n";

enum class OwnPath : std::uint8_t { none, events, beacon, unknown };
OwnPath own_path(const net::http::RequestHead& request);

// A browser says that another site made the request (Fetch Metadata, or an Origin that is not the host).
bool is_cross_site(const net::http::RequestHead& request);

// Which conversions and measure of the experiment it is, without a key. The error is for whoever posted.
std::expected<decide::ExperimentPost, std::string> read_event(std::string_view target,
                                                              const model::ExperimentRoute& route);

struct SaidEvent {
  decide::ExperimentPost event;  // without a key
  std::string_view user;         // the token; empty: the user of the request
};
// The events of one Marea-Event field, all or none. The error is for whoever wrote the app.
std::expected<std::vector<SaidEvent>, std::string> read_said_events(std::string_view field,
                                                                    const model::ExperimentRoute& route);

// What answers to one request said; the first value of a measure counts.
struct SaidEvents {
  std::uint32_t conversions = 0;  // a bit each
  std::uint8_t measured = 0;      //
  std::array<std::uint32_t, model::kMostMeasures> values{};
  void add(const decide::ExperimentPost& event);
};

// The app can say something of a user: a conversion or a measure has an event.
bool has_events(const model::ExperimentRoute& route);

// Posts those of lcp, inp and cls that the experiment measures, once, when the page is left or hidden. LCP and INP are
// milliseconds; CLS has no unit and is posted in thousandths.
std::string beacon_script(const model::ExperimentRoute& route);

}  // namespace marea::router
