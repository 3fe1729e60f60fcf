#include "router/stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/clock.h"
#include "net/listen.h"

namespace marea::router {
namespace {

struct Noting final : net::Watcher {
  explicit Noting(Stream& watched) : stream(watched) {}
  void on_ready(std::uint32_t events) override { stream.note(events); }
  Stream& stream;
};

struct StreamWorld : testing::Test {
  StreamWorld() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    peer = base::Fd(ends[1]);
    EXPECT_TRUE(stream.open(base::Fd(ends[0]), noting));
  }
  ~StreamWorld() override { stream.close(noting); }

  base::SystemClock clock;
  net::Loop loop{clock};
  OwnCount held;
  BlockPool pool{held};
  Stream stream{loop, pool};
  Noting noting{stream};
  base::Fd peer;
};

TEST_F(StreamWorld, tells_of_what_came_before_its_event_did) {
  EXPECT_FALSE(stream.something_came());
  ASSERT_EQ(::send(peer.get(), "GET", 3, 0), 3);
  EXPECT_FALSE(stream.fill()) << "no event yet";
  EXPECT_TRUE(stream.something_came());
  loop.turn({});
  EXPECT_TRUE(stream.fill());
  EXPECT_EQ(stream.in().view(), "GET") << "looking took nothing";
  EXPECT_FALSE(stream.something_came());
}

TEST_F(StreamWorld, an_end_is_nothing_that_came) {
  peer.reset();
  EXPECT_FALSE(stream.something_came());
}

TEST_F(StreamWorld, an_end_or_something_that_came_is_no_rest) {
  EXPECT_TRUE(stream.at_rest());
  ASSERT_EQ(::send(peer.get(), "G", 1, 0), 1);
  EXPECT_FALSE(stream.at_rest());
  loop.turn({});
  EXPECT_TRUE(stream.fill());
  EXPECT_TRUE(stream.at_rest()) << "it was read";
  peer.reset();
  EXPECT_FALSE(stream.at_rest());
}

// A connection over TCP that has carried "one" and its answer.
struct TcpWorld : testing::Test {
  TcpWorld() {
    net::Listening listening = *net::listen_tcp("127.0.0.1:0");
    base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(listening.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    pollfd waiting{.fd = listening.fd.get(), .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, 5000);
    app = base::Fd(::accept4(listening.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(stream.open(std::move(fd), noting));
    loop.turn({});
    say("one");
    EXPECT_EQ(read(), "one");
    EXPECT_EQ(::send(app.get(), "1", 1, 0), 1);
    loop.turn(std::chrono::seconds(5));
    EXPECT_TRUE(stream.fill());
    before = stream.sent();
  }
  ~TcpWorld() override { stream.close(noting); }

  void say(std::string_view text) {
    stream.out().append(text);
    stream.flush();
  }
  std::string read() {
    std::array<char, 64> room{};
    const ssize_t got = ::recv(app.get(), room.data(), room.size(), 0);
    return {room.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }
  // Reads to the end, as a caller's connection does.
  bool nothing_arrived() {
    while (!stream.ended() && !stream.failed()) {
      loop.turn(std::chrono::seconds(5));
      while (stream.fill()) {
      }
    }
    return stream.nothing_arrived_since(before);
  }

  base::SystemClock clock;
  net::Loop loop{clock};
  OwnCount held;
  BlockPool pool{held};
  Stream stream{loop, pool};
  Noting noting{stream};
  base::Fd app;
  std::uint64_t before = 0;
};

TEST_F(TcpWorld, what_meets_a_connection_that_the_app_had_closed_reached_nobody) {
  app.reset();
  say("two");
  EXPECT_EQ(stream.sent(), before + 3) << "the kernel took it";
  EXPECT_TRUE(nothing_arrived());
}

TEST_F(TcpWorld, what_the_app_read_before_it_closed_has_arrived) {
  say("two");
  EXPECT_EQ(read(), "two");
  app.reset();
  EXPECT_FALSE(nothing_arrived());
}

TEST_F(TcpWorld, what_the_app_may_have_read_in_part_counts_as_arrived) {
  say("two");
  std::array<char, 1> one{};
  ASSERT_EQ(::recv(app.get(), one.data(), 1, 0), 1);
  app.reset();  // with two bytes unread: a reset, and perhaps no acknowledgement before it
  EXPECT_FALSE(nothing_arrived());
}

TEST_F(TcpWorld, what_an_app_reads_that_has_only_stopped_sending_has_arrived) {
  ::shutdown(app.get(), SHUT_WR);
  say("two");
  EXPECT_EQ(read(), "two");
  app.reset();
  EXPECT_FALSE(nothing_arrived());
}

}  // namespace
}  // namespace marea::router
