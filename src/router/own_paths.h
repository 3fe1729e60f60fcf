// What router answers itself at a service with an experiment, below /.marea/:
//
//   POST /.marea/events?event=NAME[&value=N]   a page or the app says that the key of the request did something
//   GET  /.marea/beacon.js                     posts LCP, INP and CLS of the page that includes it
//
// No body is read: what is said stands in the query. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "decide/experiment_ledger.h"
#include "model/routes.h"
#include "net/http/codec.h"

namespace marea::router {

inline constexpr std::string_view kOwnPrefix = "/.marea/";
inline constexpr std::size_t kMostEventQuery = 512;

enum class OwnPath : std::uint8_t { none, events, beacon, unknown };
OwnPath own_path(const net::http::RequestHead& request);

// A browser says that another site made the request (Fetch Metadata, or an Origin that is not the host).
bool is_cross_site(const net::http::RequestHead& request);

// Which conversions and measure of the experiment it is, without a key. The error is for whoever posted.
std::expected<decide::ExperimentPost, std::string> read_event(std::string_view target,
                                                              const model::ExperimentRoute& route);

// Posts those of lcp, inp and cls that the experiment measures, once, when the page is left or hidden. LCP and INP are
// milliseconds; CLS has no unit and is posted in thousandths.
std::string beacon_script(const model::ExperimentRoute& route);

}  // namespace marea::router
