#include "net/link.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace marea::net {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kReadBytes = 64U << 10;
constexpr int kReadsPerTurn = 16;
constexpr auto kSendAgain = std::chrono::milliseconds(10);

void append_u32(std::string& out, std::uint32_t value) {
  std::array<char, 4> bytes{};
  std::memcpy(bytes.data(), &value, bytes.size());
  out.append(bytes.data(), bytes.size());
}

std::uint32_t read_u32(std::string_view in) {
  std::uint32_t value = 0;
  std::memcpy(&value, in.data(), sizeof value);
  return value;
}

}  // namespace

base::Result<std::pair<base::Fd, base::Fd>> make_socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return base::fail(base::os_error("cannot make a socket pair"));
  }
  return std::pair(base::Fd(ends[0]), base::Fd(ends[1]));
}

FrameSocket::FrameSocket(Loop& loop, base::Fd fd, Events events)
    : loop_(loop), fd_(std::move(fd)), events_(std::move(events)), again_(loop, [this] { flush(); }) {
  if (!loop_.add(fd_.get(), EPOLLIN, *this)) std::abort();
}

FrameSocket::~FrameSocket() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  if (fd_) loop_.remove(fd_.get(), *this);
}

bool FrameSocket::send(std::string_view frame, std::vector<base::Fd> fds) {
  if (!fd_ || frame.size() > kMostFrameBytes || fds.size() > kMostFds) return false;
  if (std::ranges::any_of(fds, [](const base::Fd& each) { return !each; })) return false;
  Outgoing outgoing;
  outgoing.bytes.reserve(kHeaderBytes + frame.size());
  append_u32(outgoing.bytes, static_cast<std::uint32_t>(frame.size()));
  append_u32(outgoing.bytes, static_cast<std::uint32_t>(fds.size()));
  outgoing.bytes.append(frame);
  outgoing.fds = std::move(fds);
  out_bytes_ += outgoing.bytes.size();
  out_.push_back(std::move(outgoing));
  if (out_bytes_ > kMostOutboxBytes) {
    close("the peer does not read: outbox over its limit");
    return false;
  }
  if (!writing_) flush();
  return static_cast<bool>(fd_);
}

void FrameSocket::flush() {
  while (!out_.empty()) {
    Outgoing& first = out_.front();
    iovec part{.iov_base = first.bytes.data() + first.sent, .iov_len = first.bytes.size() - first.sent};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostFds)> control{};
    if (first.sent == 0 && !first.fds.empty()) {
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(sizeof(int) * first.fds.size());
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int) * first.fds.size());
      for (std::size_t i = 0; i < first.fds.size(); ++i) {
        const int fd = first.fds[i].get();
        std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof fd);
      }
    }
    const ssize_t sent = ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {
        if (!writing_) loop_.modify(fd_.get(), EPOLLIN | EPOLLOUT, *this);
        writing_ = true;
        return;
      }
      if (errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS) {  // the kernel cannot take it now
        again_.arm_in(kSendAgain);
        return;
      }
      // A dead peer is noticed by the reader too, in its own turn: closing here, inside a caller's send, would
      // surprise it.
      out_.clear();
      out_bytes_ = 0;
      return;
    }
    first.fds.clear();
    first.sent += static_cast<std::size_t>(sent);
    if (first.sent < first.bytes.size()) continue;
    out_bytes_ -= first.bytes.size();
    out_.pop_front();
  }
  if (writing_) {
    writing_ = false;
    loop_.modify(fd_.get(), EPOLLIN, *this);
  }
}

bool FrameSocket::receive_once() {
  std::array<char, kReadBytes> buffer;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostFds)> control{};
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    close(std::strerror(errno));
    return false;
  }
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      in_fds_.emplace_back(fd);
    }
  }
  if (got == 0) {
    close("closed by the peer");
    return false;
  }
  in_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

void FrameSocket::deliver(const bool& destroyed) {
  std::size_t at = 0;
  while (fd_ && in_.size() - at >= kHeaderBytes) {
    const std::string_view rest = std::string_view(in_).substr(at);
    const std::size_t length = read_u32(rest);
    const std::size_t fd_count = read_u32(rest.substr(4));
    if (length > kMostFrameBytes || fd_count > kMostFds) {
      close("malformed frame header");
      break;
    }
    if (rest.size() < kHeaderBytes + length) break;
    if (in_fds_.size() < fd_count) {
      close("frame without its descriptors");
      break;
    }
    std::vector<base::Fd> fds;
    for (std::size_t i = 0; i < fd_count; ++i) {
      fds.push_back(std::move(in_fds_.front()));
      in_fds_.pop_front();
    }
    const std::string frame(rest.substr(kHeaderBytes, length));
    at += kHeaderBytes + length;
    const bool understood = events_.on_frame(frame, std::move(fds));
    if (destroyed) return;
    if (!understood) close("malformed message");
    if (destroyed) return;
  }
  in_.erase(0, at);
}

// A few reads a turn: a talkative peer must not starve the loop. True: there may be more.
bool FrameSocket::receive() {
  bool destroyed = false;
  bool more = true;
  destroyed_ = &destroyed;
  for (int i = 0; i < kReadsPerTurn && more; ++i) {
    more = receive_once() && !destroyed;
    if (more) deliver(destroyed);
    more = more && !destroyed && fd_;
  }
  if (!destroyed) destroyed_ = nullptr;
  return more;
}

void FrameSocket::drain() {
  while (fd_ && receive()) {
  }
}

void FrameSocket::close(std::string why) {
  if (!fd_) return;
  loop_.remove(fd_.get(), *this);
  fd_.reset();
  out_.clear();
  again_.cancel();
  in_fds_.clear();
  if (events_.on_closed) {
    const auto on_closed = events_.on_closed;
    on_closed(std::move(why));
  }
}

void FrameSocket::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0 && fd_) flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && fd_) receive();
}

}  // namespace marea::net
