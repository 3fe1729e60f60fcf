// POST requests to servers of others, on a Loop (libcurl's multi interface): nothing here waits, not for a name server
// either, whose answers come by way of a thread of libcurl's. What comes back is bounded, redirects are not followed,
// proxies of the environment are not used, certificates are checked against the system's authorities.
//
//   Sender sender(loop);
//   sender.send({.url = "https://ci.example.com/gate", .fields = {"webhook-id: g1"}, .body = "{}"},
//               [](const Reply& reply) { … });
//
// Whoever may write the URL may have a request sent to whatever this machine reaches, except for addresses that no
// receiver has and that lead elsewhere than they say: is_refused_address(). The address is looked at after the name was
// resolved, right before the connect, so that no name server can change its mind in between.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"

struct sockaddr;

namespace marea::webhook {

inline constexpr base::Duration kConnectTime = std::chrono::seconds(5);  // name, TCP and TLS
inline constexpr base::Duration kSendTime = std::chrono::seconds(30);    // from send() to the end of the answer
inline constexpr std::size_t kMostReplyBytes = 64U << 10;

struct Reply {
  int status = 0;       // 0: there is no whole answer
  std::string body;     // empty when it was not whole
  std::string failure;  // of status 0: why, as one of a few texts
};

// Link-local (cloud providers give out credentials there), unspecified, multicast and broadcast ones.
bool is_refused_address(const sockaddr& address);

class Sender {
 public:
  struct Message {
    std::string url;
    std::vector<std::string> fields;  // "name: value"
    std::string body;                 // JSON
  };
  using Ticket = std::uint64_t;

  explicit Sender(net::Loop& loop);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // `done` is called once, from the loop and never from here, unless it is cancelled before. How many there are at once
  // is the caller's to bound.
  Ticket send(Message message, std::function<void(const Reply& reply)> done);
  void cancel(Ticket ticket);

 private:
  struct Transfer;
  struct Watch;
  struct Curl;

  static int on_socket(void* easy, int fd, int what, void* sender, void* watch);
  static int on_timer(void* multi, long milliseconds, void* sender);
  void watch(int fd, int what);
  void act(int fd, int what);
  void collect();
  void finish(Ticket ticket, Reply reply);

  net::Loop& loop_;
  std::unique_ptr<Curl> curl_;
  net::Timer timer_;  // libcurl's
  std::map<int, std::unique_ptr<Watch>> watches_;
  std::vector<std::unique_ptr<Watch>> buried_;  // removed while they may be on the stack
  std::map<Ticket, std::unique_ptr<Transfer>> transfers_;
  Ticket last_ = 0;
};

}  // namespace marea::webhook
