#include "base/rfc3339.h"

#include <chrono>

namespace marea::base {
namespace {

constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2200;
constexpr std::int64_t kSecond = 1'000'000'000;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool is(char wanted) {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<int> number(std::size_t digits, int most) {
    int out = 0;
    if (text_.size() < digits) return std::nullopt;
    for (const char c : text_.substr(0, digits)) {
      if (c < '0' || c > '9') return std::nullopt;
      out = out * 10 + (c - '0');
    }
    text_.remove_prefix(digits);
    return out <= most ? std::optional(out) : std::nullopt;
  }
  // After the point.
  std::optional<std::int64_t> fraction() {
    std::int64_t out = 0;
    std::int64_t unit = kSecond / 10;
    std::size_t digits = 0;
    for (; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9'; ++digits, unit /= 10) {
      out += (text_[digits] - '0') * unit;
    }
    text_.remove_prefix(digits);
    return digits == 0 ? std::nullopt : std::optional(out);
  }
  // In minutes.
  std::optional<int> offset() {
    if (is('Z') || is('z')) return 0;
    const int sign = is('-') ? -1 : is('+') ? 1 : 0;
    const auto hours = number(2, 23);
    if (sign == 0 || !hours || !is(':')) return std::nullopt;
    const auto minutes = number(2, 59);
    return minutes ? std::optional(sign * (*hours * 60 + *minutes)) : std::nullopt;
  }
  bool over() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  const auto year = reader.number(4, kLastYear);
  if (!year || *year < kFirstYear || !reader.is('-')) return std::nullopt;
  const auto month = reader.number(2, 12);
  if (!month || !reader.is('-')) return std::nullopt;
  const auto day = reader.number(2, 31);
  if (!day || !(reader.is('T') || reader.is('t') || reader.is(' '))) return std::nullopt;
  const auto hour = reader.number(2, 23);
  if (!hour || !reader.is(':')) return std::nullopt;
  const auto minute = reader.number(2, 59);
  if (!minute || !reader.is(':')) return std::nullopt;
  const auto second = reader.number(2, 60);
  if (!second) return std::nullopt;
  std::int64_t fraction = 0;
  if (reader.is('.')) {
    const auto read = reader.fraction();
    if (!read) return std::nullopt;
    fraction = *read;
  }
  const auto offset = reader.offset();
  if (!offset || !reader.over()) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  const std::chrono::sys_seconds at = std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                                      std::chrono::minutes(*minute - *offset) + std::chrono::seconds(*second);
  const std::int64_t seconds = at.time_since_epoch().count();
  if (seconds < 0) return std::nullopt;
  return seconds * kSecond + fraction;
}

}  // namespace marea::base
