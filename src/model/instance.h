// What is known of one instance: the row that `marea instances` prints, and the facts behind a failed start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong_id.h"
#include "model/reason.h"
#include "model/usage.h"

namespace marea::model {

enum class InstanceState { prepared, starting, running, idle, frozen, draining, failed, stopped };
std::string_view to_string(InstanceState state);

// How the app's process ended.
struct ExitStatus {
  int code = 0;    // valid when signal == 0
  int signal = 0;  // 0: it exited by itself
  bool out_of_memory = false;
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

// "exit code 3", "signal 11 (SIGSEGV)", "killed: out of memory".
std::string to_string(const ExitStatus& status);

// A TCP socket on which some process of the sandbox listens.
struct ListeningSocket {
  std::string address;  // "127.0.0.1", "0.0.0.0", "::", "::1"
  std::uint16_t port = 0;
  friend bool operator==(const ListeningSocket&, const ListeningSocket&) = default;
};

// engine's account of an instance at a moment; the last one (failed or stopped) is final.
struct InstanceReport {
  base::InstanceId id;
  base::RevisionName revision;
  base::ServiceName service;
  InstanceState state = InstanceState::prepared;
  Reason reason = Reason::none;
  std::string detail;  // a sentence for people, may be empty
  std::int64_t since_unix_ns = 0;
  std::int64_t created_unix_ns = 0;
  std::optional<ExitStatus> exit;
  std::vector<ListeningSocket> listening;  // filled when the expected port is silent
  std::int64_t peak_memory_bytes = 0;
  Usage usage;            // of a final one
  std::string container;  // the sidecar that made it end; empty: the app, or none
  friend bool operator==(const InstanceReport&, const InstanceReport&) = default;
};

}  // namespace marea::model
