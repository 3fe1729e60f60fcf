// What a loan is: its terms, in whole cents and basis points, and the bounds within which this bank lends.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace prestamos {

using Cents = std::int64_t;

enum class Method { french, constant_principal };

struct Terms {
  Cents principal = 0;
  int annual_rate_bp = 0;  // nominal, in hundredths of a per cent: 725 is 7.25 % a year
  int months = 0;
  Method method = Method::french;

  bool operator==(const Terms&) const = default;
};

// With these bounds no product of the schedule's arithmetic leaves 64 bits: 10^9 cents × 10^4 basis points = 10^13.
inline constexpr Cents kLeastPrincipal = 100'00;
inline constexpr Cents kMostPrincipal = 10'000'000'00;
inline constexpr int kMostRateBp = 100'00;
inline constexpr int kMostMonths = 480;

std::string_view name_of(Method method);
std::optional<Method> method_from(std::string_view name);

}  // namespace prestamos
