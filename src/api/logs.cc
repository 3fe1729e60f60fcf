// The apps' output, as it is in the spool, and as it comes.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/json_lines.h"
#include "api/log_follower.h"
#include "api/methods.h"
#include "api/objects.h"
#include "base/log.h"
#include "telemetry/log_spool.h"
#include "telemetry/request_record.h"

namespace marea::api {
namespace {

constexpr std::size_t kMostTail = 100'000;

// Discarded: a record of which a power cut left a part.
Json line_object(const std::string& service, const telemetry::LogQuery& query, const telemetry::LogLine& line) {
  if (query.form == telemetry::LogForm::records) return Json::parse(line.text, nullptr, false);
  Json out = {{"time", base::rfc3339(line.unix_ns)}, {"service", service},
              {"revision", line.revision.str()},     {"instance", line.instance.str()},
              {"stream", to_string(line.stream)},    {"text", line.text}};
  if (!line.container.empty()) out["container"] = line.container;  // of a sidecar
  return out;
}

}  // namespace

net::BodyPlan Api::logs(const net::HttpRequest& head) {
  const std::string service(head.parameter("service").value_or(""));
  if (head.method == "DELETE") return delete_logs(service);
  if (head.method != "GET") return wrong_method(head, "DELETE, GET");
  telemetry::LogQuery query{.revision = base::RevisionName(head.parameter("revision").value_or("")),
                            .instance = base::InstanceId(head.parameter("instance").value_or(""))};
  if (const auto container = head.parameter("container")) {
    query.container = std::string(*container);
    // The app's own lines bear no name; it may have been called otherwise in another revision.
    const auto state = world_.control.services().find(base::ServiceName(service));
    const auto is_app = [&](const control::RevisionState& one) {
      return shown_containers(one.record.revision).front().name == *container;
    };
    if (state != world_.control.services().end() && std::ranges::any_of(state->second.revisions, is_app)) {
      query.container = std::string();
    }
  }
  if (const auto tail = head.parameter("tail")) {
    const auto [end, error] = std::from_chars(tail->data(), tail->data() + tail->size(), query.tail);
    if (error != std::errc{} || end != tail->data() + tail->size() || query.tail > kMostTail) {
      return failure({.code = base::ErrorCode::invalid_argument,
                      .what = "tail must be a number of lines up to " + std::to_string(kMostTail)});
    }
  }
  std::string folder = world_.control.folders().logs + "/" + service;
  std::error_code problem;
  const bool known = world_.control.services().contains(base::ServiceName(service));
  const bool plain = !service.empty() && service.find('/') == std::string::npos && service.front() != '.';
  if (!plain || (!known && !std::filesystem::is_directory(folder, problem))) {
    return not_found("services.serving.knative.dev", service);
  }
  const auto says = [&](std::string_view parameter) {
    const auto value = head.parameter(parameter);
    return value && *value != "0" && *value != "false";
  };
  const bool follows = says("follow");
  if (says("requests")) {
    query.form = telemetry::LogForm::records;
    query.having = telemetry::service_mark(service);
    if (!query.revision.str().empty()) query.having += telemetry::revision_mark(query.revision.str());
    folder = world_.control.folders().requests;
  }
  return net::StreamedBody{
      .most = 0, .begin = [this, service, folder, query, follows](const net::HttpRequest&, net::Responder responder) {
        telemetry::LogSpoolReader spool(folder);
        telemetry::LogCursor cursor;
        std::vector<telemetry::LogLine> lines = spool.tail(query, &cursor);
        if (!follows) {
          std::string body;
          for (const telemetry::LogLine& line : lines) {
            const Json object = line_object(service, query, line);
            if (!object.is_discarded()) body += object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
          }
          responder.send(
              {.status = 200, .fields = {{"Content-Type", "application/x-ndjson"}}, .body = std::move(body)});
          return net::BodySink{};
        }
        const auto print = [service, query](const telemetry::LogLine& line) {
          const Json object = line_object(service, query, line);
          return object.is_discarded() ? std::string()
                                       : object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        };
        LogFollower::begin(world_.loop, {.spool = std::move(spool), .query = query, .print = print},
                           {.lines = std::move(lines), .cursor = cursor}, JsonLines::begin(std::move(responder)));
        return net::BodySink{};
      }};
}

net::BodyPlan Api::delete_logs(const std::string& service) {
  std::error_code problem;
  const bool plain = !service.empty() && service.find('/') == std::string::npos && service.front() != '.';
  const std::string folder = world_.control.folders().logs + "/" + service;
  if (!plain || !std::filesystem::is_directory(folder, problem)) return not_found("logs.marea.dev", service);
  if (!world_.control.drop_logs(base::ServiceName(service))) {
    return failure({.code = base::ErrorCode::unavailable,
                    .what = "cannot delete the logs of " + service,
                    .why = "the logs role does not answer",
                    .remedy = "Try again in a moment; marea restarts it by itself"});
  }
  return deleted({.kind = "logs", .name = service, .uid = service});
}

}  // namespace marea::api
