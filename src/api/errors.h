// Failures as HTTP answers: Kubernetes Status objects, with marea's four-part error in `details` (docs/api.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "control/command.h"
#include "model/manifest.h"
#include "net/http_message.h"

namespace marea::api {

using Json = model::Json;

net::HttpResponse json_response(int status, const Json& body);

// A Failure without more than that.
Json status_object(int status, std::string_view reason, std::string_view message);

int http_status_of(base::ErrorCode code);

// `faults` become details.causes; there are some exactly when a document is to blame.
net::HttpResponse failure(const base::Error& error, const model::Faults& faults = {});
net::HttpResponse failure(int status, const base::Error& error, const model::Faults& faults = {});
net::HttpResponse failure(const control::Refusal& refusal);
net::HttpResponse not_found(const std::string& kind, const std::string& name);

// A Status that tells of success: what was deleted.
net::HttpResponse deleted(const control::Deleted& what);

// "299 marea \"TEXT\"", one field each.
void add_warnings(net::HttpResponse& response, const std::vector<model::Fault>& notices);

}  // namespace marea::api
