// One connection of the load: kept, one request at a time, never a second try. Says how each request ended; a kept
// connection that the server closes is noticed while it rests, so that no request is sent into it.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "bench/load/account.h"
#include "net/http/codec.h"

namespace marea::load {

class Connection {
 public:
  // Watched by `poll` with this object's address. False: refused.
  bool open(int poll, std::uint16_t port);

  bool busy() const { return busy_; }
  bool open() const { return static_cast<bool>(fd_); }
  Nanoseconds rests_since() const { return rests_since_; }
  const Request& request() const { return request_; }

  // False: the server has closed it, or speaks unasked. Looks at the socket, since the event may be under way.
  bool still_rests();
  // Not while busy().
  void send(Request request);
  // What epoll reported. Gives how the request ended, when it did; afterwards open() says whether another may follow.
  std::optional<Outcome> on_ready(std::uint32_t events);
  // The request's time is up.
  void give_up();
  // It rested long enough.
  void leave() { close(); }

 private:
  void write();
  std::optional<Outcome> read();
  std::optional<Outcome> take_answer();
  std::optional<Outcome> end_of_answer();
  std::optional<Outcome> broken(Outcome outcome, std::string why);
  bool take_body(std::string_view data);
  void close();

  base::Fd fd_;
  int poll_ = -1;
  bool busy_ = false;
  bool writing_ = false;  // epoll watches for room
  bool served_ = false;
  bool refused_ = false;
  Nanoseconds opened_{};
  Nanoseconds rests_since_{};
  Request request_;
  std::string head_;  // what is left of it
  std::string_view body_;
  std::string_view expected_;  // what is left of an echo
  // ---- the answer
  std::string in_;
  bool has_head_ = false;
  bool keep_alive_ = false;
  bool named_ = false;  // it named our number
  net::http::Framing framing_;
  net::http::ChunkedDecoder chunks_;
  std::string text_;  // the beginning of the body
};

}  // namespace marea::load
