// A connection from one worker to one instance, and the worker's own view of that instance: its idle connections.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"
#include "router/deadlines.h"
#include "router/instance.h"
#include "router/stream.h"

namespace marea::router {

class Client;
class Upstream;
class Worker;

// An instance as one worker knows it.
struct Home {
  std::shared_ptr<Instance> instance;
  std::vector<std::unique_ptr<Upstream>> idle;  // the last one used is at the back
  bool gone = false;                            // keep no more connections
};

class Upstream final : public net::Watcher, public Deadline {
 public:
  enum class State : std::uint8_t { connecting, connected, refused };

  Upstream(Worker& worker, std::shared_ptr<Home> home);
  ~Upstream() override;

  // Connects to the app's port.
  void open(Instance::Socket socket);
  State state() const { return state_; }
  Stream& stream() { return stream_; }
  // It served a request before this one.
  bool reused() const { return reused_; }
  // Gives an unconnected socket back, whose connect was refused.
  base::Fd take_back();

  void serve(Client* client) { client_ = client; }
  // Waits for its next request, at most until `until`.
  void rest(base::Instant now, base::Instant until);
  base::Instant rests_since() const { return rests_since_; }
  // Somebody opened another connection to the instance: this one, idle, may be all that keeps the app from accepting
  // it. It rests only until `until`; when no request ended meanwhile though one is in flight, the app serves one
  // connection at a time.
  void make_way(base::Instant until);

  void on_ready(std::uint32_t events) override;

 private:
  void on_deadline() override;
  void leave();
  void try_connect();

  Worker& worker_;
  std::shared_ptr<Home> home_;
  Stream stream_;
  Client* client_ = nullptr;  // null: idle
  State state_ = State::connecting;
  bool reused_ = false;
  bool makes_way_ = false;
  std::uint64_t served_then_ = 0;  // of the instance, when it was to make way
  base::Instant rests_since_{};
};

}  // namespace marea::router
