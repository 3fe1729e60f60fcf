#include "model/match_rule.h"

#include <arpa/inet.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>

#include "model/tree.h"

namespace marea::model {
namespace {

constexpr int kBits = 128;
constexpr int kBitsBeforeIpv4 = 96;

bool bit_of(const std::array<std::uint8_t, 16>& address, int bit) {
  const auto at = static_cast<unsigned>(bit);
  return ((address.at(at / 8) >> (7U - at % 8)) & 1U) != 0;
}

}  // namespace

std::optional<std::array<std::uint8_t, 16>> parse_address(std::string_view text) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> out{};
  if (::inet_pton(AF_INET6, terminated.c_str(), out.data()) == 1) return out;
  out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (::inet_pton(AF_INET, terminated.c_str(), &out[12]) == 1) return out;
  return std::nullopt;
}

std::optional<AddressBlock> parse_address_block(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  const bool ipv4 = text.find(':') == std::string_view::npos;
  AddressBlock out{.address = *address, .bits = kBits};
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), out.bits);
    if (error != std::errc() || end != length.data() + length.size() || length.front() == '-') return std::nullopt;
    if (ipv4) out.bits += kBitsBeforeIpv4;
    if (out.bits > kBits) return std::nullopt;
  }
  for (int bit = out.bits; bit < kBits; ++bit) {
    if (bit_of(out.address, bit)) return std::nullopt;
  }
  return out;
}

bool contains(const AddressBlock& block, const std::array<std::uint8_t, 16>& address) {
  const auto whole = static_cast<std::size_t>(block.bits / 8);
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), block.address.begin())) {
    return false;
  }
  const auto rest = static_cast<unsigned>(block.bits % 8);
  return rest == 0 || ((address.at(whole) ^ block.address.at(whole)) >> (8U - rest)) == 0;
}

std::size_t bytes_of(const MatchRule& rule) {
  constexpr std::size_t kEach = 8;
  std::size_t bytes = rule.name.size() + rule.to.size() + 2 * kEach;
  for (const MatchCondition& condition : rule.conditions) {
    bytes += condition.name.size() + kEach;
    for (const std::string& value : condition.values) bytes += value.size() + kEach;
  }
  return bytes;
}

std::optional<std::string> regex_fault(const std::string& expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  const re2::RE2 compiled(expression, options);
  if (!compiled.ok()) return "is no regular expression of RE2: " + in_quotes(compiled.error());
  if (compiled.ProgramSize() > kMostRegexSteps) {
    return "is too costly: it compiles to " + std::to_string(compiled.ProgramSize()) + " steps, may have " +
           std::to_string(kMostRegexSteps);
  }
  return std::nullopt;
}

}  // namespace marea::model
