// What a request has been through, noted on its way by the caller's connection and told when it ends
// (client_account.cc).
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/reason.h"
#include "router/counts.h"

namespace marea::router {

struct RequestAccount {
  bool open = false;      // between a request's head and the end of its answer
  bool has_head = false;  // it could be read
  bool waited = false;
  bool cold = false;  // it was given to an instance that had served nothing
  int status = 0;     // of the answer that was begun; 0: none
  model::Reason reason = model::Reason::none;
  base::Instant begun{};
  base::Instant waits_since{};
  base::Instant first_byte{};
  base::Duration queue{};
  std::uint64_t in_before = 0;  // bytes of the connection
  std::uint64_t out_before = 0;
  RevisionCounts* counts = nullptr;  // null: it came to no revision
  // Copies, because what they are of is gone by then; filled only when records are written. They keep their room.
  std::string experiment;  // in which it takes part; empty: none
  std::string arm;         // of the release or experiment that divides its service; empty: it did not choose
  std::string rule;        // that chose; empty: none did
  std::string service;     // when it came to no revision of it
  std::string method;
  std::string target;
  std::string instance;
  std::string why;
};

}  // namespace marea::router
