#include "app/cli_endpoint.h"

#include <charconv>

namespace marea::app {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kHttp = "http://";

std::unexpected<Failure> bad_server(const std::string& text, const Words& words) {
  return give_up(base::Error{.code = base::ErrorCode::usage,
                             .what = words(Text::bad_server, text),
                             .why = words(Text::bad_server_why),
                             .remedy = words(Text::bad_server_remedy)});
}

// HOST[:PORT] with an optional final slash; the port is 80 unless given.
bool read_authority(std::string_view text, Endpoint& out) {
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.find_first_of("/?#@ ") != std::string_view::npos) return false;
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  out.host = text.substr(0, colon);
  out.port = 80;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (failed != std::errc() || end != digits.data() + digits.size() || out.port == 0) return false;
  }
  return !out.host.empty();
}

}  // namespace

std::string Endpoint::name() const {
  return socket.empty() ? base_url() : std::string(kUnix) + socket;
}

std::string Endpoint::base_url() const {
  return socket.empty() ? fmt::format("http://{}:{}", host, port) : "http://marea";
}

std::string data_dir_of(const PlaceSettings& settings) {
  if (!settings.data.empty()) return settings.data;
  return settings.env_data.empty() ? std::string(kDefaultDataDir) : settings.env_data;
}

Outcome<Endpoint> find_endpoint(const PlaceSettings& settings, const Words& words) {
  std::string text = settings.server;
  if (text.empty() && settings.data.empty()) text = settings.env_server;  // --data is nearer than the environment
  Endpoint out;
  if (text.empty()) {
    out.socket = data_dir_of(settings) + "/api.sock";
  } else if (text.starts_with(kUnix)) {
    out.socket = text.substr(kUnix.size());
    if (out.socket.empty()) return bad_server(text, words);
  } else if (!text.starts_with(kHttp) || !read_authority(std::string_view(text).substr(kHttp.size()), out)) {
    return bad_server(text, words);
  }
  return out;
}

}  // namespace marea::app
