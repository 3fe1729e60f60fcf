#include "model/quantity.h"

#include <array>
#include <optional>

#include "model/characters.h"

namespace marea::model {
namespace {

__extension__ using Wide = __int128;

constexpr std::size_t kMostDigits = 15;  // with Ei and a factor of 1000 the product stays below 2^127
constexpr std::string_view kForm = "a number with an optional unit";

// A quantity as an exact fraction.
struct Fraction {
  Wide numerator = 0;
  Wide denominator = 1;
};

struct Unit {
  std::string_view suffix;
  std::int64_t times;
  std::int64_t parts;
};

constexpr std::array kUnits = {
    Unit{"", 1, 1},
    Unit{"n", 1, 1'000'000'000},
    Unit{"u", 1, 1'000'000},
    Unit{"m", 1, 1'000},
    Unit{"k", 1'000, 1},
    Unit{"M", 1'000'000, 1},
    Unit{"G", 1'000'000'000, 1},
    Unit{"T", 1'000'000'000'000, 1},
    Unit{"P", 1'000'000'000'000'000, 1},
    Unit{"E", 1'000'000'000'000'000'000, 1},
    Unit{"Ki", 1LL << 10, 1},
    Unit{"Mi", 1LL << 20, 1},
    Unit{"Gi", 1LL << 30, 1},
    Unit{"Ti", 1LL << 40, 1},
    Unit{"Pi", 1LL << 50, 1},
    Unit{"Ei", 1LL << 60, 1},
};

// e3, E-3: a power of ten from -9 to 18.
std::optional<Unit> exponent(std::string_view text) {
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty() || text.size() > 2) return std::nullopt;
  int power = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    power = power * 10 + (c - '0');
  }
  if (power > (negative ? 9 : 18)) return std::nullopt;
  std::int64_t ten = 1;
  for (int i = 0; i < power; ++i) ten *= 10;
  return negative ? Unit{"", 1, ten} : Unit{"", ten, 1};
}

std::optional<Unit> unit_of(std::string_view suffix) {
  for (const Unit& unit : kUnits) {
    if (unit.suffix == suffix) return unit;
  }
  return exponent(suffix);
}

// The usual slips, answered with the spelling that was meant.
std::string unit_remedy(std::string_view suffix) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kSlips = {{{"MB", "M"},
                                                                                     {"Mb", "M"},
                                                                                     {"mb", "M"},
                                                                                     {"MiB", "Mi"},
                                                                                     {"mi", "Mi"},
                                                                                     {"GB", "G"},
                                                                                     {"gb", "G"},
                                                                                     {"g", "G"},
                                                                                     {"GiB", "Gi"},
                                                                                     {"gi", "Gi"},
                                                                                     {"K", "k"},
                                                                                     {"KB", "k"}}};
  for (const auto& [slip, meant] : kSlips) {
    if (slip == suffix) return "; write " + std::string(meant) + " instead of " + std::string(slip);
  }
  if (suffix.find(' ') != std::string_view::npos) return "; write no space before the unit";
  return "";
}

std::expected<Fraction, std::string> parse(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  Fraction out;
  std::size_t digits = 0;
  std::size_t significant = 0;
  bool fraction = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(text[i])) break;
    ++digits;
    if (significant > 0 || text[i] != '0') ++significant;
    if (significant > kMostDigits || digits > 2 * kMostDigits) return std::unexpected("has too many digits");
    out.numerator = out.numerator * 10 + (text[i] - '0');
    if (fraction) out.denominator *= 10;
    if (out.denominator > 1'000'000'000'000'000) return std::unexpected("has too many digits after the point");
  }
  if (digits == 0) return std::unexpected("must be " + std::string(kForm));
  const std::string_view suffix = text.substr(i);
  const std::optional<Unit> unit = unit_of(suffix);
  if (!unit) {
    return std::unexpected("must be " + std::string(kForm) + " (m, k, M, G, T, Ki, Mi, Gi, Ti)" + unit_remedy(suffix));
  }
  out.numerator *= unit->times;
  out.denominator *= unit->parts;
  if (negative) out.numerator = -out.numerator;
  return out;
}

}  // namespace

std::expected<int, std::string> parse_milli_cpu(std::string_view text) {
  constexpr std::string_view kAllowed = "; CPU is written as \"1\", \"0.5\" or \"500m\"";
  const auto quantity = parse(text);
  if (!quantity) return std::unexpected(quantity.error() + std::string(kAllowed));
  const Wide milli = quantity->numerator * 1000;
  if (milli <= 0) return std::unexpected("must be more than 0" + std::string(kAllowed));
  if (milli % quantity->denominator != 0) return std::unexpected("must be a multiple of 1m, a thousandth of a CPU");
  if (milli / quantity->denominator > kMostMilliCpu) return std::unexpected("must be at most 1000 CPUs");
  return static_cast<int>(milli / quantity->denominator);
}

std::expected<std::int64_t, std::string> parse_bytes(std::string_view text) {
  constexpr std::string_view kAllowed = "; memory is written as \"512Mi\", \"1G\" or \"1.5Gi\"";
  const auto quantity = parse(text);
  if (!quantity) return std::unexpected(quantity.error() + std::string(kAllowed));
  if (quantity->numerator <= 0) return std::unexpected("must be more than 0" + std::string(kAllowed));
  const Wide bytes = (quantity->numerator + quantity->denominator - 1) / quantity->denominator;
  if (bytes > kMostMemoryBytes) return std::unexpected("must be at most 1Pi");
  return static_cast<std::int64_t>(bytes);
}

std::string print_milli_cpu(int milli_cpu) {
  if (milli_cpu % 1000 == 0) return std::to_string(milli_cpu / 1000);
  return std::to_string(milli_cpu) + "m";
}

std::string print_bytes(std::int64_t bytes) {
  constexpr std::array<std::pair<std::int64_t, const char*>, 4> kSteps = {
      {{1LL << 40, "Ti"}, {1LL << 30, "Gi"}, {1LL << 20, "Mi"}, {1LL << 10, "Ki"}}};
  for (const auto& [step, suffix] : kSteps) {
    if (bytes != 0 && bytes % step == 0) return std::to_string(bytes / step) + suffix;
  }
  return std::to_string(bytes);
}

}  // namespace marea::model
