#include "api/objects.h"

#include <string_view>
#include <utility>

#include "base/log.h"
#include "model/release_policy.h"

namespace marea::api {
namespace {

constexpr const char* kServing = "serving.knative.dev/v1";
constexpr const char* kErrorCode = "marea.dev/error-code";
constexpr const char* kLastKnownStable = "marea.dev/last-known-stable";

Json condition_object(const control::Condition& condition) {
  Json out = {{"type", condition.type}, {"status", control::to_string(condition.status)}};
  if (condition.since_unix_ns != 0) out["lastTransitionTime"] = base::rfc3339(condition.since_unix_ns);
  if (!condition.reason.empty()) out["reason"] = condition.reason;
  if (!condition.message.empty()) out["message"] = condition.message;
  return out;
}

Json conditions_array(const std::vector<control::Condition>& conditions) {
  Json out = Json::array();
  for (const control::Condition& condition : conditions) out.push_back(condition_object(condition));
  return out;
}

// The document as the user gave it; stored text was parsed before it was stored.
Json document_of(const std::string& text) {
  Json document = Json::parse(text, nullptr, false);
  return document.is_object() ? document : Json::object();
}

Json traffic_array(const control::ServiceState& service, const control::ServiceStatus& status, const Front& front) {
  Json out = Json::array();
  const auto& targets = service.record.service.traffic;
  for (const model::RouteShare& share : status.shares) {
    const bool latest = share.revision.str() == status.latest_ready;
    Json target = {{"revisionName", share.revision.str()}, {"percent", model::weight_number(share.weight)}};
    for (const model::TrafficTarget& wanted : targets) {
      if (wanted.latest ? latest : wanted.revision == share.revision.str()) {
        target["latestRevision"] = wanted.latest;
        break;
      }
    }
    if (share.weight == 0) continue;  // only its tag names it
    if (!service.record.service.hosts.empty()) target["url"] = front.url(service.record.service.hosts.front());
    out.push_back(std::move(target));
  }
  for (const model::TrafficTarget& wanted : targets) {
    if (wanted.tag.empty()) continue;
    const std::string url = front.url(model::tag_host(service.record.service.name, wanted.tag));
    out.push_back({{"revisionName", wanted.latest ? status.latest_ready : wanted.revision},
                   {"latestRevision", wanted.latest},
                   {"tag", wanted.tag},
                   {"url", url}});
  }
  return out;
}

Json annotations_with(Json annotations, const std::string& error_code) {
  if (!annotations.is_object()) annotations = Json::object();
  if (!error_code.empty()) annotations[kErrorCode] = error_code;
  return annotations;
}

Json member(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) ? object[name] : Json();
}

}  // namespace

std::string Front::url(const std::string& host) const {
  return "http://" + host + (http_port == 80 ? "" : ":" + std::to_string(http_port));
}

Json desired_object(const store::ServiceRecord& record) {
  Json object = document_of(record.document);
  Json& metadata = object["metadata"];
  metadata["name"] = record.service.name.str();
  metadata["namespace"] = "default";
  metadata["uid"] = record.uid;
  metadata["resourceVersion"] = std::to_string(record.resource_version);
  metadata["generation"] = record.generation;
  metadata["creationTimestamp"] = base::rfc3339(record.created_unix_ns);
  return object;
}

Json service_object(const control::Control& control, const control::ServiceState& service, const Front& front) {
  const store::ServiceRecord& record = service.record;
  const control::ServiceStatus status = control.status(service);
  Json object = desired_object(record);
  Json shown = {{"observedGeneration", status.observed_generation}};
  if (!record.service.hosts.empty()) {
    shown["url"] = front.url(record.service.hosts.front());
    shown["address"] = {{"url", shown["url"]}};
  }
  if (!status.latest_created.empty()) shown["latestCreatedRevisionName"] = status.latest_created;
  if (!status.latest_ready.empty()) shown["latestReadyRevisionName"] = status.latest_ready;
  shown["traffic"] = traffic_array(service, status, front);
  shown["conditions"] = conditions_array(status.conditions);
  Json annotations = annotations_with(Json::object(), status.error_code);
  if (const base::RevisionName stable = control.last_known_stable(record.service.name); !stable.empty()) {
    annotations[kLastKnownStable] = stable.str();
  }
  if (!annotations.empty()) shown["annotations"] = annotations;
  object["status"] = std::move(shown);
  return object;
}

std::vector<ShownContainer> shown_containers(const model::Revision& revision) {
  const model::Container& app = revision.spec.container;
  std::vector<ShownContainer> out = {
      {.name = app.name.empty() ? "user-container" : app.name, .image = app.image, .digest = revision.image.digest}};
  for (std::size_t i = 0; i < revision.spec.sidecars.size(); ++i) {
    const model::Container& each = revision.spec.sidecars[i];
    const bool resolved = i < revision.sidecar_images.size();
    out.push_back({.name = each.name,
                   .image = each.image,
                   .digest = resolved ? revision.sidecar_images[i].digest : std::string(),
                   .sidecar = true});
  }
  return out;
}

Json revision_object(const control::Control& control, const control::ServiceState& service,
                     const control::RevisionState& revision) {
  const store::RevisionRecord& record = revision.record;
  const control::RevisionStatus status = control.status(service, revision);
  const std::string owner = record.revision.service.str();
  const Json document = document_of(record.document);
  const Json pattern = member(member(document, "spec"), "template");
  const Json given = member(pattern, "metadata");
  Json labels = member(given, "labels");
  if (!labels.is_object()) labels = Json::object();
  labels["serving.knative.dev/service"] = owner;
  labels["serving.knative.dev/configuration"] = owner;
  labels["serving.knative.dev/configurationGeneration"] = std::to_string(record.revision.generation);
  Json annotations = member(given, "annotations");
  if (!annotations.is_object()) annotations = Json::object();
  Json shown = {{"observedGeneration", 1},
                {"conditions", conditions_array(status.conditions)},
                {"actualReplicas", status.actual_replicas},
                {"desiredReplicas", status.desired_replicas}};
  for (const ShownContainer& each : shown_containers(record.revision)) {
    if (each.digest.empty()) continue;
    const std::string image = each.image.substr(0, each.image.find('@')) + "@" + each.digest;
    shown["containerStatuses"].push_back({{"name", each.name}, {"imageDigest", image}});
  }
  if (!status.error_code.empty()) shown["annotations"] = {{kErrorCode, status.error_code}};
  return {{"apiVersion", kServing},
          {"kind", "Revision"},
          {"metadata",
           {{"name", record.revision.name.str()},
            {"namespace", "default"},
            {"uid", record.uid},
            {"resourceVersion", std::to_string(record.resource_version)},
            {"generation", 1},
            {"creationTimestamp", base::rfc3339(record.revision.created_unix_ns)},
            {"labels", std::move(labels)},
            {"annotations", std::move(annotations)}}},
          {"spec", member(pattern, "spec")},
          {"status", std::move(shown)}};
}

Json instance_object(const control::InstanceEntry& instance) {
  const model::InstanceReport& report = instance.report;
  Json object = {
      {"apiVersion", "marea.dev/v1"},
      {"kind", "Instance"},
      {"metadata", {{"name", report.id.str()}, {"creationTimestamp", base::rfc3339(report.created_unix_ns)}}},
      {"name", report.id.str()},
      {"service", report.service.str()},
      {"revision", report.revision.str()},
      {"state", control::state_of(instance)},
      {"since", base::rfc3339(report.since_unix_ns)},
      {"in_flight", instance.in_flight}};
  if (report.reason != model::Reason::none) object["reason"] = model::to_string(report.reason);
  if (!report.detail.empty()) object["detail"] = report.detail;
  if (instance.unready) {
    object["reason"] = model::to_string(model::Reason::readiness_probe_failed);
    object["detail"] = *instance.unready;
  }
  if (!report.container.empty()) object["container"] = report.container;
  if (report.exit) {
    object["exit"] = {
        {"code", report.exit->code}, {"signal", report.exit->signal}, {"outOfMemory", report.exit->out_of_memory}};
  }
  if (!report.listening.empty()) {
    Json sockets = Json::array();
    for (const model::ListeningSocket& socket : report.listening) {
      sockets.push_back({{"address", socket.address}, {"port", socket.port}});
    }
    object["listening"] = std::move(sockets);
  }
  if (report.peak_memory_bytes > 0) object["peak_memory_bytes"] = report.peak_memory_bytes;
  return object;
}

Json list_object(const std::string& api_version, const std::string& kind, std::uint64_t resource_version,
                 std::vector<Json> items) {
  return {{"apiVersion", api_version},
          {"kind", kind + "List"},
          {"metadata", {{"resourceVersion", std::to_string(resource_version)}}},
          {"items", std::move(items)}};
}

}  // namespace marea::api
