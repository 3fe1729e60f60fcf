#include "app/cli_manifest.h"

#include <algorithm>

namespace marea::app {
namespace {

Json& member(Json& parent, const char* key, const Json& otherwise) {
  Json& value = parent[key];
  if (value.type() != otherwise.type()) value = otherwise;
  return value;
}

Json& object(Json& parent, const char* key) {
  return member(parent, key, Json::object());
}

// The first element, which is made when there is none.
Json& first(Json& parent, const char* key) {
  Json& array = member(parent, key, Json::array());
  if (array.empty() || !array[0].is_object()) array = Json::array({Json::object()});
  return array[0];
}

void set_env(Json& container, const std::vector<std::pair<std::string, std::string>>& env) {
  if (env.empty()) return;
  Json& list = member(container, "env", Json::array());
  for (const auto& [name, value] : env) {
    const auto found = std::ranges::find_if(list, [&](const Json& entry) { return text_at(entry, {"name"}) == name; });
    const Json entry = {{"name", name}, {"value", value}};
    if (found == list.end()) {
      list.push_back(entry);
    } else {
      *found = entry;
    }
  }
}

// Knative spells these annotations in two ways; only one may be there.
void set_scale(Json& revision_template, const char* key, const char* other, std::optional<std::int64_t> value) {
  if (!value) return;
  Json& annotations = object(object(revision_template, "metadata"), "annotations");
  annotations.erase(other);
  annotations[key] = std::to_string(*value);
}

// Of several containers, the one with ports: it gets the requests.
Json& ingress_container(Json& spec) {
  Json& front = first(spec, "containers");
  const auto has_ports = [](const Json& each) { return each.contains("ports") && !each["ports"].empty(); };
  const auto found = std::ranges::find_if(spec["containers"], has_ports);
  return found == spec["containers"].end() ? front : *found;
}

void change_container(Json& container, const ServiceSettings& settings) {
  if (settings.image) container["image"] = *settings.image;
  if (settings.port) first(container, "ports")["containerPort"] = *settings.port;
  set_env(container, settings.env);
  if (!settings.command.empty()) container["command"] = settings.command;
  if (!settings.args.empty()) container["args"] = settings.args;
  if (settings.cpu) object(object(container, "resources"), "limits")["cpu"] = *settings.cpu;
  if (settings.memory) object(object(container, "resources"), "limits")["memory"] = *settings.memory;
}

void set_source(Json& revision_template, const std::optional<GitSource>& source) {
  if (!source && find(revision_template, {"metadata", "annotations"}) == nullptr) return;
  Json& annotations = object(object(revision_template, "metadata"), "annotations");
  for (const char* key : {kSourceCommit, kSourceBranch, kSourceModified}) annotations.erase(key);
  if (!source) return;
  annotations[kSourceCommit] = source->commit;
  if (!source->branch.empty()) annotations[kSourceBranch] = source->branch;
  annotations[kSourceModified] = source->dirty ? "true" : "false";
}

}  // namespace

ServiceSettings settings_of(const Arguments& arguments) {
  return {.port = arguments.number("--port"),
          .env = arguments.pairs("--env"),
          .concurrency = arguments.number("--concurrency"),
          .min_scale = arguments.number("--min-scale"),
          .max_scale = arguments.number("--max-scale"),
          .cpu = arguments.text("--cpu"),
          .memory = arguments.text("--memory"),
          .timeout_seconds = arguments.number("--timeout"),
          .idle_timeout = arguments.text("--idle-timeout"),
          .release_policy = arguments.text("--release-policy"),
          .command = arguments.all("--command"),
          .args = arguments.all("--args")};
}

Json new_service(const std::string& name) {
  return {{"apiVersion", "serving.knative.dev/v1"},
          {"kind", "Service"},
          {"metadata", {{"name", name}}},
          {"spec", {{"template", {{"spec", {{"containers", Json::array({Json::object()})}}}}}}}};
}

void change_service(Json& service, const ServiceSettings& settings) {
  service.erase("status");
  if (settings.release_policy) {
    object(object(service, "metadata"), "annotations")[kReleasePolicyKey] = *settings.release_policy;
  }
  Json& revision = object(object(service, "spec"), "template");
  if (revision.contains("metadata") && revision["metadata"].is_object()) revision["metadata"].erase("name");
  // Before anything is referred to: a member that is added moves the others.
  if (settings.image) set_source(revision, settings.source);
  Json& spec = object(revision, "spec");
  change_container(ingress_container(spec), settings);
  if (settings.concurrency) spec["containerConcurrency"] = *settings.concurrency;
  if (settings.timeout_seconds) spec["timeoutSeconds"] = *settings.timeout_seconds;
  set_scale(revision, "autoscaling.knative.dev/minScale", "autoscaling.knative.dev/min-scale", settings.min_scale);
  set_scale(revision, "autoscaling.knative.dev/maxScale", "autoscaling.knative.dev/max-scale", settings.max_scale);
  if (!settings.nonce.empty()) {
    object(object(revision, "metadata"), "labels")["client.knative.dev/nonce"] = settings.nonce;
  }
  if (settings.idle_timeout) {
    object(object(revision, "metadata"), "annotations")["marea.dev/idle-timeout"] = *settings.idle_timeout;
  }
}

}  // namespace marea::app
