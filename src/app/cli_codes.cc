#include "app/cli_codes.h"

#include "model/names.h"

namespace marea::app {

CodeTexts texts_of(base::ErrorCode code) {
  using base::ErrorCode;
  switch (code) {
    case ErrorCode::internal: return {Text::code_internal, Text::next_internal};
    case ErrorCode::invalid_argument: return {Text::code_invalid_argument, Text::next_invalid_argument};
    case ErrorCode::usage: return {Text::code_usage, Text::next_usage};
    case ErrorCode::manifest_invalid: return {Text::code_manifest_invalid, Text::next_manifest_invalid};
    case ErrorCode::not_found: return {Text::code_not_found, Text::next_not_found};
    case ErrorCode::already_exists: return {Text::code_already_exists, Text::next_already_exists};
    case ErrorCode::conflict: return {Text::code_conflict, Text::next_conflict};
    case ErrorCode::not_allowed: return {Text::code_not_allowed, Text::next_not_allowed};
    case ErrorCode::privilege_missing: return {Text::code_privilege_missing, Text::next_privilege_missing};
    case ErrorCode::kernel_feature: return {Text::code_kernel_feature, Text::next_kernel_feature};
    case ErrorCode::dependency_missing: return {Text::code_dependency_missing, Text::next_dependency_missing};
    case ErrorCode::address_in_use: return {Text::code_address_in_use, Text::next_address_in_use};
    case ErrorCode::image_not_found: return {Text::code_image_not_found, Text::next_image_not_found};
    case ErrorCode::image_invalid: return {Text::code_image_invalid, Text::next_image_invalid};
    case ErrorCode::digest_mismatch: return {Text::code_digest_mismatch, Text::next_digest_mismatch};
    case ErrorCode::image_too_large: return {Text::code_image_too_large, Text::next_image_too_large};
    case ErrorCode::image_architecture: return {Text::code_image_architecture, Text::next_image_architecture};
    case ErrorCode::registry_unreachable: return {Text::code_registry_unreachable, Text::next_registry_unreachable};
    case ErrorCode::registry_untrusted: return {Text::code_registry_untrusted, Text::next_registry_untrusted};
    case ErrorCode::registry_denied: return {Text::code_registry_denied, Text::next_registry_denied};
    case ErrorCode::registry_failed: return {Text::code_registry_failed, Text::next_registry_failed};
    case ErrorCode::registry_slow: return {Text::code_registry_slow, Text::next_registry_slow};
    case ErrorCode::build_failed: return {Text::code_build_failed, Text::next_build_failed};
    case ErrorCode::port_mismatch: return {Text::code_port_mismatch, Text::next_port_mismatch};
    case ErrorCode::never_listened: return {Text::code_never_listened, Text::next_never_listened};
    case ErrorCode::app_exited: return {Text::code_app_exited, Text::next_app_exited};
    case ErrorCode::out_of_memory: return {Text::code_out_of_memory, Text::next_out_of_memory};
    case ErrorCode::startup_probe_failed: return {Text::code_startup_probe_failed, Text::next_startup_probe_failed};
    case ErrorCode::readiness_probe_failed:
      return {Text::code_readiness_probe_failed, Text::next_readiness_probe_failed};
    case ErrorCode::secret_missing: return {Text::code_secret_missing, Text::next_secret_missing};
    case ErrorCode::config_missing: return {Text::code_config_missing, Text::next_config_missing};
    case ErrorCode::sandbox_failed: return {Text::code_sandbox_failed, Text::next_sandbox_failed};
    case ErrorCode::unavailable: return {Text::code_unavailable, Text::next_unavailable};
    case ErrorCode::timeout: return {Text::code_timeout, Text::next_timeout};
    case ErrorCode::too_large: return {Text::code_too_large, Text::next_too_large};
    case ErrorCode::disk_full: return {Text::code_disk_full, Text::next_disk_full};
    case ErrorCode::disk_budget: return {Text::code_disk_budget, Text::next_disk_budget};
    case ErrorCode::store_damaged: return {Text::code_store_damaged, Text::next_store_damaged};
    case ErrorCode::io: return {Text::code_io, Text::next_io};
  }
  return {Text::code_internal, Text::next_internal};
}

Text text_of_exit(Exit exit) {
  switch (exit) {
    case Exit::ok: return Text::exit_ok;
    case Exit::failure: return Text::exit_failure;
    case Exit::usage: return Text::exit_usage;
    case Exit::not_found: return Text::exit_not_found;
    case Exit::not_allowed: return Text::exit_not_allowed;
    case Exit::conflict: return Text::exit_conflict;
    case Exit::deploy_failed: return Text::exit_deploy_failed;
    case Exit::rolled_back: return Text::exit_rolled_back;
    case Exit::timeout: return Text::exit_timeout;
    case Exit::interrupted: return Text::exit_interrupted;
  }
  return Text::exit_failure;
}

void complete_parts(Failure& failure, const Words& words) {
  const CodeTexts texts = texts_of(failure.error.code);
  if (failure.error.why.empty()) failure.error.why = words(texts.meaning);
  if (failure.error.remedy.empty()) failure.error.remedy = words(texts.remedy);
  if (failure.error.more.empty())
    failure.error.more = "docs/cli.md#" + model::lower_case(base::to_string(failure.error.code));
}

}  // namespace marea::app
