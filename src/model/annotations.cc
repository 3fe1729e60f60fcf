#include "model/annotations.h"

#include <algorithm>

#include "model/annotation_table.h"
#include "model/duration.h"
#include "model/names.h"
#include "model/read_match.h"
#include "model/release_policy.h"
#include "model/release_readers.h"
#include "model/secret_alias.h"

namespace marea::model {
namespace {

constexpr std::string_view kStickyAnnotation = "marea.dev/sticky";

bool belongs(const Annotation& row, Level level) {
  switch (row.where) {
    case Where::both: return true;
    case Where::service: return level == Level::service;
    case Where::revision_template: return level == Level::revision_template;
  }
  return false;
}

std::string unknown_annotation(const std::string& name) {
  const std::vector<std::string> known = annotations_of_domain(name);
  std::string message = "is no annotation that Cloud Run, Knative or marea knows";
  if (name.starts_with("marea.dev/")) {
    message = "is no annotation of marea; there are";
    for (const std::string& one : known) message += " " + one;
  }
  return message + did_you_mean(name, {known.begin(), known.end()});
}

// Cloud Run adds annotations, and an export of it must be read; but nobody means what is nearly another name.
bool is_new_of_cloud_run(const std::string& name) {
  if (!name.starts_with("run.googleapis.com/")) return false;
  const std::vector<std::string> known = annotations_of_domain(name);
  // The domain is the same in all and would make short names near each other.
  const auto local = [](std::string_view whole) { return whole.substr(whole.find('/') + 1); };
  std::vector<std::string_view> names;
  names.reserve(known.size());
  for (const std::string& each : known) names.push_back(local(each));
  return nearest(local(name), names).empty();
}

void check_annotation(Findings& findings, const std::string& name, const Node& node, Level level) {
  if (auto fault = metadata_key_fault(name)) {
    findings.fault_at_key(node, "its name " + *fault);
    return;
  }
  const Annotation* row = find_annotation(name);
  if (row == nullptr) {
    const std::string_view domain = std::string_view(name).substr(0, name.find('/'));
    if (is_new_of_cloud_run(name)) {
      apply_treatment(findings, node, Treatment::notice, "it is newer than this marea, or misspelt");
    } else if (is_reserved(name)) {
      findings.fault_at_key(node, findings.is_full() ? std::string() : unknown_annotation(name));
    } else if (domain.ends_with(".knative.dev") && domain != "client.knative.dev") {
      apply_treatment(findings, node, Treatment::notice, "it is a setting of Knative's own parts");
    }
    return;
  }
  if (belongs(*row, level)) {
    apply_treatment(findings, node, row->treatment, row->note);
  } else if (level == Level::service) {
    findings.fault_at_key(node, "has no effect on the service; move it to spec.template.metadata.annotations");
  } else {
    findings.fault_at_key(node, "has no effect on the template; move it to metadata.annotations of the service");
  }
}

// The annotation's text when it is there and is text; that it is no text has been said by read_annotations().
std::optional<std::string> text_of(const Node& annotations, std::string_view name) {
  const auto node = annotations.member(name);
  if (!node || !node->value->is_string()) return std::nullopt;
  return node->value->get<std::string>();
}

std::optional<Duration> idle_timeout(Findings& findings, const Node& annotations) {
  constexpr std::string_view kName = "marea.dev/idle-timeout";
  const auto text = text_of(annotations, kName);
  if (!text) return std::nullopt;
  if (auto value = parse_duration(*text, kMostIdleTimeout)) return value;
  findings.fault(*annotations.member(kName),
                 "must be a time from \"0s\" to \"24h\", such as \"30s\", \"5m\" or "
                 "\"1h30m\", is " +
                     in_quotes(*text));
  return std::nullopt;
}

std::optional<RateLimit> rate_limit(Findings& findings, const Node& annotations) {
  constexpr std::string_view kName = "marea.dev/rate-limit";
  const auto text = text_of(annotations, kName);
  if (!text) return std::nullopt;
  const auto value = parse_rate_limit(*text);
  if (value) return *value;
  findings.fault(*annotations.member(kName), value.error());
  return std::nullopt;
}

void check_secret_aliases(Findings& findings, const Node& annotations) {
  constexpr std::string_view kName = "run.googleapis.com/secrets";
  const auto text = text_of(annotations, kName);
  if (!text) return;
  if (const auto aliases = parse_secret_aliases(*text); !aliases) {
    findings.fault(*annotations.member(kName), aliases.error());
  }
}

// One of a few words.
template <class Value, std::size_t N>
std::optional<Value> word(Findings& findings, const Node& annotations, std::string_view name,
                          const std::array<std::pair<std::string_view, Value>, N>& words) {
  const auto text = text_of(annotations, name);
  if (!text) return std::nullopt;
  std::vector<std::string_view> known;
  std::string list;
  for (const auto& [known_word, value] : words) {
    if (*text == known_word) return value;
    known.push_back(known_word);
    list += (list.empty() ? "" : ", ") + std::string(known_word);
  }
  findings.fault(*annotations.member(name),
                 "must be one of " + list + ", is " + in_quotes(*text) + did_you_mean(*text, known));
  return std::nullopt;
}

// 'true' or 'false' in any case, as gcloud writes it; absent: false.
bool flag(Findings& findings, const Node& annotations, std::string_view name) {
  const auto text = text_of(annotations, name);
  if (!text) return false;
  const std::string lower = lower_case(*text);
  if (lower != "true" && lower != "false") {
    findings.fault(*annotations.member(name), "must be 'true' or 'false', is " + in_quotes(*text));
  }
  return lower == "true";
}

// A strategy or the name of a policy; whether there is such a policy is not known here.
std::string release_policy(Findings& findings, const Node& annotations) {
  constexpr std::string_view kName = "marea.dev/release-policy";
  const auto text = text_of(annotations, kName);
  if (!text) return {};
  if (!label_fault(*text)) return *text;
  findings.fault(
      *annotations.member(kName),
      "must be none, canary, blue-green, all-at-once or the name of a ReleasePolicy, is " + in_quotes(*text));
  return {};
}

void check_sticky(Findings& findings, const Node& annotations) {
  const auto text = text_of(annotations, kStickyAnnotation);
  if (!text) return;
  if (const auto rule = parse_sticky(*text); !rule) {
    findings.fault(*annotations.member(kStickyAnnotation), rule.error());
  }
}

std::optional<Weight> rollback_until(Findings& findings, const Node& annotations) {
  constexpr std::string_view kName = "marea.dev/rollback";
  constexpr std::string_view kForbidden = "forbidden-after: ";
  const auto text = text_of(annotations, kName);
  if (!text) return std::nullopt;
  if (text->starts_with(kForbidden)) {
    const std::string step = text->substr(kForbidden.size());
    if (step == "promotion") return kWholeWeight;
    if (const auto weight = parse_weight(step); weight && *weight > 0 && *weight < kWholeWeight) return weight;
  }
  findings.fault(*annotations.member(kName),
                 "must be \"forbidden-after: STEP\", with the weight of a step, such as 25%, or promotion, is " +
                     in_quotes(*text));
  return std::nullopt;
}

std::vector<std::string> hosts(Findings& findings, const Node& annotations) {
  constexpr std::string_view kName = "marea.dev/hosts";
  constexpr std::string_view kSeparators = ", \t\n";
  std::vector<std::string> out;
  const auto text = text_of(annotations, kName);
  if (!text) return out;
  const Node node = *annotations.member(kName);
  std::string_view rest = *text;
  while ((rest.remove_prefix(std::min(rest.find_first_not_of(kSeparators), rest.size())), !rest.empty())) {
    const std::string_view host = rest.substr(0, rest.find_first_of(kSeparators));
    rest.remove_prefix(host.size());
    const std::string lower = lower_case(host);
    if (out.size() >= kMostHosts) {
      findings.fault(node, "must name at most " + std::to_string(kMostHosts) + " hosts");
      return out;
    }
    if (auto fault = host_fault(host)) {
      findings.fault(node, "the host " + in_quotes(host) + " " + *fault);
    } else if (std::ranges::find(out, lower) == out.end()) {
      out.push_back(lower);
    }
  }
  return out;
}

}  // namespace

std::map<std::string, std::string> read_annotations(Findings& findings, const Node& metadata, Level level) {
  std::map<std::string, std::string> out;
  const auto annotations = metadata.member("annotations");
  if (!annotations || !findings.is_object(*annotations)) return out;
  std::size_t bytes = 0;
  for (const auto& [name, node] : annotations->members()) {
    check_annotation(findings, name, node, level);
    auto text = name == kStickyAnnotation ? sticky_text(findings, node) : findings.text(node);
    if (!text) continue;
    bytes += name.size() + text->size();
    out.emplace(name, *std::move(text));
  }
  if (bytes > kMostAnnotationsBytes) findings.fault(*annotations, "must have at most 256 KiB in all");
  return out;
}

std::map<std::string, std::string> read_labels(Findings& findings, const Node& metadata) {
  std::map<std::string, std::string> out;
  const auto labels = metadata.member("labels");
  if (!labels || !findings.is_object(*labels)) return out;
  for (const auto& [name, node] : labels->members()) {
    if (auto fault = metadata_key_fault(name)) findings.fault_at_key(node, "its name " + *fault);
    if (name.starts_with("marea.dev/")) {
      findings.fault_at_key(node, "has no effect as a label; marea's settings are annotations");
    }
    auto text = findings.text(node);
    if (!text) continue;
    if (auto fault = label_value_fault(*text)) findings.fault(node, *fault);
    if (name == "networking.knative.dev/visibility") {
      apply_treatment(findings, node, Treatment::notice, "whoever reaches marea's HTTP address can call the service");
    }
    out.emplace(name, *std::move(text));
  }
  return out;
}

Settings read_settings(Findings& findings, const Node& metadata, Level level) {
  Settings out;
  const auto annotations = metadata.member("annotations");
  if (!annotations) return out;
  out.idle_timeout = idle_timeout(findings, *annotations);
  out.egress =
      word<Egress>(findings, *annotations, "marea.dev/egress",
                   std::array<std::pair<std::string_view, Egress>, 3>{
                       {{"internet", Egress::internet}, {"channels", Egress::channels}, {"none", Egress::none}}});
  out.capabilities = word<CapabilitySet>(findings, *annotations, "marea.dev/capabilities",
                                         std::array<std::pair<std::string_view, CapabilitySet>, 2>{
                                             {{"ordinary", CapabilitySet::ordinary}, {"none", CapabilitySet::none}}});
  if (level == Level::service) {
    out.hosts = hosts(findings, *annotations);
    out.rate_limit = rate_limit(findings, *annotations);
    out.release_policy = release_policy(findings, *annotations);
    check_sticky(findings, *annotations);
    if (text_of(*annotations, kMatchAnnotation)) {
      out.match_rules = read_match_rules(findings, *annotations->member(kMatchAnnotation));
    }
  } else {
    check_secret_aliases(findings, *annotations);
    out.rollback_until = rollback_until(findings, *annotations);
    out.cpu_throttling = flag(findings, *annotations, "run.googleapis.com/cpu-throttling");
    out.startup_cpu_boost = flag(findings, *annotations, "run.googleapis.com/startup-cpu-boost");
    out.session_affinity = flag(findings, *annotations, "run.googleapis.com/sessionAffinity");
    out.scale = read_scale(findings, *annotations);
  }
  return out;
}

}  // namespace marea::model
