#include "api/errors.h"

#include <string_view>

namespace marea::api {
namespace {

std::string_view kubernetes_reason(int status, base::ErrorCode code) {
  if (code == base::ErrorCode::already_exists) return "AlreadyExists";
  switch (status) {
    case 400: return "BadRequest";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "NotFound";
    case 405: return "MethodNotAllowed";
    case 406: return "NotAcceptable";
    case 409: return "Conflict";
    case 410: return "Expired";
    case 413: return "RequestEntityTooLarge";
    case 415: return "UnsupportedMediaType";
    case 422: return "Invalid";
    case 429: return "TooManyRequests";
    case 503: return "ServiceUnavailable";
    case 504: return "Timeout";
    case 507: return "InsufficientStorage";
    default: return "InternalError";
  }
}

std::string sentence(const base::Error& error) {
  std::string text = error.what;
  if (!error.why.empty()) text += ": " + error.why;
  if (!error.remedy.empty()) text += ". " + error.remedy;
  return text;
}

}  // namespace

net::HttpResponse json_response(int status, const Json& body) {
  // Text of apps and users may be no UTF-8; it is shown with replacement characters rather than not at all.
  return {.status = status,
          .fields = {{"Content-Type", "application/json"}},
          .body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

Json status_object(int status, std::string_view reason, std::string_view message) {
  return {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", Json::object()},
          {"status", "Failure"}, {"message", message}, {"reason", reason},
          {"code", status}};
}

int http_status_of(base::ErrorCode code) {
  using base::ErrorCode;
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::usage:
    case ErrorCode::digest_mismatch: return 400;
    case ErrorCode::not_allowed:
    case ErrorCode::privilege_missing: return 403;
    case ErrorCode::not_found:
    case ErrorCode::image_not_found: return 404;
    case ErrorCode::already_exists:
    case ErrorCode::conflict: return 409;
    case ErrorCode::too_large: return 413;
    case ErrorCode::manifest_invalid:
    case ErrorCode::image_invalid:
    case ErrorCode::image_too_large:
    case ErrorCode::image_architecture:
    case ErrorCode::build_failed: return 422;
    case ErrorCode::registry_unreachable:
    case ErrorCode::registry_untrusted:
    case ErrorCode::registry_denied:
    case ErrorCode::registry_failed: return 502;
    case ErrorCode::unavailable: return 503;
    case ErrorCode::disk_budget:
    case ErrorCode::disk_full: return 507;
    case ErrorCode::registry_slow:
    case ErrorCode::timeout: return 504;
    case ErrorCode::internal:
    case ErrorCode::kernel_feature:
    case ErrorCode::dependency_missing:
    case ErrorCode::address_in_use:
    case ErrorCode::port_mismatch:
    case ErrorCode::never_listened:
    case ErrorCode::app_exited:
    case ErrorCode::out_of_memory:
    case ErrorCode::startup_probe_failed:
    case ErrorCode::readiness_probe_failed:
    case ErrorCode::secret_missing:
    case ErrorCode::config_missing:
    case ErrorCode::sandbox_failed:
    case ErrorCode::store_damaged:
    case ErrorCode::io: return 500;
  }
  return 500;
}

net::HttpResponse failure(const base::Error& error, const model::Faults& faults) {
  return failure(http_status_of(error.code), error, faults);
}

net::HttpResponse failure(int status, const base::Error& error, const model::Faults& faults) {
  Json details = {{"code", base::to_string(error.code)}, {"what", error.what}};
  if (!error.why.empty()) details["why"] = error.why;
  if (!error.remedy.empty()) details["remedy"] = error.remedy;
  if (!error.more.empty()) details["more"] = error.more;
  std::string message = sentence(error);
  if (!faults.empty()) {
    Json causes = Json::array();
    for (const model::Fault& fault : faults) {
      Json cause = {{"reason", "FieldValueInvalid"}, {"field", fault.path}, {"message", fault.message}};
      if (fault.line > 0) cause["line"] = fault.line;
      if (fault.column > 0) cause["column"] = fault.column;
      causes.push_back(std::move(cause));
      message += "\n" + model::to_string(fault);
    }
    details["causes"] = std::move(causes);
  }
  return json_response(status, {{"kind", "Status"},
                                {"apiVersion", "v1"},
                                {"metadata", Json::object()},
                                {"status", "Failure"},
                                {"message", std::move(message)},
                                {"reason", kubernetes_reason(status, error.code)},
                                {"details", std::move(details)},
                                {"code", status}});
}

net::HttpResponse failure(const control::Refusal& refusal) {
  return failure(refusal.error, refusal.faults);
}

net::HttpResponse not_found(const std::string& kind, const std::string& name) {
  return failure({.code = base::ErrorCode::not_found, .what = kind + " \"" + name + "\" not found"});
}

net::HttpResponse deleted(const control::Deleted& what) {
  return json_response(200, {{"kind", "Status"},
                             {"apiVersion", "v1"},
                             {"metadata", Json::object()},
                             {"status", "Success"},
                             {"details", {{"name", what.name}, {"kind", what.kind}, {"uid", what.uid}}}});
}

void add_warnings(net::HttpResponse& response, const std::vector<model::Fault>& notices) {
  constexpr std::size_t kMostWarnings = 50;  // field lines that every client reads
  for (const model::Fault& notice : notices) {
    if (response.fields.size() > kMostWarnings) return;
    std::string text = "299 marea \"";
    for (const char c : model::to_string(notice)) {
      if (c == '"' || c == '\\') text += '\\';
      text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    response.fields.emplace_back("Warning", text + "\"");
  }
}

}  // namespace marea::api
