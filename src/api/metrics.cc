// /metrics, for Prometheus and everything that reads its text format.
#include <memory>
#include <utility>

#include "api/api.h"
#include "api/methods.h"
#include "model/platform_limits.h"
#include "telemetry/exposition.h"

namespace marea::api {

net::BodyPlan Api::metrics(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  return net::WholeBody{.most = 0, .then = [this](const net::HttpRequest& /*request*/, net::Responder responder) {
                          const auto kept = std::make_shared<net::Responder>(std::move(responder));
                          world_.control.collect_metrics([this, kept](std::vector<model::MetricValue> values) {
                            const auto& limit = row_of(model::Limit::api_requests);
                            values.push_back({model::Metric::limit_hits, {std::string(limit.name)}, {refused_}});
                            kept->send({.status = 200,
                                        .fields = {{"Content-Type", std::string(telemetry::kExpositionType)}},
                                        .body = telemetry::expose(std::move(values))});
                          });
                        }};
}

}  // namespace marea::api
