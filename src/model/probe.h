// A health probe as Cloud Run and Knative define it. Value type.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace marea::model {

enum class ProbeKind { tcp, http, grpc };

struct Probe {
  ProbeKind kind = ProbeKind::tcp;
  std::uint16_t port = 0;                                    // 0: the container's port
  std::string path = "/";                                    // http only; starts with '/'
  std::vector<std::pair<std::string, std::string>> headers;  // http only
  std::string service;                                       // grpc only: of grpc.health.v1; empty: the whole server
  base::Duration initial_delay{0};
  base::Duration timeout{std::chrono::seconds(1)};
  base::Duration period{std::chrono::seconds(10)};
  int failure_threshold = 3;
  bool declared = false;      // false: the default that marea supplies
  int success_threshold = 1;  // readiness only: so many in a row make it ready again

  // From the start of the app until a startup probe gives up.
  base::Duration deadline() const { return initial_delay + period * failure_threshold; }

  friend bool operator==(const Probe&, const Probe&) = default;
};

// What Cloud Run does without a declared startup probe: connect to the port, give up after 240 s.
inline Probe default_startup_probe() {
  Probe probe;
  probe.timeout = std::chrono::seconds(240);
  probe.period = std::chrono::seconds(240);
  probe.failure_threshold = 1;
  return probe;
}

}  // namespace marea::model
