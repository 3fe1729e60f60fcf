#include "app/cli_moment.h"

#include "app/cli_arguments.h"
#include "app/cli_client.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rfc3339.h"

namespace marea::app {

std::optional<std::int64_t> moment_before(std::string_view text, std::int64_t now_unix_ns) {
  if (const auto moment = base::parse_rfc3339(text)) return moment;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto ago = read_seconds(text);
  if (!ago || *ago > now_unix_ns / kSecond) return std::nullopt;
  return now_unix_ns - *ago * kSecond;
}

Outcome<std::optional<std::string>> moment_of(const std::optional<std::string>& text, std::string_view option,
                                              const Words& words) {
  if (!text) return std::nullopt;
  const auto moment = moment_before(*text, base::SystemClock().wall().unix_ns);
  if (!moment) {
    return give_up(
        usage_failure(words(Text::bad_moment, option, *text), words(Text::bad_moment_remedy, option, option)));
  }
  return escape(base::parse_rfc3339(*text) ? *text : base::rfc3339(*moment));
}

}  // namespace marea::app
