#include <algorithm>

#include "model/names.h"
#include "model/quantity.h"
#include "model/readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

bool is_digest(std::string_view text) {
  constexpr std::string_view kSha256 = "sha256:";
  return text.starts_with(kSha256) && text.size() == kSha256.size() + 64 &&
         text.find_first_not_of("0123456789abcdef", kSha256.size()) == std::string_view::npos;
}

std::string read_image(Findings& findings, const Node& container) {
  const auto node = container.member("image");
  if (!node) {
    findings.missing(container, "image", "what to run, such as oci:./app");
    return {};
  }
  const auto text = findings.text(*node);
  if (!text) return {};
  const bool spaces =
      std::ranges::any_of(*text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; });
  const std::size_t at = text->rfind('@');
  if (text->empty() || text->size() > kMostImageBytes || spaces) {
    findings.fault(*node, "must be a reference to an image: not empty, without spaces, at most 4096 characters");
  } else if (*text == "oci:") {
    findings.fault(*node, "must name a folder after oci:, such as oci:./app");
  } else if (at != std::string::npos && !is_digest(std::string_view(*text).substr(at + 1))) {
    findings.fault(*node, "must have sha256: and 64 hexadecimal digits after the @");
  }
  return *text;
}

// The port and its name.
std::pair<std::uint16_t, std::string> read_ports(Findings& findings, const Node& container) {
  std::pair<std::uint16_t, std::string> out{kDefaultPort, {}};
  const auto list = container.member("ports");
  if (!list || !findings.is_list(*list)) return out;
  const std::vector<Node> ports = list->elements();
  if (ports.size() > 1) findings.fault(ports[1], "must not be there: a container has one port");
  for (const Node& port : ports) {
    if (!check_fields(findings, port, ObjectKind::port)) continue;
    if (const auto number = port.member("containerPort")) {
      out.first = static_cast<std::uint16_t>(findings.integer(*number, 1, 65535).value_or(kDefaultPort));
    }
    if (const auto protocol = port.member("protocol")) {
      const auto text = findings.text(*protocol);
      if (text && *text != "TCP") findings.fault(*protocol, "must be TCP, is " + in_quotes(*text));
    }
    const auto name = port.member("name");
    const auto text = name ? findings.text(*name) : std::nullopt;
    if (!text) continue;
    if (*text == "h2c") {
      apply_treatment(findings, *name, Treatment::blocks, "instances are spoken to in HTTP/1.1; use http1");
    } else if (!text->empty() && *text != "http1") {
      findings.fault(*name, "must be http1 or h2c, is " + in_quotes(*text));
    }
    out.second = *text;
  }
  return out;
}

// A quantity may be written as a number: "cpu: 1".
std::optional<std::string> quantity_text(Findings& findings, const Node& node) {
  if (node.value->is_number()) return node.value->dump();
  return findings.text(node);
}

void read_limits(Findings& findings, const Node& limits, Limits& out) {
  if (!check_fields(findings, limits, ObjectKind::limits)) return;
  if (const auto memory = limits.member("memory")) {
    const auto text = quantity_text(findings, *memory);
    const auto bytes = text ? parse_bytes(*text) : std::unexpected(std::string());
    if (bytes && *bytes < kLeastMemoryBytes) {
      const bool milli = text->ends_with('m');
      findings.fault(
          *memory, "must be at least 16Mi, is " + in_quotes(*text) + (milli ? "; m is a thousandth, M a million" : ""));
    } else if (bytes) {
      out.memory_bytes = *bytes;
    } else if (text) {
      findings.fault(*memory, bytes.error() + "; is " + in_quotes(*text));
    }
  }
  if (const auto cpu = limits.member("cpu")) {
    const auto text = quantity_text(findings, *cpu);
    const auto milli = text ? parse_milli_cpu(*text) : std::unexpected(std::string());
    if (milli) {
      out.milli_cpu = *milli;
    } else if (text) {
      findings.fault(*cpu, milli.error() + "; is " + in_quotes(*text));
    }
  }
}

std::vector<std::string> read_arguments(Findings& findings, const Node& container, std::string_view name) {
  const auto list = container.member(name);
  if (!list) return {};
  std::vector<std::string> out = findings.texts(*list);
  if (out.size() > kMostArguments)
    findings.fault(*list, "must have at most " + std::to_string(kMostArguments) + " elements");
  return out;
}

}  // namespace

Container read_container(Findings& findings, const Node& node) {
  Container out;
  if (!check_fields(findings, node, ObjectKind::container)) return out;
  if (const auto name = node.member("name")) {
    out.name = findings.text(*name).value_or("");
    if (auto fault = out.name.empty() ? std::nullopt : label_fault(out.name)) findings.fault(*name, *fault);
  }
  out.image = read_image(findings, node);
  out.command = read_arguments(findings, node, "command");
  out.args = read_arguments(findings, node, "args");
  read_environment(findings, node, out);
  if (const auto dir = node.member("workingDir")) {
    out.working_dir = findings.text(*dir).value_or("");
    if (!out.working_dir.empty() && (out.working_dir[0] != '/' || out.working_dir.size() > kMostPathBytes)) {
      findings.fault(*dir, "must be an absolute path, such as /app");
    }
  }
  const auto [port, port_name] = read_ports(findings, node);
  out.port = port;
  if (const auto resources = node.member("resources");
      resources && check_fields(findings, *resources, ObjectKind::resources)) {
    if (const auto limits = resources->member("limits")) read_limits(findings, *limits, out.limits);
  }
  if (const auto probe = node.member("startupProbe")) {
    out.startup = read_probe(findings, *probe, ProbeUse::startup, port_name);
  }
  if (const auto probe = node.member("livenessProbe")) {
    out.liveness = read_probe(findings, *probe, ProbeUse::liveness, port_name);
  }
  if (const auto probe = node.member("readinessProbe")) {
    out.readiness = read_probe(findings, *probe, ProbeUse::readiness, port_name);
  }
  if (const auto security = node.member("securityContext");
      security && check_fields(findings, *security, ObjectKind::security)) {
    if (const auto user = security->member("runAsUser")) out.run_as_user = findings.integer(*user, 0, kMostUserId);
  }
  return out;
}

}  // namespace marea::model
