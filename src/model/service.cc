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

}  // namespace marea::model
