// One look at an app: connect, and for an HTTP probe ask and read the status. On the main loop, away from the requests.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "model/probe.h"
#include "net/loop.h"

namespace marea::net {

class ProbeAttempt final : public Watcher {
 public:
  struct Outcome {
    bool healthy = false;
    // Refused: the socket, for the next attempt. A healthy TCP probe: the fresh connection, for the first request.
    base::Fd socket;
    bool timed_out = false;  // the app may have been busy with something else
    std::string detail;      // "connection refused", "GET /health answered 503"
  };
  // `port` is the container's, used when the probe names none. `done` is called once, never from here; the attempt
  // may be destroyed inside.
  ProbeAttempt(Loop& loop, const model::Probe& probe, std::uint16_t port, base::Fd socket,
               std::function<void(Outcome)> done);
  ~ProbeAttempt() override;
  ProbeAttempt(const ProbeAttempt&) = delete;
  ProbeAttempt& operator=(const ProbeAttempt&) = delete;

  void on_ready(std::uint32_t events) override;

 private:
  void connect();
  void connected();
  void read_answer();
  void finish(bool healthy, std::string detail, bool keep_socket);

  Loop& loop_;
  const model::Probe probe_;
  std::uint16_t port_;
  base::Fd socket_;
  std::function<void(Outcome)> done_;
  Timer begin_;
  Timer timeout_;
  std::string received_;
  std::size_t scanned_ = 0;  // of received_, without an end of the head
  int interims_ = 0;
  bool watched_ = false;
  bool asked_ = false;
  bool timed_out_ = false;
};

}  // namespace marea::net
