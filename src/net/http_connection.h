// One connection of HttpServer: its phases, buffers and deadlines. Internal to net.
//
// What the application calls (through Responder) only fills the outbox and arms `soon_`; all input and output and all
// callbacks happen from the loop. A closed connection is taken out of the loop at once and destroyed in a later event.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace marea::net {

// What a Responder and its connection share; outlives either.
struct HttpExchange {
  enum class State : std::uint8_t { waiting, streaming, answered };
  HttpConnection* connection = nullptr;  // null once the exchange is over
  State state = State::waiting;
  bool write_refused = false;
  std::size_t most_waiting = 0;  // bound of the write that was refused
  std::function<void()> on_writable;
  std::function<void()> on_closed;
};

class HttpConnection final : public Watcher {
 public:
  HttpConnection(HttpServer& server, base::Fd fd, HttpPeer peer);
  ~HttpConnection() override;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  base::Result<void> start();
  void on_ready(std::uint32_t events) override;

  // From Responder.
  void send(HttpResponse response);
  void begin(HttpResponse head);
  bool write(std::string_view piece, std::size_t most_waiting);
  void end();
  void abandon();

  // Waits for the next request and has nothing to give.
  bool idle() const { return !closed_ && phase_ == Phase::head && in_.empty() && waiting() == 0; }
  base::Instant idle_since() const { return idle_since_; }
  void close(std::string_view why);

 private:
  enum class Phase : std::uint8_t { head, body, answering, lingering };

  ssize_t take(char* room, std::size_t size);
  void go_on();
  void receive();
  void peer_shut();
  bool wants_input() const;
  void advance();
  bool read_head();
  void begin_request(const http::RequestHead& head);
  void plan_body(BodyPlan plan, HttpRequest request, bool expects_continue);
  bool read_body();
  bool read_chunks();
  bool deliver(std::string_view piece);
  void complete_body();
  Responder open_exchange();

  void settle();
  void flush();
  void call_writable();
  void next_request();
  void linger();
  void watch();
  void on_late();

  std::size_t waiting() const { return out_.size() - out_sent_; }
  bool write_head(const HttpResponse& response, const http::Framing& framing);
  void write_answer(HttpResponse response);
  // Answers by itself and closes; the application hears that its exchange is over.
  void refuse(int status, std::string_view message);
  void detach(std::string_view why, bool tell);
  template <class F>
  bool guarded(const F& call);

  HttpServer& server_;
  base::Fd fd_;
  HttpPeer peer_;
  std::unique_ptr<TlsSession> tls_;
  bool known_ = false;  // whether it speaks TLS
  Timer soon_;
  Timer in_late_;
  Timer out_late_;
  base::Instant idle_since_;
  std::uint32_t watched_ = 0;
  Phase phase_ = Phase::head;
  bool closed_ = false;
  bool peer_shut_ = false;  // it sends nothing more

  // The message that is read.
  std::string in_;
  std::size_t searched_ = 0;
  bool head_begun_ = false;
  HttpRequest request_;
  std::variant<std::monostate, WholeBody, StreamedBody> plan_;
  BodySink sink_;
  http::Framing framing_;
  std::uint64_t left_ = 0;
  http::ChunkedDecoder decoder_;
  std::uint64_t body_bytes_ = 0;
  std::uint64_t window_bytes_ = 0;
  bool body_complete_ = true;

  // The answer that is written.
  std::shared_ptr<HttpExchange> exchange_;
  std::string out_;
  std::size_t out_sent_ = 0;
  bool http11_ = true;
  bool to_head_ = false;
  bool keep_ = true;
  bool answered_ = false;  // completely in out_
  bool cut_ = false;       // a stream that will not be whole: close once out_ is taken
};

}  // namespace marea::net
