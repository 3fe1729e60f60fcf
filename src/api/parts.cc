// What Knative and Kubernetes show beside a service and its revisions: its Configuration and its Route, and instances
// as Pods.
#include <algorithm>
#include <string>
#include <utility>

#include "api/objects.h"
#include "base/log.h"

namespace marea::api {
namespace {

const Json& member_of(const Json& object, const char* name) {
  static const Json kNothing;
  return object.is_object() && object.contains(name) ? object[name] : kNothing;
}

// Objects made from one must not share its uid: each kind has another first digit.
std::string derived_uid(const std::string& uid, char digit) {
  std::string out = uid;
  if (!out.empty()) out[0] = out[0] == digit ? 'f' : digit;
  return out;
}

Json metadata_of(const Json& service, char uid_digit) {
  const Json& from = member_of(service, "metadata");
  const std::string name = from.value("name", std::string());
  const std::string uid = from.value("uid", std::string());
  Json labels = member_of(from, "labels").is_object() ? member_of(from, "labels") : Json::object();
  labels["serving.knative.dev/service"] = name;
  Json out = {{"name", name},
              {"namespace", "default"},
              {"uid", derived_uid(uid, uid_digit)},
              {"resourceVersion", member_of(from, "resourceVersion")},
              {"generation", member_of(from, "generation")},
              {"creationTimestamp", member_of(from, "creationTimestamp")},
              {"labels", std::move(labels)}};
  if (member_of(from, "annotations").is_object()) out["annotations"] = from["annotations"];
  out["ownerReferences"] = Json::array({{{"apiVersion", "serving.knative.dev/v1"},
                                         {"kind", "Service"},
                                         {"name", name},
                                         {"uid", uid},
                                         {"controller", true},
                                         {"blockOwnerDeletion", true}}});
  return out;
}

// The service's condition of that type as this kind's own "Ready".
Json ready_from(const Json& status, const char* type) {
  for (const Json& condition : member_of(status, "conditions")) {
    if (member_of(condition, "type") != type) continue;
    Json ready = condition;
    ready["type"] = "Ready";
    return Json::array({std::move(ready)});
  }
  return Json::array();
}

void copy(Json& to, const Json& from, const char* name) {
  if (from.is_object() && from.contains(name)) to[name] = from[name];
}

// `culprit`: the report's exit and detail are of this container.
Json container_state(const model::InstanceReport& report, bool culprit) {
  const std::string since = base::rfc3339(report.since_unix_ns);
  switch (report.state) {
    case model::InstanceState::running:
    case model::InstanceState::idle:
    case model::InstanceState::frozen:
    case model::InstanceState::draining: return {{"running", {{"startedAt", since}}}};
    case model::InstanceState::prepared:
    case model::InstanceState::starting: return {{"waiting", {{"reason", "ContainerCreating"}}}};
    case model::InstanceState::failed:
    case model::InstanceState::stopped: break;
  }
  constexpr int kOfSignals = 128;  // as shells count
  constexpr int kUnknown = 137;    // kubelet's, with that reason
  Json ended = {{"exitCode", kUnknown}, {"finishedAt", since}, {"reason", "ContainerStatusUnknown"}};
  if (!culprit || !report.exit) {
    ended["message"] = "how this container ended is not known";
    if (culprit && !report.detail.empty()) ended["message"] = report.detail;
    return {{"terminated", std::move(ended)}};
  }
  const model::ExitStatus& exit = *report.exit;
  ended["exitCode"] = exit.signal != 0 ? kOfSignals + exit.signal : exit.code;
  if (exit.signal != 0) ended["signal"] = exit.signal;
  ended["reason"] = exit.out_of_memory ? "OOMKilled" : exit == model::ExitStatus{} ? "Completed" : "Error";
  if (!report.detail.empty()) ended["message"] = report.detail;
  return {{"terminated", std::move(ended)}};
}

const char* phase_of(model::InstanceState state) {
  switch (state) {
    case model::InstanceState::prepared:
    case model::InstanceState::starting: return "Pending";
    case model::InstanceState::running:
    case model::InstanceState::idle:
    case model::InstanceState::frozen:
    case model::InstanceState::draining: return "Running";
    case model::InstanceState::failed: return "Failed";
    case model::InstanceState::stopped: return "Succeeded";
  }
  return "Unknown";
}

}  // namespace

Json configuration_object(const Json& service) {
  const Json& status = member_of(service, "status");
  Json shown = Json::object();
  copy(shown, status, "observedGeneration");
  copy(shown, status, "latestCreatedRevisionName");
  copy(shown, status, "latestReadyRevisionName");
  shown["conditions"] = ready_from(status, "ConfigurationsReady");
  return {{"apiVersion", "serving.knative.dev/v1"},
          {"kind", "Configuration"},
          {"metadata", metadata_of(service, 'c')},
          {"spec", {{"template", member_of(member_of(service, "spec"), "template")}}},
          {"status", std::move(shown)}};
}

Json route_object(const Json& service) {
  const Json& status = member_of(service, "status");
  Json traffic = member_of(member_of(service, "spec"), "traffic");
  if (!traffic.is_array() || traffic.empty()) traffic = Json::array({{{"latestRevision", true}, {"percent", 100}}});
  const std::string name = member_of(service, "metadata").value("name", std::string());
  for (Json& target : traffic) {
    if (!target.contains("revisionName")) target["configurationName"] = name;
  }
  Json shown = Json::object();
  for (const char* one : {"observedGeneration", "url", "address", "traffic"}) copy(shown, status, one);
  shown["conditions"] = ready_from(status, "RoutesReady");
  return {{"apiVersion", "serving.knative.dev/v1"},
          {"kind", "Route"},
          {"metadata", metadata_of(service, 'd')},
          {"spec", {{"traffic", std::move(traffic)}}},
          {"status", std::move(shown)}};
}

Json pod_object(const control::RevisionState& revision, const control::InstanceEntry& instance) {
  const model::InstanceReport& report = instance.report;
  const bool up = control::is_up(report.state) && !instance.unready;
  const std::int64_t since = std::max(report.since_unix_ns, instance.readiness_changed_unix_ns);
  Json ready = {{"type", "Ready"}, {"status", up ? "True" : "False"}, {"lastTransitionTime", base::rfc3339(since)}};
  if (instance.unready) {
    ready["reason"] = model::to_string(model::Reason::readiness_probe_failed);
    ready["message"] = *instance.unready;
  }
  Json containers = Json::array();
  Json statuses = Json::array();
  for (const ShownContainer& each : shown_containers(revision.record.revision)) {
    containers.push_back({{"name", each.name}, {"image", each.image}});
    statuses.push_back(
        {{"name", each.name},
         {"image", each.image},
         {"imageID", each.digest},
         {"ready", up},
         {"restartCount", 0},
         {"state", container_state(report, each.sidecar ? each.name == report.container : report.container.empty())}});
  }
  Json status = {{"phase", phase_of(report.state)},
                 {"startTime", base::rfc3339(report.created_unix_ns)},
                 {"conditions", Json::array({std::move(ready)})},
                 {"containerStatuses", std::move(statuses)}};
  if (report.reason != model::Reason::none) status["reason"] = model::to_string(report.reason);
  if (!report.detail.empty()) status["message"] = report.detail;
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", report.id.str()},
            {"namespace", "default"},
            {"uid", "instance-" + report.id.str()},
            {"resourceVersion", ""},
            {"creationTimestamp", base::rfc3339(report.created_unix_ns)},
            {"labels",
             {{"serving.knative.dev/service", report.service.str()},
              {"serving.knative.dev/configuration", report.service.str()},
              {"serving.knative.dev/revision", report.revision.str()}}}}},
          {"spec", {{"containers", std::move(containers)}}},
          {"status", std::move(status)}};
}

}  // namespace marea::api
