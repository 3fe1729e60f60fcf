#include "app/cli_failure.h"

namespace marea::app {

Exit exit_of(base::ErrorCode code) {
  using base::ErrorCode;
  switch (code) {
    case ErrorCode::usage: return Exit::usage;
    case ErrorCode::not_found:
    case ErrorCode::image_not_found: return Exit::not_found;
    case ErrorCode::not_allowed:
    case ErrorCode::privilege_missing: return Exit::not_allowed;
    case ErrorCode::conflict:
    case ErrorCode::already_exists: return Exit::conflict;
    case ErrorCode::timeout: return Exit::timeout;
    case ErrorCode::internal:
    case ErrorCode::invalid_argument:
    case ErrorCode::manifest_invalid:
    case ErrorCode::kernel_feature:
    case ErrorCode::dependency_missing:
    case ErrorCode::address_in_use:
    case ErrorCode::image_invalid:
    case ErrorCode::digest_mismatch:
    case ErrorCode::image_too_large:
    case ErrorCode::image_architecture:
    case ErrorCode::registry_unreachable:
    case ErrorCode::registry_untrusted:
    case ErrorCode::registry_denied:
    case ErrorCode::registry_failed:
    case ErrorCode::registry_slow:
    case ErrorCode::disk_budget:
    case ErrorCode::build_failed:
    case ErrorCode::port_mismatch:
    case ErrorCode::never_listened:
    case ErrorCode::app_exited:
    case ErrorCode::out_of_memory:
    case ErrorCode::startup_probe_failed:
    case ErrorCode::readiness_probe_failed:
    case ErrorCode::secret_missing:
    case ErrorCode::config_missing:
    case ErrorCode::sandbox_failed:
    case ErrorCode::unavailable:
    case ErrorCode::too_large:
    case ErrorCode::disk_full:
    case ErrorCode::store_damaged:
    case ErrorCode::io: return Exit::failure;
  }
  return Exit::failure;
}

std::string to_string(const Cause& cause, const std::string& file) {
  std::string out = file;
  if (cause.line > 0) {
    out += (out.empty() ? "line " : ":") + std::to_string(cause.line);
    if (cause.column > 0) out += ":" + std::to_string(cause.column);
  }
  if (!out.empty()) out += ": ";
  if (!cause.field.empty()) out += cause.field + ": ";
  return out + cause.message;
}

std::unexpected<Failure> give_up(base::Error error) {
  const Exit exit = exit_of(error.code);
  return std::unexpected<Failure>(Failure{.error = std::move(error), .exit = exit});
}

}  // namespace marea::app
