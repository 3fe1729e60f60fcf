// The kinds of Kubernetes objects that the API shows, one row each: discovery, lists, tables and the OpenAPI documents
// are made from it. Configurations and routes are parts of services, pods are instances, events are what services and
// revisions went through.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace marea::api {

enum class Kind : std::uint8_t {
  service,
  configuration,
  route,
  revision,
  pod,
  event,
  name_space,
  release,
  release_policy,
  experiment
};

inline constexpr std::string_view kServingGroup = "serving.knative.dev";
inline constexpr std::string_view kOwnGroup = "marea.dev";
// Of all that belongs to a service.
inline constexpr const char* kServiceLabel = "serving.knative.dev/service";

struct KindInfo {
  Kind kind;
  std::string_view group;  // empty: Kubernetes' own, "core"
  std::string_view plural;
  std::string_view singular;
  std::string_view name;  // as in "kind"
  std::string_view short_name;
  std::string_view categories;  // words
  std::string_view verbs;       // words
  bool namespaced = true;

  bool can(std::string_view verb) const {
    return (" " + std::string(verbs) + " ").contains(" " + std::string(verb) + " ");
  }
  std::string api_version() const { return group.empty() ? "v1" : std::string(group) + "/v1"; }
  // "services.serving.knative.dev": how messages name it.
  std::string resource() const { return std::string(plural) + (group.empty() ? "" : "." + std::string(group)); }
};

// In the order of Kind.
inline constexpr std::array kKinds = {
    KindInfo{Kind::service, kServingGroup, "services", "service", "Service", "ksvc", "all knative serving",
             "create delete deletecollection get list patch update watch"},
    KindInfo{Kind::configuration, kServingGroup, "configurations", "configuration", "Configuration", "cfg",
             "all knative serving", "get list watch"},
    KindInfo{Kind::route, kServingGroup, "routes", "route", "Route", "rt", "all knative serving", "get list watch"},
    KindInfo{Kind::revision, kServingGroup, "revisions", "revision", "Revision", "rev", "all knative serving",
             "delete deletecollection get list watch"},
    KindInfo{Kind::pod, "", "pods", "pod", "Pod", "po", "all", "delete deletecollection get list watch"},
    KindInfo{Kind::event, "", "events", "event", "Event", "ev", "", "get list watch"},
    KindInfo{Kind::name_space, "", "namespaces", "namespace", "Namespace", "ns", "", "get list", false},
    KindInfo{Kind::release, kOwnGroup, "releases", "release", "Release", "rel", "marea", "get list watch"},
    KindInfo{Kind::release_policy, kOwnGroup, "releasepolicies", "releasepolicy", "ReleasePolicy", "rpol", "marea",
             "create delete deletecollection get list patch update watch"},
    KindInfo{Kind::experiment, kOwnGroup, "experiments", "experiment", "Experiment", "exp", "marea",
             "create delete deletecollection get list patch update watch"},
};

constexpr const KindInfo& info(Kind kind) {
  return kKinds.at(static_cast<std::size_t>(kind));
}

}  // namespace marea::api
