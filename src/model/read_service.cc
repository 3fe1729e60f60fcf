#include <algorithm>
#include <array>
#include <set>

#include "model/annotations.h"
#include "model/names.h"
#include "model/read_match.h"
#include "model/readers.h"
#include "model/release_policy.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

constexpr std::string_view kApiVersion = "serving.knative.dev/v1";
constexpr std::string_view kKind = "Service";

// Kinds that exist elsewhere, so that the message can be better than "unknown".
constexpr std::array<std::string_view, 7> kOtherKinds = {"Configuration", "Route",      "Revision", "DomainMapping",
                                                         "Job",           "WorkerPool", "Instance"};

std::optional<std::string> required_text(Findings& findings, const Node& node, std::string_view name,
                                         std::string_view what) {
  const auto member = node.member(name);
  if (member) return findings.text(*member);
  findings.missing(node, name, what);
  return std::nullopt;
}

// False when it is so different an object that its faults as a Service would say nothing.
bool check_kind(Findings& findings, const Node& node) {
  const auto version = required_text(findings, node, "apiVersion", kApiVersion);
  const auto kind = required_text(findings, node, "kind", kKind);
  if (version && *version != kApiVersion) {
    std::string message = "must be " + std::string(kApiVersion) + ", is " + in_quotes(*version);
    if (*version == "v1" && kind == kKind) message += ", which is Kubernetes' own Service";
    if (version->starts_with("marea.dev/")) message += "; kinds of marea.dev/v1 are no services";
    findings.fault(*node.member("apiVersion"), message);
  }
  if (kind && *kind != kKind) {
    std::string message = "must be " + std::string(kKind) + ", is " + in_quotes(*kind);
    const bool known = std::ranges::find(kOtherKinds, *kind) != kOtherKinds.end();
    message += known ? ", which is not supported; marea makes revisions and routes from Services"
                     : did_you_mean(*kind, {kKind});
    findings.fault(*node.member("kind"), message);
  }
  return (!kind || *kind == kKind) && (!version || version->starts_with("serving.knative.dev"));
}

// 0 with a fault.
Weight read_percent(Findings& findings, const Node& node) {
  if (const auto weight = weight_of_number(*node.value)) return *weight;
  std::string is(kind_of(*node.value));
  if (node.value->is_number()) is = "is " + node.value->dump();
  const auto* text = node.value->get_ptr<const std::string*>();
  if (text != nullptr && parse_weight(*text)) is += "; write it without quotes or %";
  findings.fault(node, "must be a number between 0 and 100 in steps of 0.01, " + is);
  return 0;
}

TrafficTarget read_target(Findings& findings, const Node& node, std::set<std::string>& tags) {
  TrafficTarget out;
  if (!check_fields(findings, node, ObjectKind::traffic)) return out;
  const auto revision = node.member("revisionName");
  const auto latest = node.member("latestRevision");
  out.revision = revision ? findings.text(*revision).value_or("") : "";
  const auto flag = latest ? findings.boolean(*latest) : std::nullopt;
  if (flag == true && !out.revision.empty()) {
    findings.fault(*latest, "contradicts revisionName; a target is the latest revision or a named one");
  } else if (flag == false && out.revision.empty()) {
    findings.missing(node, "revisionName", "latestRevision is false, so a revision must be named");
  } else if (auto fault = out.revision.empty() ? std::nullopt : label_fault(out.revision)) {
    findings.fault(*revision, *fault);
  }
  out.latest = out.revision.empty();
  if (const auto percent = node.member("percent")) {
    out.weight = read_percent(findings, *percent);
  }
  if (const auto tag = node.member("tag")) {
    out.tag = findings.text(*tag).value_or("");
    if (out.tag.empty()) return out;
    if (auto fault = label_fault(out.tag)) findings.fault(*tag, *fault);
    if (!tags.insert(out.tag).second)
      findings.fault(*tag, in_quotes(out.tag) + " is there twice; a tag has one target");
  }
  return out;
}

void read_metadata(Findings& findings, const Node& metadata, Service& out, Settings& settings) {
  if (!check_fields(findings, metadata, ObjectKind::metadata)) return;
  const auto name = required_text(findings, metadata, "name", "the name of the service");
  if (name) {
    if (auto fault = label_fault(*name)) findings.fault(*metadata.member("name"), *fault);
    out.name = base::ServiceName(*name);
  }
  out.labels = read_labels(findings, metadata);
  out.annotations = read_annotations(findings, metadata, Level::service);
  settings = read_settings(findings, metadata, Level::service);
}

// What the service says holds for its template, unless the template says otherwise.
void inherit(Template& out, const Settings& settings) {
  if (settings.idle_timeout && !out.annotations.contains("marea.dev/idle-timeout")) {
    out.idle_timeout = *settings.idle_timeout;
  }
  if (settings.egress && !out.annotations.contains("marea.dev/egress")) out.egress = *settings.egress;
  if (settings.capabilities && !out.annotations.contains("marea.dev/capabilities")) {
    out.capabilities = *settings.capabilities;
  }
}

}  // namespace

std::vector<TrafficTarget> read_traffic(Findings& findings, const Node& spec, const base::ServiceName& service) {
  std::vector<TrafficTarget> all_to_latest = {{.revision = {}, .latest = true, .weight = kWholeWeight, .tag = {}}};
  const auto traffic = spec.member("traffic");
  if (!traffic || !findings.is_list(*traffic) || traffic->value->empty()) return all_to_latest;
  if (traffic->value->size() > kMostTrafficTargets) {
    findings.fault(*traffic, "must have at most " + std::to_string(kMostTrafficTargets) + " targets");
  }
  std::vector<TrafficTarget> out;
  std::set<std::string> tags;
  Weight sum = 0;
  for (const Node& node : traffic->elements()) {
    out.push_back(read_target(findings, node, tags));
    const std::string host = tag_host(service, out.back().tag);
    if (!out.back().tag.empty() && host.find('.') > kMostLabelBytes) {
      findings.fault(*node.member("tag"), "makes the host " + host + ", whose first label is longer than " +
                                              std::to_string(kMostLabelBytes) + " characters");
    }
    sum += out.back().weight;
  }
  if (sum != kWholeWeight) {
    findings.fault(*traffic, "the percents must sum to 100, sum to " + weight_number(sum).dump());
  }
  return out;
}

Service read_service(Findings& findings, const Node& node) {
  Service out;
  if (!findings.is_object(node)) return out;
  if (!check_kind(findings, node)) return out;
  check_fields(findings, node, ObjectKind::service);
  Settings settings;
  if (const auto metadata = node.member("metadata")) {
    read_metadata(findings, *metadata, out, settings);
  } else {
    findings.missing(node, "metadata", "it has name, the name of the service");
  }
  const auto spec = node.member("spec");
  if (!spec) {
    findings.missing(node, "spec", "it has template, what to run");
  } else if (check_fields(findings, *spec, ObjectKind::service_spec)) {
    if (const auto revision = spec->member("template")) {
      out.revision_template = read_template(findings, *revision, out.name.str());
      inherit(out.revision_template, settings);
    } else {
      findings.missing(*spec, "template", "what to run");
    }
    out.traffic = read_traffic(findings, *spec, out.name);
    for (const TrafficTarget& target : out.traffic) {
      const std::string host = tag_host(out.name, target.tag);
      if (target.tag.empty() || std::ranges::find(settings.hosts, host) == settings.hosts.end()) continue;
      findings.fault(*node.member("metadata")->member("annotations")->member("marea.dev/hosts"),
                     "has " + host + ", which leads to the tag \"" + target.tag + "\"; leave it out");
    }
    if (!settings.match_rules.empty()) {
      const Node annotation = *node.member("metadata")->member("annotations")->member(kMatchAnnotation);
      check_match_tags(findings, annotation, settings.match_rules, out.traffic);
    }
  }
  out.hosts.push_back(out.name.str() + ".localhost");
  out.rate_limit = settings.rate_limit.value_or(RateLimit{});
  out.match_rules = std::move(settings.match_rules);
  out.release_policy = std::move(settings.release_policy);
  for (std::string& host : settings.hosts) {
    if (host != out.hosts.front()) out.hosts.push_back(std::move(host));
  }
  return out;
}

}  // namespace marea::model
