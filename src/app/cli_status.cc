// failure_of() of cli_client.h: Kubernetes Status objects as failures.
#include "app/cli_client.h"

namespace marea::app {
namespace {

std::string text_of(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int>() : 0;
}

base::ErrorCode code_of_status(int status) {
  using base::ErrorCode;
  if (status == 401 || status == 403) return ErrorCode::not_allowed;
  if (status == 404) return ErrorCode::not_found;
  if (status == 408 || status == 504) return ErrorCode::timeout;
  if (status == 409) return ErrorCode::conflict;
  if (status == 413) return ErrorCode::too_large;
  if (status == 422) return ErrorCode::manifest_invalid;
  if (status == 507) return ErrorCode::io;
  if (status == 502 || status == 503) return ErrorCode::unavailable;
  return status >= 500 ? ErrorCode::internal : ErrorCode::invalid_argument;
}

}  // namespace

Failure failure_of(const Answer& answer) {
  const Json body = answer.json();
  const Json details = body.is_object() ? body.value("details", Json::object()) : Json::object();
  Failure out;
  const std::string code = text_of(details, "code");
  out.error.code = code.empty() ? code_of_status(answer.status) : base::error_code_from(code);
  out.error.what = text_of(details, "what");
  if (out.error.what.empty()) out.error.what = text_of(body, "message");
  if (out.error.what.empty()) out.error.what = fmt::format("HTTP {}", answer.status);
  out.error.why = text_of(details, "why");
  out.error.remedy = text_of(details, "remedy");
  out.error.more = text_of(details, "more");
  out.exit = exit_of(out.error.code);
  if (details.is_object() && details.contains("causes") && details["causes"].is_array()) {
    for (const Json& cause : details["causes"]) {
      if (!cause.is_object()) continue;
      out.causes.push_back({.line = number_of(cause, "line"),
                            .column = number_of(cause, "column"),
                            .field = text_of(cause, "field"),
                            .message = text_of(cause, "message")});
    }
  }
  return out;
}

}  // namespace marea::app
