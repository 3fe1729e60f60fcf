// Kubernetes quantities: the numbers with units of resources.limits ("500m", "0.5", "512Mi", "1.5Gi", "1e9"). The
// arithmetic is in integers, so no value is off by rounding of binary fractions.
// Source: Kubernetes' resource.Quantity: [+-]digits[.digits] and one of n u m "" k M G T P E Ki Mi Gi Ti Pi Ei, or an
// exponent (e3, E-3). A fraction of a byte rounds up, as there.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace marea::model {

inline constexpr int kMostMilliCpu = 1'000'000;              // 1000 CPUs: beyond any machine, and far from overflow
inline constexpr std::int64_t kMostMemoryBytes = 1LL << 50;  // 1 Pi, likewise

// Thousandths of a CPU, 1 to kMostMilliCpu. The error is a sentence that ends a fault ("must …").
std::expected<int, std::string> parse_milli_cpu(std::string_view text);

// Bytes, 1 to kMostMemoryBytes.
std::expected<std::int64_t, std::string> parse_bytes(std::string_view text);

// The shortest usual form: "1", "500m"; "512Mi", "1536Mi", "1000".
std::string print_milli_cpu(int milli_cpu);
std::string print_bytes(std::int64_t bytes);

}  // namespace marea::model
