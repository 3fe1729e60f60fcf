#include "model/platform_limits.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "model/findings.h"
#include "model/quantity.h"
#include "model/tree.h"

namespace marea::model {
namespace {

using enum LimitUnit;
constexpr std::int64_t kMi = 1LL << 20;
constexpr std::int64_t kGi = 1LL << 30;

// The reasons are in docs/limits.md, a line for each.
constexpr std::array<LimitRow, kLimits> kRows = {{
    {Limit::connections, "connections", count, 8000, 16, 100'000},
    {Limit::connections_per_client, "connections-per-client", count, 2000, 1, 100'000},
    {Limit::idle_time, "idle-time", seconds, 75, 1, 3600},
    {Limit::head_time, "head-time", seconds, 15, 1, 300},
    {Limit::tunnel_idle_time, "tunnel-idle-time", seconds, 300, 1, 86400},
    {Limit::body_bytes, "body-bytes", bytes, 1024 * kGi, 1, 1024 * kGi},
    {Limit::queue_requests, "queue-requests", count, 5000, 1, 100'000},
    {Limit::queue_bytes, "queue-bytes", bytes, 96 * kMi, kMi, 64 * kGi},
    {Limit::queue_time, "queue-time", seconds, 300, 1, 3600},
    {Limit::total_queue_bytes, "total-queue-bytes", bytes, 256 * kMi, kMi, 64 * kGi},
    {Limit::buffer_bytes, "buffer-bytes", bytes, 512 * kMi, 8 * kMi, 64 * kGi},
    {Limit::memory_reserve, "memory-reserve", percent, 10, 1, 90},
    {Limit::starts_per_cpu, "starts-per-cpu", count, 4, 1, 1000},
    {Limit::api_requests, "api-requests", count, 1000, 10, 100'000},
    {Limit::pull_bytes, "pull-bytes", bytes, 16 * kGi, 1, 64 * kGi},
    {Limit::pull_time, "pull-time", seconds, 1800, 1, 86400},
    {Limit::pull_silence, "pull-silence", seconds, 60, 1, 3600},
    {Limit::image_disk, "image-disk", percent, 60, 1, 100},
    {Limit::log_bytes, "log-bytes", bytes, 4 * kMi, 4096, kGi},
    {Limit::client_rate, "client-rate", count, 0, 0, 0},
}};

std::optional<std::int64_t> read_time(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number > 1'000'000) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.empty() || unit == "s") return number;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  return std::nullopt;
}

std::optional<std::int64_t> read_count(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> read_value(LimitUnit unit, std::string_view text) {
  switch (unit) {
    case count: return read_count(text);
    case percent: return read_count(text.ends_with('%') ? text.substr(0, text.size() - 1) : text);
    case seconds: return read_time(text);
    case bytes: {
      const auto value = parse_bytes(text);
      return value ? std::optional(*value) : std::nullopt;
    }
  }
  return std::nullopt;
}

std::string print_value(LimitUnit unit, std::int64_t value) {
  switch (unit) {
    case count: return std::to_string(value);
    case percent: return std::to_string(value) + "%";
    case seconds: return std::to_string(value) + "s";
    case bytes: return print_bytes(value);
  }
  return {};
}

bool settable(const LimitRow& row) {
  return row.most > 0;
}

std::string unknown(const std::string& name) {
  std::vector<std::string_view> known;
  for (const LimitRow& row : kRows) {
    if (settable(row)) known.push_back(row.name);
  }
  std::string out = in_quotes(name) + " is no limit; there are";
  for (const std::string_view each : known) out.append(" ").append(each);
  return out + did_you_mean(name, known);
}

}  // namespace

const std::array<LimitRow, kLimits>& limit_rows() {
  return kRows;
}

const LimitRow& row_of(Limit limit) {
  return kRows[static_cast<std::size_t>(limit)];
}

PlatformLimits::PlatformLimits() {
  std::ranges::transform(kRows, values_.begin(), &LimitRow::value);
}

std::expected<PlatformLimits, std::vector<std::string>> parse_limits(const std::vector<std::string>& words) {
  PlatformLimits out;
  std::vector<std::string> faults;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto row = std::ranges::find(kRows, name, &LimitRow::name);
    if (equals == std::string::npos) {
      faults.push_back(in_quotes(word) + " must be NAME=VALUE");
    } else if (row == kRows.end() || !settable(*row)) {
      faults.push_back(unknown(name));
    } else {
      const std::string text = word.substr(equals + 1);
      const auto value = read_value(row->unit, text);
      if (value && *value >= row->least && *value <= row->most) {
        out.set(row->limit, *value);
      } else {
        faults.push_back(name + " must be " + print_value(row->unit, row->least) + " to " +
                         print_value(row->unit, row->most) + ", is " + in_quotes(text));
      }
    }
  }
  if (out[Limit::connections_per_client] > out[Limit::connections]) {
    // One client alone may have them all, then.
    out.set(Limit::connections_per_client, out[Limit::connections]);
  }
  if (faults.empty() && out[Limit::queue_bytes] > out[Limit::total_queue_bytes]) {
    faults.push_back("queue-bytes must not be above total-queue-bytes, is " + print_bytes(out[Limit::queue_bytes]) +
                     " above " + print_bytes(out[Limit::total_queue_bytes]));
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return out;
}

std::vector<std::string> print_limits(const PlatformLimits& limits) {
  std::vector<std::string> out;
  for (const LimitRow& row : kRows) {
    const std::int64_t value = limits[row.limit];
    if (value != row.value) out.push_back(std::string(row.name) + "=" + print_value(row.unit, value));
  }
  return out;
}

}  // namespace marea::model
