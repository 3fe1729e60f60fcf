// A part of a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace marea::telemetry {

// [from, from + most) of it; less at its end, or when it cannot be read.
std::string read_range(const std::string& path, std::int64_t from, std::size_t most);

}  // namespace marea::telemetry
