// Does an app listen where marea connects? Sockets that the kernel lists in, a finding with a sentence for people out.
// marea connects to 127.0.0.1 inside the sandbox's network namespace, so an app on 127.0.0.1, 0.0.0.0 or :: is reached,
// one on ::1 or on another address alone is not. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/instance.h"
#include "model/service.h"

namespace marea::engine::local {

enum class PortFinding {
  silent,     // nothing listens at all
  reachable,  // it listens where marea connects
  elsewhere,  // it listens, but only where marea does not connect
};

// The port that shows readiness: the startup probe's, else the container's.
std::uint16_t expected_port(const model::Container& container);

PortFinding judge_ports(std::uint16_t expected, const std::vector<model::ListeningSocket>& sockets);

// For PortFinding::elsewhere: where it listens, and the exact setting that mends it.
std::string describe_mismatch(const model::Container& container, const std::vector<model::ListeningSocket>& sockets);

}  // namespace marea::engine::local
