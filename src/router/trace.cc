#include "router/trace.h"

#include <algorithm>
#include <optional>
#include <span>

namespace marea::router {
namespace {

using net::http::Field;
using net::http::FieldName;

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kTraceAt = 3;  // "00-TRACE-SPAN-FLAGS"
constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kSpanDigits = 16;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kLength = 55;
constexpr unsigned kSampled = 1;
constexpr unsigned kRandom = 2;

bool hex(std::string_view text) {  // lower case only (§3.2.2)
  return std::ranges::all_of(text, [](char c) { return kDigits.contains(c); });
}

unsigned value_of(std::string_view two_digits) {
  return static_cast<unsigned>(kDigits.find(two_digits[0]) * 16 + kDigits.find(two_digits[1]));
}

bool all_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

// §3.2.2, and §4.3 for versions that are not known yet: these may be longer, behind a further '-'.
bool valid(std::string_view parent) {
  if (parent.size() < kLength || !hex(parent.substr(0, 2)) || parent.starts_with("ff")) return false;
  if (parent.size() > kLength && (parent.starts_with("00") || parent[kLength] != '-')) return false;
  const std::string_view trace = parent.substr(kTraceAt, kTraceDigits);
  const std::string_view span = parent.substr(kSpanAt, kSpanDigits);
  return parent[kTraceAt - 1] == '-' && parent[kSpanAt - 1] == '-' && parent[kFlagsAt - 1] == '-' && hex(trace) &&
         hex(span) && hex(parent.substr(kFlagsAt, 2)) && !all_zero(trace) && !all_zero(span);
}

bool valid_key(std::string_view key) {  // §3.3.1.3.1, the wider of the two levels: a digit may come first
  if (key.empty() || key.size() > 256) return false;
  return std::ranges::all_of(key, [&](const char& c) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    return word || (&c != key.data() && std::string_view("_-*/@").contains(c));
  });
}

bool valid_value(std::string_view value) {  // §3.3.1.3.2
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Counts the members of one field; nothing when one of them is malformed.
std::optional<std::size_t> members(std::string_view state) {
  std::size_t count = 0;
  for (bool more = true; more;) {
    const std::size_t comma = state.find(',');
    more = comma != std::string_view::npos;
    const std::string_view member = trimmed(state.substr(0, comma));
    if (more) state.remove_prefix(comma + 1);
    if (member.empty()) continue;
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos || !valid_key(member.substr(0, equals)) ||
        !valid_value(member.substr(equals + 1))) {
      return std::nullopt;
    }
    ++count;
  }
  return count;
}

bool valid_state(std::span<const Field> fields) {
  std::size_t count = 0;
  for (const Field& field : fields) {
    if (field.id != FieldName::tracestate || field.ends_here) continue;
    const auto more = members(field.value);
    if (!more) return false;
    count += *more;
  }
  return count <= kMostTraceMembers;
}

// One, and valid: of two nobody knows which is meant.
std::string_view parent_of(std::span<const Field> fields) {
  std::string_view found;
  for (const Field& field : fields) {
    if (field.id != FieldName::traceparent) continue;
    if (!found.empty() || !valid(field.value)) return {};
    found = field.value;
  }
  return found;
}

void put_hex(char* at, std::uint64_t value) {
  for (std::size_t i = kSpanDigits; i-- > 0; value >>= 4U) at[i] = kDigits[value & 15U];
}

}  // namespace

Trace Trace::of(const net::http::RequestHead& head, const std::function<std::uint64_t()>& random) {
  const auto some = [&] {
    const std::uint64_t number = random();
    return number == 0 ? 1 : number;  // all zeros are no id
  };
  Trace trace;
  const std::string_view given = parent_of(head.fields());
  trace.continues_ = !given.empty();
  std::ranges::copy(std::string_view("00-"), trace.text_.data());
  // A trace that begins here is sampled: an app that follows its parent's decision would record nothing otherwise.
  unsigned flags = kSampled | kRandom;
  if (trace.continues_) {
    std::ranges::copy(given.substr(kTraceAt, kTraceDigits), trace.text_.data() + kTraceAt);
    std::ranges::copy(given.substr(kSpanAt, kSpanDigits), trace.span_.data());
    flags &= value_of(given.substr(kFlagsAt, 2));  // others must not go on (§3.2.2.5)
    trace.keeps_state_ = valid_state(head.fields());
  } else {
    put_hex(trace.text_.data() + kTraceAt, some());
    put_hex(trace.text_.data() + kTraceAt + kSpanDigits, some());
  }
  trace.text_[kSpanAt - 1] = trace.text_[kFlagsAt - 1] = '-';
  put_hex(trace.text_.data() + kSpanAt, some());
  trace.text_[kFlagsAt] = '0';
  trace.text_[kFlagsAt + 1] = kDigits[flags];
  return trace;
}

}  // namespace marea::router
