#include "model/rate_limit.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "model/tree.h"

namespace marea::model {
namespace {

// Digits alone, 1 … most, taken from the front of `text`.
std::optional<int> take_number(std::string_view& text, int most) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || text.front() == '-' || number < 1 || number > most) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<base::Duration> period_of(std::string_view unit) {
  if (unit == "/s") return std::chrono::seconds(1);
  if (unit == "/m") return std::chrono::minutes(1);
  if (unit == "/h") return std::chrono::hours(1);
  return std::nullopt;
}

std::optional<RateLimit> read(std::string_view text) {
  constexpr std::string_view kBurst = " burst ";
  const auto rate = text.empty() ? std::nullopt : take_number(text, kMostRate);
  if (!rate || text.size() < 2) return std::nullopt;
  const auto period = period_of(text.substr(0, 2));
  if (!period) return std::nullopt;
  text.remove_prefix(2);
  RateLimit out{.interval = *period / *rate, .burst = 1};
  out.burst = std::max(1, static_cast<int>(std::chrono::seconds(1) / out.interval));
  if (text.empty()) return out;
  if (!text.starts_with(kBurst)) return std::nullopt;
  text.remove_prefix(kBurst.size());
  const auto burst = text.empty() ? std::nullopt : take_number(text, kMostBurst);
  if (!burst || !text.empty()) return std::nullopt;
  out.burst = *burst;
  return out;
}

}  // namespace

std::expected<RateLimit, std::string> parse_rate_limit(std::string_view text) {
  if (const auto limit = read(text)) return *limit;
  return std::unexpected(
      "must be requests per s, m or h and, if wanted, a burst, such as \"50/s\" or "
      "\"100/m burst 20\" (1 to 1000000 each), is " +
      in_quotes(text));
}

}  // namespace marea::model
