// The containers of a template together: which one gets the requests, what they are called, who starts after whom.
#include <algorithm>
#include <set>

#include "model/readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

constexpr std::string_view kDependencies = "run.googleapis.com/container-dependencies";

bool has_ports(const Node& container) {
  const auto ports = container.member("ports");
  return ports && ports->value->is_array() && !ports->value->empty();
}

void check_probe_port(Findings& findings, const Node& container, std::string_view name, const Probe& probe) {
  const auto node = container.member(name);
  if (!node || probe.port != 0) return;
  findings.fault(*node, "must name its port: only the container with ports has one that a probe can leave out");
}

// Of the containers, the first with ports; what is wrong with the others' is told.
std::size_t ingress_of(Findings& findings, const Node& list, const std::vector<Node>& all) {
  const auto first = std::ranges::find_if(all, has_ports);
  if (first == all.end()) {
    if (all.size() > 1) {
      findings.fault(list,
                     "must have one container with ports, the one that gets the requests; add ports: "
                     "[{containerPort: 8080}] to it");
    }
    return 0;
  }
  for (auto other = first + 1; other != all.end(); ++other) {
    if (has_ports(*other)) {
      findings.fault(*other->member("ports"),
                     "must not be there: only one container gets requests, and " + first->path + " has ports already");
    }
  }
  return static_cast<std::size_t>(first - all.begin());
}

void name_containers(Findings& findings, const std::vector<Node>& all, std::vector<Container>& containers) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string& name = containers[i].name;
    if (!name.empty() && !names.insert(name).second) {
      findings.fault(*all[i].member("name"), in_quotes(name) + " is there twice; give it another name");
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string& name = containers[i].name;
    if (name.empty()) name = "user-container-" + std::to_string(i);
    while (!all[i].member("name") && !names.insert(name).second) name += "-x";
  }
}

Container* find_container(Template& out, const std::string& name) {
  if (name.empty()) return nullptr;
  if (out.container.name == name) return &out.container;
  const auto found = std::ranges::find(out.sidecars, name, &Container::name);
  return found == out.sidecars.end() ? nullptr : &*found;
}

std::string unknown_container(const Template& out, const std::string& name) {
  std::vector<std::string_view> known = {out.container.name};
  for (const Container& sidecar : out.sidecars) known.push_back(sidecar.name);
  return in_quotes(name) + " is no container of this template" + did_you_mean(name, known);
}

// "a -> b -> a"; empty when there is none.
std::string cycle_from(Template& out, const std::string& name, std::vector<std::string>& way,
                       std::set<std::string>& done) {
  const auto seen = std::ranges::find(way, name);
  if (seen != way.end()) {
    std::string text;
    for (auto each = seen; each != way.end(); ++each) text += *each + " -> ";
    return text + name;
  }
  const Container* container = find_container(out, name);
  if (container == nullptr || done.contains(name)) return {};
  way.push_back(name);
  for (const std::string& before : container->starts_after) {
    if (std::string cycle = cycle_from(out, before, way, done); !cycle.empty()) return cycle;
  }
  way.pop_back();
  done.insert(name);
  return {};
}

void check_cycles(Findings& findings, const Node& node, Template& out) {
  std::vector<std::string> names = {out.container.name};
  for (const Container& sidecar : out.sidecars) names.push_back(sidecar.name);
  std::set<std::string> done;
  for (const std::string& name : names) {
    std::vector<std::string> way;
    if (const std::string cycle = cycle_from(out, name, way, done); !cycle.empty()) {
      findings.fault(node, "has a cycle, in which nobody could start first: " + cycle);
      return;
    }
  }
}

// One member: {"app": ["proxy"]}.
void read_dependency(Findings& findings, const Node& node, const std::string& name, const Json& list, Template& out) {
  Container* const container = find_container(out, name);
  if (container == nullptr) findings.fault(node, unknown_container(out, name));
  if (!list.is_array()) {
    findings.fault(node, "must have a list of names for " + in_quotes(name) + ", has " + std::string(kind_of(list)));
    return;
  }
  for (const Json& each : list) {
    if (!each.is_string()) {
      findings.fault(node,
                     "must have names of containers for " + in_quotes(name) + ", one " + std::string(kind_of(each)));
      continue;
    }
    const std::string& before = each.get_ref<const std::string&>();
    if (before == name) {
      findings.fault(node, in_quotes(name) + " cannot start after itself");
    } else if (find_container(out, before) == nullptr) {
      findings.fault(node, unknown_container(out, before));
    } else if (container != nullptr &&
               std::ranges::find(container->starts_after, before) == container->starts_after.end()) {
      container->starts_after.push_back(before);
    }
  }
}

}  // namespace

void read_containers(Findings& findings, const Node& list, Template& out) {
  if (!findings.is_list(list)) return;
  const std::vector<Node> all = list.elements();
  if (all.empty()) {
    findings.fault(list, "must have one container, has none");
    return;
  }
  if (all.size() > kMostContainers) {
    findings.fault(all[kMostContainers],
                   "is one too many: an instance has at most " + std::to_string(kMostContainers) + " containers");
    return;
  }
  std::vector<Container> containers;
  for (const Node& node : all) {
    containers.push_back(read_container(findings, node));
    const auto mounts = node.member("volumeMounts");
    if (mounts) containers.back().mounts = read_volume_mounts(findings, *mounts, out.volumes);
  }
  const std::size_t ingress = ingress_of(findings, list, all);
  if (all.size() > 1) name_containers(findings, all, containers);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == ingress) {
      out.container = std::move(containers[i]);
      continue;
    }
    Container& sidecar = containers[i];
    sidecar.port = 0;
    check_probe_port(findings, all[i], "startupProbe", sidecar.startup);
    if (sidecar.liveness) check_probe_port(findings, all[i], "livenessProbe", *sidecar.liveness);
    if (sidecar.readiness) check_probe_port(findings, all[i], "readinessProbe", *sidecar.readiness);
    out.sidecars.push_back(std::move(sidecar));
  }
}

void read_dependencies(Findings& findings, const Node& annotations, Template& out) {
  const auto node = annotations.member(kDependencies);
  if (!node || !node->value->is_string()) return;  // that it is no text has been said
  const Json value = Json::parse(node->value->get_ref<const std::string&>(), nullptr, false);
  if (!value.is_object()) {
    const std::string what = value.is_discarded() ? "is no JSON" : std::string(kind_of(value));
    findings.fault(*node, "must be a JSON object such as {\"app\":[\"proxy\"]}: app starts after proxy; it " + what);
    return;
  }
  for (const auto& [name, list] : value.items()) read_dependency(findings, *node, name, list, out);
  check_cycles(findings, *node, out);
}

}  // namespace marea::model
