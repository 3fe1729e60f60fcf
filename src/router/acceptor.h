// Takes new connections from a listening socket that all workers share: the kernel wakes one of them for each
// (EPOLLEXCLUSIVE). The socket itself is never closed by the router, so that no connection in its queue is lost.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "net/loop.h"

namespace marea::router {

class Worker;

class Acceptor final : public net::Watcher {
 public:
  Acceptor(Worker& worker, base::Fd listener);
  ~Acceptor() override;
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void on_ready(std::uint32_t events) override;

 private:
  void watch();
  void pause();

  Worker& worker_;
  base::Fd listener_;
  net::Timer resume_;
  bool watching_ = false;
};

}  // namespace marea::router
