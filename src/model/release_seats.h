// How many releases router counts at a time (router/release_lane.h), of which control says which they are
// (control/release_seats.h). A seat takes 100 KB while hardly anybody comes, and 20 MB at most.
#pragma once

#include <cstddef>

namespace marea::model {

inline constexpr std::size_t kReleaseSeats = 16;

}  // namespace marea::model
