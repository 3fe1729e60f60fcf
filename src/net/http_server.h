// An HTTP/1.1 server on a Loop for the control API: many connections in one thread, keep-alive and pipelining in order,
// every queue and every wait bounded by HttpLimits. It is not the data plane (src/router).
//
//   HttpServer server(loop, {}, [&](const HttpRequest& head) -> BodyPlan {
//     if (head.method == "PUT" && is_blob(head))
//       return StreamedBody{.most = kMostBlobBytes, .begin = [&](HttpRequest head, Responder responder) {
//         auto upload = std::make_shared<Upload>(std::move(head), std::move(responder));
//         return BodySink{.on_data = [upload](std::string_view piece) { upload->write(piece); },
//                         .on_end = [upload] { upload->finish(); },        // answers through its Responder
//                         .on_abort = [upload](std::string_view) { upload->drop(); }};
//       }};
//     return WholeBody{.most = 1 << 20, .then = [&](HttpRequest request, Responder responder) {
//       responder.send({.status = 200, .fields = {{"Content-Type", "application/json"}}, .body = answer(request)});
//     }};
//   });
//   server.listen(std::move(listening.fd));
//
// The route function sees each head and says what becomes of the body: BodyPlan. `Expect: 100-continue` is answered
// when it accepts one. A malformed message never reaches it: it is answered by a Status object (net/http_message.h) and
// the connection is closed; so are bodies beyond `most` (413) and messages that are too slow (408).
//
// Everything runs on the loop's thread. Nothing is called back from inside a call of yours, except that destroying a
// callback destroys what it holds. What a callback throws becomes a 500. The server must not be destroyed inside one of
// its callbacks; destroying it closes all connections and calls nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "net/http_message.h"
#include "net/loop.h"
#include "net/tls.h"

namespace marea::net {

struct HttpLimits {
  std::size_t connections = 256;  // beyond: the one idle longest is closed; none idle: 503
  // A stream's pieces that the client has not taken yet: above it Responder::write refuses. A client that reads a log
  // slower than it is written is told apart from one that hiccups by about a second of a busy log.
  std::size_t waiting_bytes = 1U << 20;
  base::Duration head = std::chrono::seconds(10);  // from the first byte of a head to its end, against slow senders
  base::Duration idle = std::chrono::seconds(75);  // between two requests
  // A body has to bring `body_bytes` in each such time, or its end.
  base::Duration body = std::chrono::seconds(30);
  std::uint64_t body_bytes = 16U << 10;
  base::Duration taking = std::chrono::seconds(60);    // a client that takes not one byte of an answer
  base::Duration lingering = std::chrono::seconds(3);  // reads on after an early answer, so that the client can see it
};

struct HttpExchange;  // internal

// The right and duty to answer one request. Keep it as long as the answer takes and use it from any event of the loop.
// Moves, never copies. After the client has gone every call is harmless and does nothing. A Responder that is destroyed
// without an answer answers 500, or cuts the stream off so that the client sees that it is not whole.
class Responder {
 public:
  Responder() = default;
  explicit Responder(std::shared_ptr<HttpExchange> exchange) : exchange_(std::move(exchange)) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  // The whole answer. An answer before the request's body has ended ends the body: its sink hears nothing more.
  void send(HttpResponse response);

  // Or in pieces (chunked): begin, write…, end. `body` of the head is the first piece.
  void begin(HttpResponse head);
  // False: not taken, because the client is gone or HttpLimits::waiting_bytes wait already. Below that a piece is taken
  // whole, whatever its size.
  bool write(std::string_view piece);
  // The same with a bound below waiting_bytes.
  bool write(std::string_view piece, std::size_t most_waiting);
  void end();

  // Called each time when a write was refused and half of what may wait is free again.
  void on_writable(std::function<void()> callback);
  // Called once if the client goes away before the answer is complete. A client that shuts down only its sending side
  // still gets a whole answer; a stream ends there.
  void on_closed(std::function<void()> callback);

  // The client is there and the answer is not complete.
  bool open() const;

 private:
  void let_go();
  std::shared_ptr<HttpExchange> exchange_;
};

// Where a streamed body goes. Either on_end or on_abort is the last call, unless the request is answered before.
struct BodySink {
  std::function<void(std::string_view piece)> on_data;
  std::function<void()> on_end;
  std::function<void(std::string_view why)> on_abort;  // the client or its patience ended, or the body is too large
};

struct WholeBody {  // `then` is called with the complete body
  std::size_t most = 0;
  std::function<void(HttpRequest request, Responder responder)> then;
};
struct StreamedBody {  // `begin` is called at once
  std::uint64_t most = 0;
  std::function<BodySink(HttpRequest request, Responder responder)> begin;
};
using BodyPlan = std::variant<WholeBody, StreamedBody, HttpResponse>;  // HttpResponse: answered without reading a body
using HttpRoute = std::function<BodyPlan(const HttpRequest& head)>;

class HttpConnection;  // internal

class HttpServer {
 public:
  HttpServer(Loop& loop, HttpLimits limits, HttpRoute route);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Accepts on a listening TCP or Unix stream socket, from now on. May be called for several.
  base::Result<void> listen(base::Fd listener);
  // Serves one connected stream socket.
  void serve(base::Fd connected);

  // From now on a client whose first byte begins a TLS handshake speaks TLS, over TCP or in a test; others do not.
  // May be called again, with a certificate that is newer: connections that are open keep theirs.
  void use_tls(std::shared_ptr<const TlsIdentity> tls) { tls_ = std::move(tls); }

  // Accepts nothing more, closes idle connections, and the others after their answer; then calls `done` once. Streams
  // are ended by the application, or by destroying the server.
  void stop(std::function<void()> done);

  std::size_t connections() const { return connections_.size(); }

 private:
  friend class HttpConnection;
  class Acceptor;

  void full(base::Fd connected);
  bool close_idle_longest();
  // Called by a connection that is closed: it is destroyed later, never inside its own call.
  void closed(HttpConnection& connection);
  void bury();

  Loop& loop_;
  HttpLimits limits_;
  HttpRoute route_;
  std::shared_ptr<const TlsIdentity> tls_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unordered_map<HttpConnection*, std::unique_ptr<HttpConnection>> connections_;
  std::vector<std::unique_ptr<HttpConnection>> dead_;
  Timer burial_;
  std::vector<char> scratch_;  // what one read gives
  http::RequestHead head_;     // parsed into again and again
  bool stopping_ = false;
  std::function<void()> done_;
};

}  // namespace marea::net
