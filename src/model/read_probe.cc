#include "model/names.h"
#include "model/readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

// A number, or the name of the container's port; 0 is the container's port.
std::uint16_t read_port(Findings& findings, const Node& owner, std::string_view port_name) {
  const auto node = owner.member("port");
  if (!node) return 0;
  if (const auto* name = node->value->get_ptr<const std::string*>()) {
    if (!port_name.empty() && *name == port_name) return 0;
    findings.fault(*node, "must be a number, or the name of the container's port; is " + in_quotes(*name));
    return 0;
  }
  return static_cast<std::uint16_t>(findings.integer(*node, 0, 65535).value_or(0));
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view kToken =
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";  // RFC 9110, token
  return !name.empty() && name.find_first_not_of(kToken) == std::string_view::npos;
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

void read_headers(Findings& findings, const Node& list, Probe& probe) {
  if (!findings.is_list(list)) return;
  if (list.value->size() > kMostProbeHeaders) {
    findings.fault(list, "must have at most " + std::to_string(kMostProbeHeaders) + " headers");
    return;
  }
  for (const Node& element : list.elements()) {
    if (!check_fields(findings, element, ObjectKind::header)) continue;
    const auto name = element.member("name");
    const auto value = element.member("value");
    if (!name) findings.missing(element, "name", "the name of the header");
    const auto name_text = name ? findings.text(*name) : std::nullopt;
    const auto value_text = value ? findings.text(*value) : std::string();
    if (name_text && !is_header_name(*name_text)) findings.fault(*name, "must be the name of an HTTP header");
    if (value_text && has_control(*value_text)) findings.fault(*value, "must not contain control characters");
    if (name_text && value_text) probe.headers.emplace_back(*name_text, *value_text);
  }
}

void read_http(Findings& findings, const Node& node, std::string_view port_name, Probe& probe) {
  probe.kind = ProbeKind::http;
  if (!check_fields(findings, node, ObjectKind::http_get)) return;
  probe.port = read_port(findings, node, port_name);
  if (const auto path = node.member("path")) {
    const auto text = findings.text(*path);
    if (text &&
        (!text->starts_with('/') || text->find_first_of(" \t\r\n#") != std::string::npos || has_control(*text))) {
      findings.fault(*path, "must begin with / and have no spaces, such as /healthz");
    } else if (text) {
      probe.path = *text;
    }
  }
  if (const auto scheme = node.member("scheme")) {
    const auto text = findings.text(*scheme);
    if (text && lower_case(*text) == "https") {
      findings.fault(*scheme, "must be HTTP; instances are probed without TLS");
    } else if (text && lower_case(*text) != "http") {
      findings.fault(*scheme, "must be HTTP, is " + in_quotes(*text));
    }
  }
  if (const auto headers = node.member("httpHeaders")) read_headers(findings, *headers, probe);
}

// What is spoken to instances is HTTP/1.1, so that the health service cannot be asked yet.
void read_grpc(Findings& findings, const Node& node, std::string_view port_name, Probe& probe) {
  probe.kind = ProbeKind::grpc;
  if (!check_fields(findings, node, ObjectKind::grpc)) return;
  probe.port = read_port(findings, node, port_name);
  if (const auto service = node.member("service")) {
    probe.service = findings.text(*service).value_or("");
    if (probe.service.size() > kMostHostBytes || has_control(probe.service)) {
      findings.fault(*service, "must be the name of a gRPC service, at most 253 characters");
    }
  }
  findings.notice(node, "is kept; marea connects to the port and does not ask grpc.health.v1 yet");
}

std::int64_t most_seconds(ProbeUse use) {
  switch (use) {
    case ProbeUse::startup: return kMostStartupSeconds;
    case ProbeUse::liveness: return kMostLivenessSeconds;
    case ProbeUse::readiness: return kMostReadinessSeconds;
  }
  return kMostStartupSeconds;
}

void read_times(Findings& findings, const Node& node, ProbeUse use, Probe& probe) {
  const std::int64_t most = most_seconds(use);
  const auto read = [&](std::string_view name, std::int64_t least, std::int64_t fallback, std::int64_t bound) {
    const auto member = node.member(name);
    return member ? findings.integer(*member, least, bound).value_or(fallback) : fallback;
  };
  // Knative writes 0 where its own default is meant.
  const bool knative = use == ProbeUse::readiness;
  const auto or_default = [](std::int64_t value, std::int64_t fallback) { return value == 0 ? fallback : value; };
  const std::int64_t timeout = or_default(read("timeoutSeconds", knative ? 0 : 1, 1, most), 1);
  const std::int64_t period = or_default(read("periodSeconds", knative ? 0 : 1, 10, most), 10);
  const std::int64_t failures = or_default(read("failureThreshold", knative ? 0 : 1, 3, kMostProbeFailures), 3);
  const std::int64_t successes = or_default(read("successThreshold", 0, 1, kMostProbeFailures), 1);
  if (use != ProbeUse::readiness && successes != 1) {
    findings.fault(*node.member("successThreshold"),
                   "must be 1 for startup and liveness probes, is " + std::to_string(successes));
  }
  const std::int64_t most_delay = use == ProbeUse::startup ? kMostStartupSeconds : kMostLivenessSeconds;
  probe.initial_delay = std::chrono::seconds(read("initialDelaySeconds", 0, 0, most_delay));
  probe.timeout = std::chrono::seconds(timeout);
  probe.period = std::chrono::seconds(period);
  probe.failure_threshold = static_cast<int>(failures);
  probe.success_threshold = static_cast<int>(successes);
  if (timeout > period && knative) {  // there attempts may overlap
    findings.notice(
        node.member("timeoutSeconds").value_or(node),
        "exceeds periodSeconds; marea waits for an answer as long as periodSeconds, " + std::to_string(period) + " s");
    probe.timeout = probe.period;
  } else if (timeout > period) {
    findings.fault(node.member("timeoutSeconds").value_or(node),
                   "must not exceed periodSeconds (" + std::to_string(period) + "), is " + std::to_string(timeout));
  }
  if (use == ProbeUse::startup && period * failures > kMostStartupSeconds) {
    findings.fault(
        node, "periodSeconds x failureThreshold must not exceed 240 seconds, is " + std::to_string(period * failures));
  }
}

}  // namespace

Probe read_probe(Findings& findings, const Node& node, ProbeUse use, std::string_view port_name) {
  Probe probe;
  probe.declared = true;
  if (!check_fields(findings, node, ObjectKind::probe)) return probe;
  const auto http = node.member("httpGet");
  const auto tcp = node.member("tcpSocket");
  const auto grpc = node.member("grpc");
  if (http && tcp) findings.fault(*tcp, "contradicts httpGet; a probe has one of them");
  if (grpc && (http || tcp)) {
    findings.fault(*grpc, std::string("contradicts ") + (http ? "httpGet" : "tcpSocket") + "; a probe has one of them");
  }
  // Knative's readiness probe without any of them, {} included, connects.
  const bool may_be_empty = use == ProbeUse::readiness;
  if (!http && !tcp && !grpc && !node.member("exec") && !may_be_empty) {
    findings.fault(node, "must have httpGet, tcpSocket or grpc");
  }
  if (http) read_http(findings, *http, port_name, probe);
  if (tcp && check_fields(findings, *tcp, ObjectKind::tcp_socket)) probe.port = read_port(findings, *tcp, port_name);
  if (grpc) read_grpc(findings, *grpc, port_name, probe);
  read_times(findings, node, use, probe);
  return probe;
}

}  // namespace marea::model
