// Where the platform is: --server, else MAREA_SERVER (unix:PATH or http://HOST:PORT), else api.sock in the data
// directory of --data, MAREA_DATA or the default of `marea serve`. Pure: the environment is passed in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "app/cli_failure.h"
#include "app/cli_text.h"

namespace marea::app {

inline constexpr std::string_view kDefaultDataDir = "/var/lib/marea";

struct Endpoint {
  std::string socket;  // path of a Unix socket; empty: TCP
  std::string host;    // of the URL; an IPv6 address keeps its brackets
  std::uint16_t port = 0;

  std::string name() const;      // as the user would write it
  std::string base_url() const;  // "http://HOST[:PORT]", no final slash
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct PlaceSettings {
  std::string server;      // --server
  std::string data;        // --data
  std::string env_server;  // MAREA_SERVER
  std::string env_data;    // MAREA_DATA
};

// --data, MAREA_DATA, or the default.
std::string data_dir_of(const PlaceSettings& settings);

Outcome<Endpoint> find_endpoint(const PlaceSettings& settings, const Words& words);

}  // namespace marea::app
