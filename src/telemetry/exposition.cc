#include "telemetry/exposition.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <tuple>

namespace marea::telemetry {
namespace {

using model::MetricKind;
using model::MetricType;
using model::MetricUnit;
using model::MetricValue;

std::size_t labels_of(const MetricKind& kind) {
  return kind.labels.empty() ? 0 : static_cast<std::size_t>(std::ranges::count(kind.labels, ',')) + 1;
}

bool fits(const MetricValue& value) {
  const auto index = static_cast<std::size_t>(value.metric);
  if (index >= model::kMetrics.size()) return false;
  const MetricKind& kind = model::kMetrics.at(index);
  const std::size_t values = kind.type == MetricType::histogram ? model::kTimeBuckets + 1 : 1;
  return value.labels.size() == labels_of(kind) && value.values.size() == values;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '"': out += "\\\""; break;
      case '\n': out += "\\n"; break;
      default: out += c;
    }
  }
}

// Whole nanoseconds as seconds, exactly: "0.0025", "12".
void append_seconds(std::string& out, std::uint64_t nanoseconds) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  out += std::to_string(nanoseconds / kSecond);
  std::string fraction = std::to_string(nanoseconds % kSecond + kSecond).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) out.append(".").append(fraction);
}

void append_number(std::string& out, std::uint64_t value, MetricUnit unit) {
  if (unit == MetricUnit::nanoseconds) {
    append_seconds(out, value);
  } else {
    out += std::to_string(value);
  }
}

// `extra` is one more label, as it stands.
void append_name(std::string& out, const MetricKind& kind, std::string_view suffix, const MetricValue& value,
                 std::string_view extra = {}) {
  out.append(kind.name).append(suffix);
  if (value.labels.empty() && extra.empty()) {
    out += ' ';
    return;
  }
  char before = '{';
  std::string_view names = kind.labels;
  for (const std::string& label : value.labels) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    out += before;
    out.append(name).append("=\"");
    append_escaped(out, label);
    out += '"';
    before = ',';
  }
  if (!extra.empty()) {
    out += before;
    out += extra;
  }
  out += "} ";
}

void append_histogram(std::string& out, const MetricKind& kind, const MetricValue& value) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < model::kTimeBuckets; ++i) {
    below += value.values[i];
    std::string bound = "le=\"";
    if (i < model::kTimeBounds.size()) {
      append_seconds(bound, static_cast<std::uint64_t>(model::kTimeBounds.at(i).count()));
    } else {
      bound += "+Inf";
    }
    append_name(out, kind, "_bucket", value, bound += '"');
    out.append(std::to_string(below)).append("\n");
  }
  append_name(out, kind, "_sum", value);
  append_number(out, value.values.back(), kind.unit);
  out += '\n';
  append_name(out, kind, "_count", value);
  out.append(std::to_string(below)).append("\n");
}

std::string_view to_string(MetricType type) {
  switch (type) {
    case MetricType::counter: return "counter";
    case MetricType::gauge: return "gauge";
    case MetricType::histogram: return "histogram";
  }
  return "untyped";
}

void append_header(std::string& out, const MetricKind& kind) {
  out.append("# HELP ").append(kind.name).append(" ").append(kind.help);
  out.append("\n# TYPE ").append(kind.name).append(" ").append(to_string(kind.type)).append("\n");
}

}  // namespace

std::string expose(std::vector<MetricValue> values) {
  std::erase_if(values, [](const MetricValue& value) { return !fits(value); });
  std::ranges::sort(values, {}, [](const MetricValue& value) { return std::tie(value.metric, value.labels); });
  std::string out;
  for (std::size_t i = 0; i < values.size();) {
    MetricValue& value = values[i];
    const MetricKind& kind = model::kMetrics.at(static_cast<std::size_t>(value.metric));
    if (i == 0 || values[i - 1].metric != value.metric) append_header(out, kind);
    std::size_t next = i + 1;
    for (; next < values.size() && values[next].metric == value.metric && values[next].labels == value.labels; ++next) {
      for (std::size_t n = 0; n < value.values.size(); ++n) value.values[n] += values[next].values[n];
    }
    if (kind.type == MetricType::histogram) {
      append_histogram(out, kind, value);
    } else {
      append_name(out, kind, "", value);
      append_number(out, value.values.front(), kind.unit);
      out += '\n';
    }
    i = next;
  }
  return out;
}

}  // namespace marea::telemetry
