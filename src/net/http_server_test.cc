#include "net/http_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/link.h"

namespace marea::net {
namespace {

// A server and a client on one loop with a clock that the test moves: no threads, no waiting.
class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() { connect(); }

  void connect() {
    auto pair = *make_socket_pair();
    server_.serve(std::move(pair.first));
    client_ = std::move(pair.second);
  }
  void send(std::string_view bytes) {
    ASSERT_EQ(::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void turn() {
    for (int i = 0; i < 8; ++i) loop_.turn({});
  }
  // What has come; the end of the connection is shown as "<end>".
  std::string receive() {
    turn();
    std::string out;
    for (;;) {
      char room[4096];
      const ssize_t got = ::recv(client_.get(), room, sizeof room, MSG_DONTWAIT);
      if (got == 0) return out + "<end>";
      if (got < 0) return out;
      out.append(room, static_cast<std::size_t>(got));
      turn();
    }
  }
  std::string exchange(std::string_view bytes) {
    send(bytes);
    return receive();
  }
  void advance(base::Duration by) {
    clock_.advance(by);
    turn();
  }
  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

  BodyPlan route(const HttpRequest& head) {
    if (head.segments.empty()) return HttpResponse{.status = 404, .fields = {}, .body = "nothing\n"};
    if (head.segments[0] == "throw") throw std::runtime_error("a bug");
    if (head.segments[0] == "upload") {
      return StreamedBody{.most = 100, .begin = [this](const HttpRequest&, Responder responder) {
                            auto kept = std::make_shared<Responder>(std::move(responder));
                            return BodySink{.on_data = [this](std::string_view piece) { pieces_.emplace_back(piece); },
                                            .on_end = [kept] { kept->send({.status = 201, .fields = {}, .body = {}}); },
                                            .on_abort = [this](std::string_view why) { aborted_ = why; }};
                          }};
    }
    return WholeBody{.most = 10, .then = [this](HttpRequest request, Responder responder) {
                       if (request.segments[0] == "later") {
                         later_ = std::move(responder);
                       } else {
                         responder.send({.status = 200, .fields = {}, .body = request.method + " " + request.body});
                       }
                     }};
  }

  base::ManualClock clock_;
  Loop loop_{clock_};
  std::vector<std::string> pieces_;
  std::string aborted_;
  Responder later_;
  HttpServer server_{loop_, {.waiting_bytes = 1000}, [this](const HttpRequest& head) { return route(head); }};
  base::Fd client_;
};

constexpr std::string_view kHost = "Host: marea\r\n";
std::string request(std::string_view line, std::string_view more = {}, std::string_view body = {}) {
  return std::string(line) + " HTTP/1.1\r\n" + std::string(kHost) + std::string(more) + "\r\n" + std::string(body);
}

TEST_F(HttpServerTest, answers_pipelined_requests_in_order_on_one_connection) {
  const std::string answers = exchange(request("GET /a") + request("POST /b", "Content-Length: 2\r\n", "hi"));
  const std::size_t first = answers.find("\r\n\r\nGET HTTP/1.1 200");
  EXPECT_NE(answers.find("GET "), std::string::npos) << answers;
  EXPECT_TRUE(answers.ends_with("\r\n\r\nPOST hi")) << answers;
  EXPECT_NE(first, 0U);
  EXPECT_EQ(answers.find("<end>"), std::string::npos);
}

TEST_F(HttpServerTest, a_malformed_request_never_reaches_the_application_and_closes) {
  const std::string answer = exchange("GET / HTTP/1.1\nHost: a\n\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_NE(answer.find(R"("kind":"Status")"), std::string::npos) << answer;
}

TEST_F(HttpServerTest, a_body_beyond_its_limit_gets_413_whether_announced_or_chunked) {
  EXPECT_TRUE(exchange(request("POST /a", "Content-Length: 11\r\n")).starts_with("HTTP/1.1 413 "));
  connect();
  const std::string chunked = "6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n";
  EXPECT_TRUE(exchange(request("POST /a", "Transfer-Encoding: chunked\r\n", chunked)).starts_with("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, a_streamed_body_arrives_in_pieces_and_is_answered_at_its_end) {
  EXPECT_EQ(exchange(request("PUT /upload", "Content-Length: 6\r\nExpect: 100-continue\r\n")),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(exchange("abc"), "");
  EXPECT_TRUE(exchange("def").starts_with("HTTP/1.1 201 "));
  EXPECT_EQ(pieces_, (std::vector<std::string>{"abc", "def"}));
  EXPECT_EQ(aborted_, "");
}

TEST_F(HttpServerTest, a_client_that_leaves_amid_its_body_aborts_it) {
  send(request("PUT /upload", "Content-Length: 6\r\n", "abc"));
  turn();
  client_.reset();
  turn();
  EXPECT_NE(aborted_, "");
  EXPECT_EQ(server_.connections(), 0U);
}

TEST_F(HttpServerTest, an_answer_in_pieces_is_bounded_and_goes_on_when_there_is_room) {
  send(request("GET /later"));
  turn();
  int writable = 0;
  later_.on_writable([&] { ++writable; });
  later_.begin({.status = 200, .fields = {}, .body = {}});
  const std::string piece(500, 'x');
  int taken = 0;
  while (later_.write(piece)) ++taken;
  EXPECT_LE(taken, 3);
  const std::string head = receive();
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_EQ(writable, 1);
  later_.end();
  EXPECT_TRUE(receive().ends_with("0\r\n\r\n"));
  EXPECT_FALSE(later_.open());
}

TEST_F(HttpServerTest, a_responder_that_is_dropped_answers_500_and_a_throwing_route_too) {
  send(request("GET /later"));
  turn();
  later_ = Responder();
  EXPECT_TRUE(receive().starts_with("HTTP/1.1 500 "));
  connect();
  EXPECT_TRUE(exchange(request("GET /throw")).starts_with("HTTP/1.1 500 "));
}

TEST_F(HttpServerTest, slow_heads_and_bodies_get_408_and_idle_connections_close_silently) {
  send("GET / HT");
  turn();
  advance(std::chrono::seconds(11));
  EXPECT_TRUE(receive().starts_with("HTTP/1.1 408 "));
  connect();
  send(request("PUT /upload", "Content-Length: 6\r\n", "abc"));
  turn();
  advance(std::chrono::seconds(31));
  EXPECT_TRUE(receive().starts_with("HTTP/1.1 408 "));
  EXPECT_NE(aborted_, "");
  connect();
  exchange(request("GET /a"));
  advance(std::chrono::seconds(76));
  EXPECT_EQ(receive(), "<end>");
}

TEST_F(HttpServerTest, targets_are_decoded_and_impossible_ones_refused) {
  const auto of = [](std::string_view target) {
    http::RequestHead head;
    const std::string text = "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(http::parse_request(text, head), true);
    return make_http_request(head, {});
  };
  const auto good = of("/a%2Fb//c?x=1%202&y&z=+");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->segments, (std::vector<std::string>{"a/b", "c"}));
  EXPECT_EQ(good->parameter("x"), "1 2");
  EXPECT_EQ(good->parameter("y"), "");
  EXPECT_EQ(good->parameter("z"), " ");
  for (const std::string_view bad : {"/%", "/%0", "/%00", "/%ff", "/a/../b", "/%2e%2E/x", "/?a=%zz"}) {
    EXPECT_FALSE(of(bad)) << bad;
  }
}

TEST_F(HttpServerTest, stop_waits_for_the_answer_that_is_due) {
  send(request("GET /later"));
  turn();
  bool stopped = false;
  server_.stop([&] { stopped = true; });
  turn();
  EXPECT_FALSE(stopped);
  later_.send({.status = 200, .fields = {}, .body = "ok"});
  EXPECT_NE(receive().find("Connection: close\r\n"), std::string::npos);
  client_.reset();
  turn();
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace marea::net
