#include "api/api.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "api/methods.h"
#include "control/blob_upload.h"

namespace marea::api {
namespace {

// Accept is a list of ranges; parameters such as kubectl's ";as=Table" ask for another look of the same JSON.
bool takes_json(std::string_view accept) {
  while (!accept.empty()) {
    const std::string_view item = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(accept.size(), item.size() + 1));
    std::string_view range = item.substr(0, item.find(';'));
    while (!range.empty() && range.front() == ' ') range.remove_prefix(1);
    while (!range.empty() && range.back() == ' ') range.remove_suffix(1);
    if (range == "*/*" || range == "application/*" || range == "application/json" || range.ends_with("+json") ||
        range == "application/x-ndjson" || range == "text/plain") {
      return true;
    }
  }
  return false;
}

}  // namespace

net::HttpResponse wrong_method(const net::HttpRequest& head, std::string_view allowed) {
  net::HttpResponse response = failure(405, {.code = base::ErrorCode::invalid_argument,
                                             .what = head.method + " is not possible here",
                                             .why = "possible: " + std::string(allowed)});
  response.fields.emplace_back("Allow", allowed);
  return response;
}

Api::Api(World world)
    : world_(std::move(world)), views_(world_.loop, world_.control, world_.front, world_.most_changes) {
  std::error_code problem;
  for (const auto& left : std::filesystem::directory_iterator(world_.incoming, problem)) {
    std::error_code ignored;
    std::filesystem::remove_all(left.path(), ignored);
  }
  control::BlobUpload::remove_unfinished(world_.control.folders().blobs);
}

net::BodyPlan Api::route(const net::HttpRequest& head) {
  if (head.segments.size() == 1 && head.segments[0] == "metrics") return metrics(head);
  if (auto found = discovery(head)) return std::move(*found);
  if (const auto accept = head.field("Accept"); accept && !takes_json(*accept)) {
    return failure(406, {.code = base::ErrorCode::invalid_argument,
                         .what = "no answer in a form that the client accepts: " + std::string(*accept),
                         .why = "everything here is application/json",
                         .remedy = "Send Accept: application/json"});
  }
  const Segments& path = head.segments;
  if (path.size() >= 4 && path[0] == "apis" && path[2] == "v1") {
    const Segments rest(path.begin() + 3, path.end());
    std::optional<net::BodyPlan> plan;
    if (path[1] == kServingGroup) plan = objects(head, kServingGroup, rest);
    if (path[1] == kOwnGroup) plan = own(head, rest);
    if (plan) return std::move(*plan);
  }
  if (path.size() >= 3 && path[0] == "api" && path[1] == "v1") {
    if (auto plan = core(head, Segments(path.begin() + 2, path.end()))) return std::move(*plan);
  }
  if (path.size() == 1 && path[0] == "healthz") return health();
  return failure({.code = base::ErrorCode::not_found,
                  .what = "there is nothing at " + head.target,
                  .remedy = "docs/api.md lists what there is",
                  .more = "docs/api.md"});
}

std::optional<net::BodyPlan> Api::own(const net::HttpRequest& head, const Segments& whole) {
  if (auto plan = objects(head, kOwnGroup, whole)) return plan;
  const bool spaced = whole.size() >= 3 && whole[0] == "namespaces";
  const Segments path(whole.begin() + (spaced ? 2 : 0), whole.end());
  const std::string& kind = path[0];
  if (path.size() == 3 && kind == "releases") return move_release(head, path[1], path[2]);
  if (path.size() == 4 && kind == "releases" && path[2] == "gates") return answer_gate(head, path[1], path[3]);
  if (path.size() == 3 && kind == "experiments" && path[2] == "end") return end_experiment(head, path[1]);
  if (path.size() == 3 && kind == "services" && path[2] == "rollback") return roll_back(head, path[1]);
  if (path.size() == 1) {
    if (kind == "instances") return instances(head);
    if (kind == "images") return images(head);
    if (kind == "builds") return builds(head);
    if (kind == "logs") return logs(head);
    if (kind == "usage") return usage(head);
    if (kind == "whatran") return what_ran(head);
    if (kind == "disk") return disk(head);
    if (kind == "backup") return backup(head);
    if (kind == "kubeconfig") return kubeconfig(head);
    if (kind == "webhook-key") return webhook_key(head);
    if (kind == "healthz") return health();
  } else if (path.size() == 2) {
    if (kind == "instances") return instance(head, path[1]);
    if (kind == "blobs") return blob(head, path[1]);
  } else if (path.size() == 3 && kind == "services") {
    if (path[2] == "history") return history(head, path[1]);
    if (path[2] == "changes") return changes(head, path[1]);
  }
  return std::nullopt;
}

net::BodyPlan Api::carry_out(control::Command command) {
  return net::WholeBody{
      .most = kMostSmallBody,
      .then = [this, command = std::move(command)](const net::HttpRequest& /*request*/, net::Responder responder) {
        carry_out(command, std::move(responder));
      }};
}

void Api::carry_out(control::Command command, net::Responder responder) {
  auto kept = std::make_shared<net::Responder>(std::move(responder));
  world_.control.execute(std::move(command),
                         {.on_progress = {}, .on_done = [kept](const auto& outcome) {
                            if (!outcome) {
                              kept->send(failure(outcome.error()));
                            } else if (const auto* gone = std::get_if<control::Deleted>(&*outcome)) {
                              kept->send(deleted(*gone));
                            }
                          }});
}

net::HttpResponse Api::health() const {
  const auto state = [](bool connected) { return connected ? "running" : "unreachable"; };
  Json roles = Json::array();
  roles.push_back({{"role", "control"}, {"state", "running"}});
  roles.push_back({{"role", "engine"}, {"state", state(world_.control.engine_connected())}});
  roles.push_back({{"role", "router"}, {"state", state(world_.control.router_connected())}});
  roles.push_back({{"role", "logs"}, {"state", state(world_.control.logs_connected())}});
  return json_response(200, {{"roles", std::move(roles)}, {"runtime", world_.control.runtime()}});
}

// ---- instances

net::BodyPlan Api::instances(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  const std::string service(head.parameter("service").value_or(""));
  const std::string revision(head.parameter("revision").value_or(""));
  std::vector<Json> items;
  for (const auto& [id, entry] : world_.control.instances().all()) {
    if (!service.empty() && entry.report.service.str() != service) continue;
    if (!revision.empty() && entry.report.revision.str() != revision) continue;
    items.push_back(instance_object(entry));
  }
  return json_response(200,
                       list_object("marea.dev/v1", "Instance", world_.control.resource_version(), std::move(items)));
}

net::BodyPlan Api::instance(const net::HttpRequest& head, const std::string& name) {
  const base::InstanceId id(name);
  if (head.method == "DELETE") return carry_out(control::DeleteInstance{id});
  if (head.method != "GET") return wrong_method(head, "GET, DELETE");
  const control::InstanceEntry* entry = world_.control.instances().find(id);
  if (entry == nullptr) return not_found("instances.marea.dev", name);
  return json_response(200, instance_object(*entry));
}

}  // namespace marea::api
