// A non-blocking TCP connection with its two buffers, edge-triggered: the kernel is asked once, at the start, to report
// every change, and afterwards the flags here say whether a read or a write can bring anything. Saves the system calls
// that switching interest on and off would cost on each request.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/fd.h"
#include "net/loop.h"
#include "router/buffer.h"

namespace marea::router {

class Stream {
 public:
  Stream(net::Loop& loop, BlockPool& pool) : loop_(loop), in_(pool), out_(pool) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // `fd` is non-blocking and connected or connecting. False: the kernel refused to watch it.
  bool open(base::Fd fd, net::Watcher& watcher);
  void close(net::Watcher& watcher);
  bool is_open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  // What epoll reported.
  void note(std::uint32_t events);

  Buffer& in() { return in_; }
  Buffer& out() { return out_; }

  bool readable() const { return readable_; }
  bool ended() const { return ended_; }      // the peer sends no more, and everything it sent is in in()
  bool hung_up() const { return hung_up_; }  // the peer sends no more, or is gone; something may still be unread
  bool reset() const { return reset_; }      // nobody is there any more, though something may still be unread
  bool failed() const { return failed_; }    // a read met a reset or another error: neither direction works
  bool deaf() const { return deaf_; }        // a write did; what the peer sent before may still be read
  bool writable() const { return writable_; }

  // Bytes have come, though the event that tells of them may still be under way. A system call.
  bool something_came() const;
  // Neither bytes nor the end have come. A system call.
  bool at_rest() const;
  // The peer closed its side before anything came that was sent after the first `before` bytes: its kernel acknowledged
  // none of it, so no program has read it. Known only of a connection that has ended. System calls.
  bool nothing_arrived_since(std::uint64_t before) const;

  // Bytes since the connection began.
  std::uint64_t received() const { return received_; }
  std::uint64_t sent() const { return sent_; }

  // Reads what is there into in(), at most one block. True: something came, or the end did.
  bool fill();
  // Writes out() and then `direct`; gives how much of `direct` was taken.
  std::size_t flush(std::string_view direct = {});

 private:
  net::Loop& loop_;
  base::Fd fd_;
  Buffer in_;
  Buffer out_;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  int error_ = 0;  // that a call met; the kernel tells it only once
  bool readable_ = false;
  bool writable_ = false;
  bool hung_up_ = false;
  bool reset_ = false;
  bool ended_ = false;
  bool failed_ = false;
  bool deaf_ = false;
  bool long_reads_ = false;  // the last read filled its block: the next takes a large one
};

}  // namespace marea::router
