#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace marea::base {
namespace {

struct Row {
  ErrorCode code;
  std::string_view text;
};

constexpr std::array kRows = {
    Row{ErrorCode::internal, "E_INTERNAL"},
    Row{ErrorCode::invalid_argument, "E_INVALID_ARGUMENT"},
    Row{ErrorCode::usage, "E_USAGE"},
    Row{ErrorCode::manifest_invalid, "E_MANIFEST_INVALID"},
    Row{ErrorCode::not_found, "E_NOT_FOUND"},
    Row{ErrorCode::already_exists, "E_ALREADY_EXISTS"},
    Row{ErrorCode::conflict, "E_CONFLICT"},
    Row{ErrorCode::not_allowed, "E_NOT_ALLOWED"},
    Row{ErrorCode::privilege_missing, "E_PRIVILEGE_MISSING"},
    Row{ErrorCode::kernel_feature, "E_KERNEL_FEATURE"},
    Row{ErrorCode::dependency_missing, "E_DEPENDENCY_MISSING"},
    Row{ErrorCode::address_in_use, "E_ADDRESS_IN_USE"},
    Row{ErrorCode::image_not_found, "E_IMAGE_NOT_FOUND"},
    Row{ErrorCode::image_invalid, "E_IMAGE_INVALID"},
    Row{ErrorCode::digest_mismatch, "E_DIGEST_MISMATCH"},
    Row{ErrorCode::image_too_large, "E_IMAGE_TOO_LARGE"},
    Row{ErrorCode::image_architecture, "E_IMAGE_ARCHITECTURE"},
    Row{ErrorCode::registry_unreachable, "E_REGISTRY_UNREACHABLE"},
    Row{ErrorCode::registry_untrusted, "E_REGISTRY_UNTRUSTED"},
    Row{ErrorCode::registry_denied, "E_REGISTRY_DENIED"},
    Row{ErrorCode::registry_failed, "E_REGISTRY_FAILED"},
    Row{ErrorCode::registry_slow, "E_REGISTRY_SLOW"},
    Row{ErrorCode::build_failed, "E_BUILD_FAILED"},
    Row{ErrorCode::port_mismatch, "E_PORT_MISMATCH"},
    Row{ErrorCode::never_listened, "E_NEVER_LISTENED"},
    Row{ErrorCode::app_exited, "E_APP_EXITED"},
    Row{ErrorCode::out_of_memory, "E_OUT_OF_MEMORY"},
    Row{ErrorCode::startup_probe_failed, "E_STARTUP_PROBE_FAILED"},
    Row{ErrorCode::readiness_probe_failed, "E_READINESS_PROBE_FAILED"},
    Row{ErrorCode::secret_missing, "E_SECRET_MISSING"},
    Row{ErrorCode::config_missing, "E_CONFIG_MISSING"},
    Row{ErrorCode::sandbox_failed, "E_SANDBOX_FAILED"},
    Row{ErrorCode::unavailable, "E_UNAVAILABLE"},
    Row{ErrorCode::timeout, "E_TIMEOUT"},
    Row{ErrorCode::too_large, "E_TOO_LARGE"},
    Row{ErrorCode::disk_full, "E_DISK_FULL"},
    Row{ErrorCode::disk_budget, "E_DISK_BUDGET"},
    Row{ErrorCode::store_damaged, "E_STORE_DAMAGED"},
    Row{ErrorCode::io, "E_IO"},
};

}  // namespace

std::string_view to_string(ErrorCode code) {
  for (const Row& row : kRows) {
    if (row.code == code) return row.text;
  }
  return "E_INTERNAL";
}

std::vector<ErrorCode> error_codes() {
  std::vector<ErrorCode> out;
  out.reserve(kRows.size());
  for (const Row& row : kRows) out.push_back(row.code);
  return out;
}

ErrorCode error_code_from(std::string_view text) {
  for (const Row& row : kRows) {
    if (row.text == text) return row.code;
  }
  return ErrorCode::internal;
}

std::string Error::line() const {
  std::string out = what;
  if (!why.empty()) out += ": " + why;
  out += " (" + std::string(to_string(code)) + ")";
  if (!remedy.empty()) out += ". " + remedy;
  return out;
}

Error os_error(std::string what, int error_number, ErrorCode code) {
  Error error{code, std::move(what), std::strerror(error_number), {}, {}};
  if (code == ErrorCode::io && (error_number == ENOSPC || error_number == EDQUOT)) {
    error.code = ErrorCode::disk_full;
    error.remedy = "Free space on its disk";
  }
  return error;
}

Error os_error(std::string what, ErrorCode code) {
  return os_error(std::move(what), errno, code);
}

}  // namespace marea::base
