#include "router/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace marea::router {
namespace {

// As much of the kernel's tcp_info (linux/tcp.h) as is needed; libc's is older, and the two headers exclude each other.
struct TcpInfo {
  std::array<std::byte, 120> others{};
  std::uint64_t bytes_acked = 0;
};
static_assert(offsetof(TcpInfo, bytes_acked) == 120);

}  // namespace

bool Stream::open(base::Fd fd, net::Watcher& watcher) {
  readable_ = writable_ = hung_up_ = reset_ = ended_ = failed_ = deaf_ = long_reads_ = false;
  if (!loop_.add(fd.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, watcher)) return false;
  fd_ = std::move(fd);
  error_ = 0;
  return true;
}

void Stream::close(net::Watcher& watcher) {
  if (!fd_) return;
  loop_.remove(fd_.get(), watcher);
  fd_.reset();
  in_.drop();
  out_.drop();
}

void Stream::note(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & EPOLLIN) != 0) readable_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) readable_ = hung_up_ = true;
  if ((events & EPOLLERR) != 0) readable_ = writable_ = true;  // the next call tells which error
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) reset_ = true;
}

bool Stream::something_came() const {
  char byte = 0;
  return ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool Stream::at_rest() const {
  char byte = 0;
  return ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

bool Stream::nothing_arrived_since(std::uint64_t before) const {
  if (sent_ <= before) return true;
  // A reset that follows the peer's FIN says that nobody holds its end any more: EPIPE. Any other reset is the app's
  // own, which may have read what it leaves.
  int error = error_;
  socklen_t length = sizeof error;
  if (error == 0) ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != EPIPE) return false;
  TcpInfo info;
  length = sizeof info;
  if (::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || length < sizeof info) return false;
  return info.bytes_acked <= before + 1;  // the SYN counts as a byte
}

bool Stream::fill() {
  if (!readable_ || ended_ || failed_) return false;
  const std::span<char> room = in_.room(long_reads_ && in_.empty() && !in_.tight() ? kLargeBlock : 1);
  if (room.empty()) return false;
  const ssize_t got = ::recv(fd_.get(), room.data(), room.size(), 0);
  if (got > 0) {
    const auto bytes = static_cast<std::size_t>(got);
    in_.commit(bytes);
    received_ += bytes;
    long_reads_ = bytes == room.size();
    // A short read has emptied the socket; what comes later is a new edge. An end is none, so it must be read now.
    if (!long_reads_ && !hung_up_) readable_ = false;
    return true;
  }
  readable_ = false;
  if (in_.empty()) in_.drop();
  if (got == 0) {
    hung_up_ = true;
    // The write that failed took the error with it: what looks like an end here is that of a reset connection.
    (deaf_ ? failed_ : ended_) = true;
    return true;
  }
  if (errno == EAGAIN || errno == EINTR) {
    readable_ = errno == EINTR;
    return false;
  }
  error_ = errno;
  failed_ = deaf_ = true;
  return true;
}

std::size_t Stream::flush(std::string_view direct) {
  if (!writable_ || deaf_ || (out_.empty() && direct.empty())) return 0;
  const std::string_view first = out_.view();
  std::array<iovec, 2> parts{};
  std::size_t count = 0;
  for (const std::string_view part : {first, direct}) {
    // sendmsg does not write through iov_base; the type only says that it could.
    if (!part.empty()) parts.at(count++) = {const_cast<char*>(part.data()), part.size()};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  const ssize_t sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EAGAIN) {
      writable_ = false;
    } else if (errno != EINTR) {
      if (error_ == 0) error_ = errno;
      deaf_ = readable_ = true;
    }
    return 0;
  }
  const auto bytes = static_cast<std::size_t>(sent);
  sent_ += bytes;
  if (bytes < first.size() + direct.size()) writable_ = false;
  if (bytes < first.size()) {
    out_.consume(bytes);
    return 0;
  }
  const std::size_t taken = bytes - first.size();
  out_.consume(first.size());
  if (out_.capacity() != 0) out_.drop();
  return taken;
}

}  // namespace marea::router
