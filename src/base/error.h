// The one error type. It answers the four questions a person has: what failed, why, what to do next, where to read
// more; plus a stable code (E_PORT_MISMATCH) that scripts and documentation can rely on. Expected failures travel as
// Result<T>; a bug asserts, prints and dies; nothing thrown crosses a module.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace marea::base {

// Closed list; to_string gives the stable code. Never renumber or rename: users match on the text.
enum class ErrorCode {
  internal,                // E_INTERNAL: our own fault
  invalid_argument,        // E_INVALID_ARGUMENT: malformed input that has no better code
  usage,                   // E_USAGE: command line
  manifest_invalid,        // E_MANIFEST_INVALID: the faults are listed with line and field path
  not_found,               // E_NOT_FOUND
  already_exists,          // E_ALREADY_EXISTS
  conflict,                // E_CONFLICT: resourceVersion is stale
  not_allowed,             // E_NOT_ALLOWED
  privilege_missing,       // E_PRIVILEGE_MISSING: not root, or a capability is missing
  kernel_feature,          // E_KERNEL_FEATURE: the kernel lacks something we need
  dependency_missing,      // E_DEPENDENCY_MISSING: a program such as crun is not installed
  address_in_use,          // E_ADDRESS_IN_USE
  image_not_found,         // E_IMAGE_NOT_FOUND
  image_invalid,           // E_IMAGE_INVALID: malformed layout, unsafe layer
  digest_mismatch,         // E_DIGEST_MISMATCH
  image_too_large,         // E_IMAGE_TOO_LARGE: a bomb, or beyond what an image may hold
  image_architecture,      // E_IMAGE_ARCHITECTURE: it is made for other machines
  registry_unreachable,    // E_REGISTRY_UNREACHABLE: no such host, nobody listens, no way there
  registry_untrusted,      // E_REGISTRY_UNTRUSTED: no TLS, or a certificate that nobody here vouches for
  registry_denied,         // E_REGISTRY_DENIED: 401 or 403: wants other credentials, or any
  registry_failed,         // E_REGISTRY_FAILED: it answered with an error of its own
  registry_slow,           // E_REGISTRY_SLOW: fewer bytes than a limit wants, or the whole took too long
  build_failed,            // E_BUILD_FAILED
  port_mismatch,           // E_PORT_MISMATCH: the app listens, but elsewhere
  never_listened,          // E_NEVER_LISTENED: no listening socket within the startup deadline
  app_exited,              // E_APP_EXITED: exit code or signal before it was ready
  out_of_memory,           // E_OUT_OF_MEMORY: killed for its memory limit
  startup_probe_failed,    // E_STARTUP_PROBE_FAILED
  readiness_probe_failed,  // E_READINESS_PROBE_FAILED: it started, and never became ready
  secret_missing,          // E_SECRET_MISSING: a value is to come from a secret that is not there
  config_missing,          // E_CONFIG_MISSING: the same of a config map
  sandbox_failed,          // E_SANDBOX_FAILED: the OCI runtime or the kernel refused
  unavailable,             // E_UNAVAILABLE: a role or the platform does not answer
  timeout,                 // E_TIMEOUT
  too_large,               // E_TOO_LARGE: beyond a named limit
  disk_full,               // E_DISK_FULL: no room on the data directory's disk, or beyond the share that marea may fill
  disk_budget,             // E_DISK_BUDGET: images have no room left in their share of the disk
  store_damaged,           // E_STORE_DAMAGED: what is stored cannot be read
  io,                      // E_IO: the operating system refused
};

std::string_view to_string(ErrorCode code);

// All of them, in the order of the list.
std::vector<ErrorCode> error_codes();

// The inverse of to_string; ErrorCode::internal for a text that is no code.
ErrorCode error_code_from(std::string_view text);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string what;    // what failed, with the place: "cannot read /x/index.json"
  std::string why;     // the cause: "no such file"
  std::string remedy;  // the exact next command or change; may be empty where none is known
  std::string more;    // a page of docs/, may be empty

  // "what: why (E_CODE). remedy" on one line, for logs.
  std::string line() const;
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;

// An Error for a failed system call; reads errno. `what` names the call's object. A full disk or quota is E_DISK_FULL
// where the code is left out.
Error os_error(std::string what, ErrorCode code = ErrorCode::io);
Error os_error(std::string what, int error_number, ErrorCode code = ErrorCode::io);

inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}
inline std::unexpected<Error> fail(ErrorCode code, std::string what, std::string why = {}, std::string remedy = {}) {
  return std::unexpected<Error>(Error{code, std::move(what), std::move(why), std::move(remedy), {}});
}

}  // namespace marea::base
