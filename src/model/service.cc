#include "model/service.h"

namespace marea::model {

std::string tag_host(const base::ServiceName& service, const std::string& tag) {
  return tag + "---" + service.str() + ".localhost";
}

std::vector<std::string> all_hosts(const Service& service) {
  std::vector<std::string> out = service.hosts;
  for (const TrafficTarget& target : service.traffic) {
    if (!target.tag.empty()) out.push_back(tag_host(service.name, target.tag));
  }
  return out;
}

Limits instance_limits(const Template& spec) {
  Limits out = spec.container.limits;
  for (const Container& sidecar : spec.sidecars) {
    out.memory_bytes += sidecar.limits.memory_bytes;
    out.milli_cpu += sidecar.limits.milli_cpu;
  }
  return out;
}

Duration sidecar_startup_time(const Template& spec) {
  Duration out{0};
  for (const Container& sidecar : spec.sidecars) {
    if (sidecar.startup.declared) out += sidecar.startup.deadline();
  }
  return out;
}

}  // namespace marea::model
