#include "router/pump.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"

namespace marea::router {
namespace {

constexpr int kRoom = 16 << 20;

// Two ends of a connection with room for megabytes on their way.
std::pair<base::Fd, base::Fd> roomy_pair() {
  int fds[2];  // NOLINT(modernize-avoid-c-arrays): socketpair wants it
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  for (const int fd : fds) {
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kRoom, sizeof kRoom) != 0) {
      ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kRoom, sizeof kRoom);
    }
  }
  return {base::Fd(fds[0]), base::Fd(fds[1])};
}

struct Ready final : net::Watcher {
  Stream* stream = nullptr;
  void on_ready(std::uint32_t events) override { stream->note(events); }
};

std::size_t write_all_it_takes(const base::Fd& fd, std::size_t most) {
  const std::string block(64U << 10, 'x');
  std::size_t written = 0;
  while (written < most) {
    const ssize_t sent = ::send(fd.get(), block.data(), block.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;
    written += static_cast<std::size_t>(sent);
  }
  return written;
}

TEST(Pump, a_body_that_never_blocks_leaves_others_their_turn) {
  base::SystemClock clock;
  net::Loop loop(clock);
  OwnCount held;
  BlockPool pool{held};
  auto [app, from] = roomy_pair();
  auto [to, caller] = roomy_pair();
  Stream source(loop, pool);
  Stream sink(loop, pool);
  Ready source_ready;
  Ready sink_ready;
  source_ready.stream = &source;
  sink_ready.stream = &sink;
  ASSERT_TRUE(source.open(std::move(from), source_ready));
  ASSERT_TRUE(sink.open(std::move(to), sink_ready));
  constexpr std::size_t kTurn = kMostRounds * kLargeBlock;
  const std::size_t body = write_all_it_takes(app, 2 * kTurn + kLargeBlock);
  if (body <= kTurn) GTEST_SKIP() << "the kernel gives a socket only " << body << " bytes";
  loop.turn(std::chrono::seconds(1));
  BodyRelay relay;
  relay.start({.kind = net::http::BodyKind::length, .length = body, .length_given = true}, BodyRelay::Form::framed);

  int turns = 1;
  Flow flow = pump(source, sink, relay);
  EXPECT_EQ(flow, Flow::busy);
  std::string room(kTurn, ' ');
  while (flow == Flow::busy || flow == Flow::blocked) {
    const ssize_t got = ::recv(caller.get(), room.data(), room.size(), 0);
    ASSERT_GT(got, 0);
    ASSERT_LE(got, static_cast<ssize_t>(kTurn)) << "in one turn";
    loop.turn(std::chrono::milliseconds(1));
    flow = pump(source, sink, relay);
    ++turns;
  }
  EXPECT_EQ(flow, Flow::done);
  EXPECT_GE(turns, 2);
  source.close(source_ready);
  sink.close(sink_ready);
}

}  // namespace
}  // namespace marea::router
