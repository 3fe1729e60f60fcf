// What the API shows: services and revisions as Knative prints them, instances as docs/api.md says. Pure functions of
// control's state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/errors.h"
#include "control/control.h"

namespace marea::api {

// How a service is reached from outside.
struct Front {
  std::uint16_t http_port = 80;
  // "http://NAME.localhost:8080"; without the port where it is 80.
  std::string url(const std::string& host) const;
};

Json service_object(const control::Control& control, const control::ServiceState& service, const Front& front);
Json revision_object(const control::Control& control, const control::ServiceState& service,
                     const control::RevisionState& revision);
Json instance_object(const control::InstanceEntry& instance);

// A container of a revision as its instances have it; `digest` is empty before its image is resolved.
struct ShownContainer {
  std::string name;  // "user-container" where the manifest gives none
  std::string image;
  std::string digest;
  bool sidecar = false;
};
// The one that gets the requests first.
std::vector<ShownContainer> shown_containers(const model::Revision& revision);

// Knative's Configuration and Route: two views of a service, made from its object.
Json configuration_object(const Json& service);
Json route_object(const Json& service);
// An instance as Kubernetes' Pod.
Json pod_object(const control::RevisionState& revision, const control::InstanceEntry& instance);

// Of a record alone: what is desired, without status.
Json desired_object(const store::ServiceRecord& record);

// {"apiVersion", "kind": KIND + "List", "metadata": {"resourceVersion"}, "items"}
Json list_object(const std::string& api_version, const std::string& kind, std::uint64_t resource_version,
                 std::vector<Json> items);

}  // namespace marea::api
