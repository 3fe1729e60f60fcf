// What served when and why, what ran a request, and what changed since.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/methods.h"
#include "api/record_lookup.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "control/changes.h"
#include "control/what_ran.h"

namespace marea::api {
namespace {

constexpr std::size_t kMostIdBytes = 256;  // router takes none that is longer (usable_request_id)
constexpr std::size_t kMostLookups = 4;    // at once: each reads the spool of records
constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();

using Moment = std::expected<std::optional<std::int64_t>, net::HttpResponse>;

Moment moment_in(const net::HttpRequest& head, std::string_view name) {
  const auto text = head.parameter(name);
  if (!text || text->empty()) return std::nullopt;
  if (const auto moment = base::parse_rfc3339(*text)) return moment;
  return std::unexpected(failure({.code = base::ErrorCode::invalid_argument,
                                  .what = std::string(name) + " is no moment: " + std::string(*text),
                                  .why = "it must be as RFC 3339 has it",
                                  .remedy = "For example: " + std::string(name) + "=2026-11-26T13:00:00Z"}));
}

Json timeline_object(const model::TimelineLine& line) {
  Json out = {{"service", line.service.str()},
              {"number", line.number},
              {"time", base::rfc3339(line.unix_ns)},
              {"cause", to_string(line.cause)}};
  if (line.confirmed_unix_ns != 0) out["confirmed"] = base::rfc3339(line.confirmed_unix_ns);
  out.update(model::timeline_document(line));
  return out;
}

Json change_object(const control::ShownChange& change) {
  Json out = {{"time", base::rfc3339(change.unix_ns)}, {"kind", to_string(change.kind)}, {"what", change.what}};
  for (const auto& [name, text] : {std::pair("who", &change.who), std::pair("why", &change.why),
                                   std::pair("split", &change.split), std::pair("revision", &change.revision.str())}) {
    if (!text->empty()) out[name] = *text;
  }
  if (!change.changed.empty()) out["changed"] = change.changed;
  return out;
}

// It never was, or so long ago that its lines are gone.
net::HttpResponse nothing_then(const std::string& service, std::int64_t at, const model::TimelineLine* first) {
  base::Error error{.code = base::ErrorCode::not_found,
                    .what = "nothing is known of " + service + " at " + base::rfc3339(at)};
  if (first == nullptr) {
    error.why = "it has no history";
  } else if (first->number == 1) {
    error.why = "it was first deployed at " + base::rfc3339(first->unix_ns);
  } else {
    error.why = "its " + std::to_string(store::kMostTimelineLines) +
                " newest lines are kept, of which the oldest is of " + base::rfc3339(first->unix_ns);
  }
  return failure(error);
}

// The request's record joined with the history. `lines` reach to the request's time.
Json what_ran_object(const Json& record, std::span<const model::TimelineLine> lines, std::int64_t unix_ns) {
  const auto text = [&](const char* name) {
    const auto found = record.find(name);
    return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const base::RevisionName revision(text("revision"));
  Json out = {{"apiVersion", "marea.dev/v1"}, {"kind", "WhatRan"},          {"request", text("id")},
              {"time", text("time")},         {"service", text("service")}, {"revision", revision.str()}};
  for (const char* name : {"experiment", "arm", "rule", "reason", "why"}) {
    if (const std::string value = text(name); !value.empty()) out[name] = value;
  }
  if (const model::TimelineLine* line = control::line_of_request(lines, unix_ns, revision)) {
    out["line"] = timeline_object(*line);
    const auto share = std::ranges::find(line->serving.shares, revision, &model::ServingShare::revision);
    if (share != line->serving.shares.end()) {
      out["image"] = share->digest;
      out["sourceCommit"] = share->commit;
    }
    out["split"] = model::print_split(line->serving);
    if (!line->serving.release.empty()) {
      out["release"] = {{"name", line->serving.release}, {"step", line->serving.step}};
    }
  }
  if (const model::TimelineLine* deploy = control::deploy_of(lines, revision)) out["deploy"] = timeline_object(*deploy);
  out["record"] = record;
  return out;
}

net::HttpResponse no_record(const std::string& id, const telemetry::RecordSearch& search) {
  base::Error error{.code = base::ErrorCode::not_found, .what = "there is no record of request " + id};
  if (search.oldest_unix_ns() == 0) {
    error.why = "no records are kept";
    error.remedy = "marea serve --request-log on keeps them";
  } else {
    error.why = "the records that are kept begin at " + base::rfc3339(search.oldest_unix_ns());
    if (search.dropped() > 0) {
      error.why += ", and " + std::to_string(search.dropped()) + " were left out where the disk did not keep up";
    }
    error.remedy = "A record is written within a second of its request's end; the id is the answer's X-Request-Id";
  }
  return failure(error);
}

}  // namespace

// ?at=TIME: the line in force then; ?since=TIME&until=TIME: the lines of that time; oldest first.
net::BodyPlan Api::history(const net::HttpRequest& head, const std::string& name) {
  if (head.method != "GET") return wrong_method(head, "GET");
  const Moment at = moment_in(head, "at");
  const Moment since = moment_in(head, "since");
  const Moment until = moment_in(head, "until");
  for (const Moment* each : {&at, &since, &until}) {
    if (!*each) return each->error();
  }
  const base::ServiceName service(name);
  store::TimelineQuery query{
      .service = service, .from_unix_ns = since->value_or(0), .until_unix_ns = at->value_or(until->value_or(kEver))};
  if (*at) query.most = 1;
  const auto timeline = world_.control.timeline(query);
  if (!timeline) return failure(timeline.error());
  if (timeline->first == 0 && !world_.control.services().contains(service)) {
    return not_found("services.serving.knative.dev", name);
  }
  if (*at) {
    if (timeline->lines.empty()) {
      const auto all = world_.control.timeline({.service = service});
      return nothing_then(name, **at, all && !all->lines.empty() ? &all->lines.front() : nullptr);
    }
    const model::TimelineLine& line = timeline->lines.front();
    Json out = {{"apiVersion", "marea.dev/v1"}, {"kind", "ServiceInstant"}, {"at", base::rfc3339(**at)}};
    out.update(timeline_object(line));
    // Until then a request may still have gone as the line before says.
    out["certain"] = line.confirmed_unix_ns != 0 && line.confirmed_unix_ns <= **at;
    return json_response(200, out);
  }
  Json items = Json::array();
  for (const model::TimelineLine& line : timeline->lines) items.push_back(timeline_object(line));
  return json_response(200, {{"apiVersion", "marea.dev/v1"},
                             {"kind", "ServiceHistory"},
                             {"service", name},
                             {"lost", timeline->first == 0 ? 0 : timeline->first - 1},
                             {"items", std::move(items)}});
}

// ?since=TIME&until=TIME: deploys, releases, splits and settings of the service, and what the platform went through.
net::BodyPlan Api::changes(const net::HttpRequest& head, const std::string& name) {
  if (head.method != "GET") return wrong_method(head, "GET");
  const Moment since = moment_in(head, "since");
  const Moment until = moment_in(head, "until");
  for (const Moment* each : {&since, &until}) {
    if (!*each) return each->error();
  }
  const base::ServiceName service(name);
  const std::int64_t from = since->value_or(0);
  const std::int64_t to = until->value_or(kEver);
  const auto timeline = world_.control.timeline({.service = service, .from_unix_ns = from, .until_unix_ns = to});
  const auto events = world_.control.platform_events(from, to);
  if (!timeline) return failure(timeline.error());
  if (!events) return failure(events.error());
  if (timeline->first == 0 && !world_.control.services().contains(service)) {
    return not_found("services.serving.knative.dev", name);
  }
  Json items = Json::array();
  for (const control::ShownChange& each : control::changes_of(timeline->lines, *events)) {
    items.push_back(change_object(each));
  }
  return json_response(200, {{"apiVersion", "marea.dev/v1"},
                             {"kind", "ServiceChanges"},
                             {"service", name},
                             {"since", base::rfc3339(from)},
                             {"lost", timeline->first == 0 ? 0 : timeline->first - 1},
                             {"items", std::move(items)}});
}

// ?request=ID&around=TIME
net::BodyPlan Api::what_ran(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  const std::string id(head.parameter("request").value_or(""));
  if (id.empty() || id.size() > kMostIdBytes) {
    return failure(
        {.code = base::ErrorCode::invalid_argument,
         .what = "request must be the id of a request",
         .why = "it is the X-Request-Id of its answer, of at most " + std::to_string(kMostIdBytes) + " bytes",
         .remedy = "For example: whatran?request=0123456789abcdef0123456789abcdef"});
  }
  const Moment around = moment_in(head, "around");
  if (!around) return around.error();
  std::erase_if(lookups_, [](const auto& each) { return each->done(); });
  if (lookups_.size() >= kMostLookups) {
    net::HttpResponse busy = failure(503, {.code = base::ErrorCode::unavailable,
                                           .what = "cannot look for request " + id,
                                           .why = std::to_string(kMostLookups) + " others are being looked for",
                                           .remedy = "Try again in a second"});
    busy.fields.emplace_back("Retry-After", "1");
    return busy;
  }
  return net::StreamedBody{.most = 0,
                           .begin = [this, id, around = *around](const net::HttpRequest&, net::Responder responder) {
                             const auto answer = [this, id](const telemetry::RecordSearch& search) {
                               const Json record = Json::parse(search.record(), nullptr, false);
                               if (!record.is_object()) return no_record(id, search);
                               const std::int64_t at = telemetry::time_of_record(search.record());
                               const auto service = record.find("service");
                               store::Timeline timeline;
                               if (service != record.end() && service->is_string()) {
                                 auto read = world_.control.timeline(
                                     {.service = base::ServiceName(service->get<std::string>()), .until_unix_ns = at});
                                 if (!read) return failure(read.error());
                                 timeline = *std::move(read);
                               }
                               return json_response(200, what_ran_object(record, timeline.lines, at));
                             };
                             lookups_.push_back(std::make_shared<RecordLookup>(
                                 world_.loop, telemetry::RecordSearch(world_.control.folders().requests, id, around),
                                 answer, std::move(responder)));
                             return net::BodySink{};
                           }};
}

}  // namespace marea::api
