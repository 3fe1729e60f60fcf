// Kubernetes' own kinds, as far as marea has something like them: instances are pods, there is one namespace, and
// events tell what became of services and revisions.
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/json_lines.h"
#include "api/log_follower.h"
#include "api/methods.h"
#include "api/objects.h"
#include "base/log.h"
#include "telemetry/log_spool.h"

namespace marea::api {
namespace {

constexpr std::size_t kMostPodLines = 100'000;
constexpr const char* kTextType = "text/plain; charset=utf-8";

struct LogOptions {
  std::size_t tail = kMostPodLines;
  std::int64_t since_unix_ns = 0;
  std::size_t most_bytes = 0;  // 0: all
  bool follow = false;
  bool timestamps = false;
};

template <class T>
bool read_option(const net::HttpRequest& head, std::string_view name, T& out) {
  const auto text = head.parameter(name);
  if (!text || text->empty()) return true;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  return error == std::errc{} && end == text->data() + text->size();
}

std::optional<LogOptions> log_options(const net::HttpRequest& head, std::int64_t now_unix_ns) {
  LogOptions out;
  std::int64_t since = 0;
  if (!read_option(head, "tailLines", out.tail) || !read_option(head, "limitBytes", out.most_bytes) ||
      !read_option(head, "sinceSeconds", since) || out.tail > kMostPodLines || since < 0) {
    return std::nullopt;
  }
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (since > 0 && since < now_unix_ns / kSecond) out.since_unix_ns = now_unix_ns - since * kSecond;
  out.follow = head.parameter("follow") == "true";
  out.timestamps = head.parameter("timestamps") == "true";
  return out;
}

std::string print(const telemetry::LogLine& line, const LogOptions& options) {
  if (line.unix_ns < options.since_unix_ns) return {};
  return (options.timestamps ? base::rfc3339(line.unix_ns) + " " : std::string()) + line.text + "\n";
}

}  // namespace

std::optional<net::BodyPlan> Api::core(const net::HttpRequest& head, const Segments& path) {
  if (path[0] == "namespaces" && path.size() <= 2) {
    if (head.method != "GET") return wrong_method(head, "GET");
    return path.size() == 1 ? read_many(head, Kind::name_space) : read_one(head, Kind::name_space, path[1]);
  }
  const bool spaced = path.size() >= 3 && path[0] == "namespaces";
  const Segments rest(path.begin() + (spaced ? 2 : 0), path.end());
  if (rest[0] != "pods" && rest[0] != "events") return std::nullopt;
  const Kind kind = rest[0] == "pods" ? Kind::pod : Kind::event;
  if (rest.size() == 3 && kind == Kind::pod && rest[2] == "log") {
    return head.method == "GET" ? pod_log(head, rest[1]) : wrong_method(head, "GET");
  }
  if (rest.size() > 2) return std::nullopt;
  if (rest.size() == 1) {
    const bool removable = spaced && kind == Kind::pod;
    if (removable && head.method == "DELETE") return remove_many(head, kind);
    return head.method == "GET" ? read_many(head, kind) : wrong_method(head, removable ? "GET, DELETE" : "GET");
  }
  if (head.method == "GET") return read_one(head, kind, rest[1]);
  if (kind == Kind::pod && head.method == "DELETE") return remove(head, kind, rest[1]);
  return wrong_method(head, kind == Kind::pod ? "GET, DELETE" : "GET");
}

// ?container=NAME&follow=true&tailLines=N&timestamps=true&sinceSeconds=N&limitBytes=N; lines of text, those of stderr
// among them.
net::BodyPlan Api::pod_log(const net::HttpRequest& head, const std::string& name) {
  const control::InstanceEntry* found = world_.control.instances().find(base::InstanceId(name));
  if (found == nullptr) return not_found(info(Kind::pod).resource(), name);
  const std::optional<LogOptions> options = log_options(head, world_.loop.clock().wall().unix_ns);
  if (!options) {
    return failure({.code = base::ErrorCode::invalid_argument,
                    .what = "tailLines, sinceSeconds and limitBytes must be whole numbers",
                    .why = "tailLines is at most " + std::to_string(kMostPodLines)});
  }
  if (head.parameter("previous") == "true") {
    return failure({.code = base::ErrorCode::invalid_argument,
                    .what = "there is no previous container of " + name,
                    .why = "an instance is never started again; its successor is another pod"});
  }
  telemetry::LogQuery query{.revision = {}, .instance = base::InstanceId(name), .tail = options->tail};
  if (const auto container = head.parameter("container")) {
    const control::RevisionState* revision = world_.control.revision(found->report.revision);
    std::string known;
    for (const ShownContainer& each :
         revision == nullptr ? std::vector<ShownContainer>() : shown_containers(revision->record.revision)) {
      if (each.name == *container) query.container = each.sidecar ? each.name : std::string();
      known += (known.empty() ? "" : ", ") + each.name;
    }
    if (!query.container && revision != nullptr) {
      return failure({.code = base::ErrorCode::invalid_argument,
                      .what = "container " + std::string(*container) + " is not valid for pod " + name,
                      .why = "its containers are " + known});
    }
  }
  const std::string folder = world_.control.folders().logs + "/" + found->report.service.str();
  return net::StreamedBody{
      .most = 0,
      .begin = [this, name, query, folder, options = *options](const net::HttpRequest&, net::Responder responder) {
        telemetry::LogSpoolReader spool(folder);
        LogFollower::Start start;
        start.lines = spool.tail(query, &start.cursor);
        if (options.follow) {
          const auto over = [this, name] {
            const control::InstanceEntry* entry = world_.control.instances().find(base::InstanceId(name));
            return entry == nullptr || !control::is_live(entry->report.state);
          };
          LogFollower::begin(world_.loop,
                             {.spool = std::move(spool),
                              .query = query,
                              .print = [options](const telemetry::LogLine& line) { return print(line, options); },
                              .over = over},
                             std::move(start), JsonLines::begin(std::move(responder), kTextType));
          return net::BodySink{};
        }
        std::string body;
        for (const telemetry::LogLine& line : start.lines) body += print(line, options);
        if (options.most_bytes > 0 && body.size() > options.most_bytes) body.resize(options.most_bytes);
        responder.send({.status = 200, .fields = {{"Content-Type", kTextType}}, .body = std::move(body)});
        return net::BodySink{};
      }};
}

}  // namespace marea::api
