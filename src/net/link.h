// A typed connection between two roles: messages of one variant out, of another in, each with up to kMostFds
// descriptors. Lives on a Loop. Sending never blocks: what the peer does not take at once waits in a bounded outbox; a
// peer that lets it overflow is treated as dead, because each new link begins with the whole state anyway.
//
//   Link<RouterToEngine, EngineToRouter> link(loop, std::move(fd), {
//       .on_message = [&](EngineToRouter message, std::vector<base::Fd> fds) { … },
//       .on_closed = [&](std::string why) { … }});
//   link.send(msg::Demand{…});
//
// Frames: u32 length, u32 descriptor count (both little-endian, as everything on one machine), then the bytes of
// wire.h; the descriptors ride on the first byte (SCM_RIGHTS). A frame that does not decode closes the link.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "net/loop.h"
#include "net/wire.h"

namespace marea::net {

inline constexpr std::size_t kMostFrameBytes = 4U << 20;    // above the largest manifest (model::kMostManifestBytes)
inline constexpr std::size_t kMostOutboxBytes = 64U << 20;  // a full publication of 10,000 services is ~10 MB
inline constexpr std::size_t kMostFds = 64;                 // kernel limit is 253 (SCM_MAX_FD)

// A connected pair of stream sockets, both close-on-exec and non-blocking.
base::Result<std::pair<base::Fd, base::Fd>> make_socket_pair();

// Untyped part: frames and descriptors.
class FrameSocket final : public Watcher {
 public:
  struct Events {
    // False: the frame is not understood; the link is closed.
    std::function<bool(std::string_view frame, std::vector<base::Fd> fds)> on_frame;
    // Once; the socket is closed by then. The FrameSocket may be destroyed inside.
    std::function<void(std::string why)> on_closed;
  };
  FrameSocket(Loop& loop, base::Fd fd, Events events);
  ~FrameSocket() override;
  FrameSocket(const FrameSocket&) = delete;
  FrameSocket& operator=(const FrameSocket&) = delete;

  // False when the link is closed or just overflowed, or a descriptor is none (it could not be duplicated).
  bool send(std::string_view frame, std::vector<base::Fd> fds);
  bool open() const { return static_cast<bool>(fd_); }
  // What still waits to be taken by the peer: a process that ends now would lose it.
  std::size_t unsent_bytes() const { return out_bytes_; }
  // Takes all that a peer that has died had sent, now.
  void drain();
  void on_ready(std::uint32_t events) override;

 private:
  struct Outgoing {
    std::string bytes;
    std::vector<base::Fd> fds;
    std::size_t sent = 0;
  };
  bool receive();
  bool receive_once();
  void deliver(const bool& destroyed);
  void flush();
  void close(std::string why);

  Loop& loop_;
  base::Fd fd_;
  Events events_;
  std::string in_;
  std::deque<base::Fd> in_fds_;
  std::deque<Outgoing> out_;
  std::size_t out_bytes_ = 0;
  bool writing_ = false;
  Timer again_;                // where the kernel had no room for a message or for descriptors under way
  bool* destroyed_ = nullptr;  // set while receive() runs: the callbacks may destroy us
};

template <class Out, class In>
class Link {
 public:
  struct Events {
    std::function<void(In message, std::vector<base::Fd> fds)> on_message;
    std::function<void(std::string why)> on_closed;
  };
  Link(Loop& loop, base::Fd fd, Events events)
      : socket_(loop, std::move(fd),
                {.on_frame =
                     [on_message = std::move(events.on_message)](std::string_view frame, std::vector<base::Fd> fds) {
                       std::optional<In> message = decode<In>(frame);
                       if (!message) return false;
                       on_message(std::move(*message), std::move(fds));
                       return true;
                     },
                 .on_closed = std::move(events.on_closed)}) {}

  bool send(const Out& message) { return socket_.send(encode(message), {}); }
  bool send(const Out& message, std::vector<base::Fd> fds) { return socket_.send(encode(message), std::move(fds)); }
  bool send(const Out& message, base::Fd fd) {
    std::vector<base::Fd> fds;
    fds.push_back(std::move(fd));
    return send(message, std::move(fds));
  }
  bool open() const { return socket_.open(); }
  std::size_t unsent_bytes() const { return socket_.unsent_bytes(); }
  void drain() { socket_.drain(); }

 private:
  FrameSocket socket_;
};

}  // namespace marea::net
