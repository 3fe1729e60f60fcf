#include "model/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace marea::model {

std::optional<base::Duration> parse_duration(std::string_view text, base::Duration most) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits = {
      {{"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}}};
  std::int64_t total = 0;
  const bool bare = text.find_first_not_of("0123456789") == std::string_view::npos;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || number > most.count()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::string_view suffix = text.substr(0, text.find_first_of("0123456789"));
    text.remove_prefix(suffix.size());
    if (bare) suffix = "s";
    const auto unit = std::ranges::find(kUnits, suffix, &std::pair<std::string_view, std::int64_t>::first);
    if (unit == kUnits.end() || number > most.count() / unit->second) return std::nullopt;
    total += number * unit->second;
    if (total > most.count()) return std::nullopt;
  }
  return base::Duration(total);
}

}  // namespace marea::model
