#include "model/scale_annotations.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "model/duration.h"

namespace marea::model {
namespace {

constexpr std::string_view kScaleDomain = "autoscaling.knative.dev/";
constexpr double kLeastTarget = 0.01;

// Both spellings are Knative's; Cloud Run has the first only.
struct Spellings {
  std::string_view camel;
  std::string_view dashed;
};
constexpr Spellings kMinNames{"minScale", "min-scale"};
constexpr Spellings kMaxNames{"maxScale", "max-scale"};
constexpr Spellings kInitialNames{"initialScale", "initial-scale"};
constexpr Spellings kTargetNames{"target", "target"};
constexpr Spellings kUtilizationNames{"targetUtilizationPercentage", "target-utilization-percentage"};
constexpr Spellings kDelayNames{"scaleDownDelay", "scale-down-delay"};

std::string whole_name(std::string_view name) {
  return std::string(kScaleDomain) + std::string(name);
}

// The annotation where it is there and is text; that it is no text has been said by read_annotations().
std::optional<Node> scale_node(const Node& annotations, std::string_view name) {
  auto node = annotations.member(whole_name(name));
  if (!node || !node->value->is_string()) return std::nullopt;
  return node;
}

std::optional<Node> scale_node(const Node& annotations, Spellings names) {
  auto node = scale_node(annotations, names.camel);
  return node ? node : scale_node(annotations, names.dashed);
}

std::string scale_text(const Node& node) {
  return node.value->get<std::string>();
}

template <class Number>
std::optional<Number> bounded_number(std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most)) {
    return std::nullopt;
  }
  return value;
}

std::optional<int> whole_scale(Findings& findings, const Node& node, int least) {
  const auto value = bounded_number<int>(scale_text(node), least, kMostScale);
  if (!value) {
    findings.fault(node, "must be a whole number between " + std::to_string(least) + " and " +
                             std::to_string(kMostScale) + ", is " + in_quotes(scale_text(node)));
  }
  return value;
}

std::optional<int> read_scale_min(Findings& findings, const Node& node) {
  return whole_scale(findings, node, 0);
}

std::optional<int> read_scale_max(Findings& findings, const Node& node) {
  if (scale_text(node) != "0") return whole_scale(findings, node, 1);
  // Knative's way to say that there is none.
  findings.notice(node,
                  "means no limit to Knative; here it is " + std::to_string(kMostScale) + ", the most of a revision");
  return kMostScale;
}

std::optional<int> read_scale_initial(Findings& findings, const Node& node) {
  const auto value = whole_scale(findings, node, 0);
  if (value != 0) return value;
  findings.notice(node, "is taken as 1: a new revision always proves that it starts");
  return 1;
}

std::optional<double> read_scale_target(Findings& findings, const Node& node) {
  const auto value = bounded_number<double>(scale_text(node), kLeastTarget, kMostConcurrency);
  if (!value) {
    findings.fault(node, "must be a number of requests between 0.01 and " + std::to_string(kMostConcurrency) + ", is " +
                             in_quotes(scale_text(node)));
  }
  return value;
}

std::optional<double> read_scale_utilization(Findings& findings, const Node& node) {
  const auto value = bounded_number<double>(scale_text(node), 1.0, 100.0);
  if (!value) findings.fault(node, "must be a percentage between 1 and 100, is " + in_quotes(scale_text(node)));
  return value;
}

std::optional<Duration> read_scale_delay(Findings& findings, const Node& node) {
  const auto value = parse_duration(scale_text(node), kMostScaleDownDelay);
  if (!value) {
    findings.fault(
        node, "must be a time from \"0s\" to \"1h\", such as \"30s\" or \"15m\", is " + in_quotes(scale_text(node)));
  }
  return value;
}

template <class Value>
std::optional<Value> read_spelt(Findings& findings, const Node& annotations, Spellings names,
                                std::optional<Value> (*reader)(Findings&, const Node&)) {
  const auto camel = scale_node(annotations, names.camel);
  const auto dashed = names.dashed == names.camel ? std::nullopt : scale_node(annotations, names.dashed);
  const std::optional<Value> first = camel ? reader(findings, *camel) : std::nullopt;
  const std::optional<Value> second = dashed ? reader(findings, *dashed) : std::nullopt;
  if (first && second && *first != *second) {
    findings.fault(*dashed, "contradicts " + whole_name(names.camel) + "; keep one of them");
  }
  return first ? first : second;
}

}  // namespace

ScaleSettings read_scale(Findings& findings, const Node& annotations) {
  ScaleSettings out{.min = read_spelt(findings, annotations, kMinNames, read_scale_min),
                    .max = read_spelt(findings, annotations, kMaxNames, read_scale_max),
                    .initial = read_spelt(findings, annotations, kInitialNames, read_scale_initial),
                    .target = read_spelt(findings, annotations, kTargetNames, read_scale_target),
                    .target_utilization = read_spelt(findings, annotations, kUtilizationNames, read_scale_utilization),
                    .scale_down_delay = read_spelt(findings, annotations, kDelayNames, read_scale_delay)};
  const auto metric = scale_node(annotations, "metric");
  if (metric && scale_text(*metric) != "concurrency" && out.target) {
    findings.notice(*scale_node(annotations, kTargetNames), "counts as no target here: it is one of the metric " +
                                                                in_quotes(scale_text(*metric)) +
                                                                ", and marea scales by concurrency");
    out.target.reset();
  }
  return out;
}

void apply_scale(Findings& findings, const Node& annotations, const ScaleSettings& settings, Template& out) {
  out.min_scale = settings.min.value_or(0);
  out.max_scale = settings.max.value_or(kDefaultMaxScale);
  out.initial_scale = settings.initial.value_or(1);
  out.scale_down_delay = settings.scale_down_delay.value_or(Duration{});
  const double share = settings.target_utilization.value_or(100.0) / 100.0;
  const double aimed = std::min<double>(settings.target.value_or(out.concurrency), out.concurrency) * share;
  // A whole request at least; what decimal fractions lose in binary is not rounded down.
  out.target = std::max(1, static_cast<int>(std::floor(aimed + 1e-6)));
  const std::string bound =
      "must not exceed maxScale (" + std::to_string(out.max_scale) + (settings.max ? "" : ", the default") + "), is ";
  if (out.min_scale > out.max_scale) {
    findings.fault(*scale_node(annotations, kMinNames), bound + std::to_string(out.min_scale));
  }
  if (out.initial_scale > out.max_scale) {
    findings.fault(*scale_node(annotations, kInitialNames), bound + std::to_string(out.initial_scale));
  }
}

}  // namespace marea::model
