// What instances used, a line per revision.
#include <string>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/methods.h"
#include "base/log.h"

namespace marea::api {
namespace {

double seconds(base::Duration time) {
  return std::chrono::duration<double>(time).count();
}

Json usage_object(const control::UsageBook::Line& line) {
  constexpr double kVcpuSecond = 1000.0 * 1000;
  constexpr double kGibSecond = 1024.0 * 1000;
  const model::Bill& bill = line.bill;
  return {{"apiVersion", "marea.dev/v1"},
          {"kind", "Usage"},
          {"name", line.revision.str()},
          {"service", line.service.str()},
          {"revision", line.revision.str()},
          {"since", base::rfc3339(line.since_unix_ns)},
          {"until", base::rfc3339(line.until_unix_ns)},
          {"instances", bill.instances},
          {"requests", bill.requests},
          {"billable_seconds", seconds(bill.billable)},
          {"minimum_idle_seconds", seconds(bill.kept_idle)},
          {"busy_seconds", seconds(bill.busy)},
          {"alive_seconds", seconds(bill.alive)},
          {"cpu_seconds", seconds(bill.cpu)},
          {"vcpu_seconds", static_cast<double>(bill.milli_cpu_ms) / kVcpuSecond},
          {"memory_gib_seconds", static_cast<double>(bill.mebibyte_ms) / kGibSecond},
          {"peak_memory_bytes", bill.peak_memory_bytes}};
}

}  // namespace

net::BodyPlan Api::usage(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  const base::ServiceName service(std::string(head.parameter("service").value_or("")));
  std::vector<Json> items;
  for (const control::UsageBook::Line& line : world_.control.usage().lines(service)) {
    items.push_back(usage_object(line));
  }
  const bool known = service.str().empty() || world_.control.services().contains(service);
  if (items.empty() && !known) return not_found("services.serving.knative.dev", service.str());
  return json_response(200, list_object("marea.dev/v1", "Usage", world_.control.resource_version(), std::move(items)));
}

}  // namespace marea::api
