#include "calendar.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace prestamos {
namespace {

std::string text_of(const std::chrono::year_month_day& day) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text.data();
}

int number_in(std::string_view text, std::size_t from, std::size_t length) {
  int number = 0;
  if (text.size() >= from + length) std::from_chars(text.data() + from, text.data() + from + length, number);
  return number;
}

}  // namespace

std::string day_text(Instant instant) {
  const std::chrono::sys_seconds at{std::chrono::seconds(instant)};
  return text_of(std::chrono::floor<std::chrono::days>(at));
}

std::string instant_text(Instant instant) {
  const std::chrono::sys_seconds at{std::chrono::seconds(instant)};
  const std::chrono::hh_mm_ss clock{at - std::chrono::floor<std::chrono::days>(at)};
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "T%02d:%02d:%02dZ", static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return day_text(instant) + text.data();
}

std::string months_later(std::string_view day, int months) {
  using std::chrono::last;
  const std::chrono::year_month month =
      std::chrono::year(number_in(day, 0, 4)) / std::chrono::month(static_cast<unsigned>(number_in(day, 5, 2))) +
      std::chrono::months(months);
  const std::chrono::year_month_day wanted = month / std::chrono::day(static_cast<unsigned>(number_in(day, 8, 2)));
  return text_of(wanted.ok() ? wanted : std::chrono::year_month_day(month / last));
}

}  // namespace prestamos
