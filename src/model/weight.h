// Shares of requests are counted in steps of 0.01 %.
#pragma once

#include <cstdint>

namespace marea::model {

using Weight = std::uint32_t;
inline constexpr Weight kWholeWeight = 10'000;
inline constexpr Weight kOnePercent = 100;

}  // namespace marea::model
