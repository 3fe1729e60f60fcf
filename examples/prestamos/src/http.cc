#include "http.h"

#include <httplib.h>

#include "log.h"

namespace prestamos {
namespace {

constexpr std::size_t kMostBodyBytes = 16 << 10;  // the largest that the desk takes has about 1 KiB
constexpr std::size_t kMostPathBytes = 200;
constexpr std::size_t kThreads = 96;  // a connection holds one: more than the 80 requests that an instance gets at once
// On one connection. The library leaves some bodies unread and loses what was sent ahead: on a connection that goes on,
// the rest of one request would be the next one.
constexpr std::size_t kRequestsEach = 1;

Request request_of(const httplib::Request& from) {
  Request out{.method = from.method == "HEAD" ? "GET" : from.method, .path = from.path, .body = from.body};
  for (const auto& [name, value] : from.params) out.query.emplace(name, value);
  out.content_type = from.get_header_value("Content-Type");
  out.accept_language = from.get_header_value("Accept-Language");
  out.idempotency_key = from.get_header_value("Idempotency-Key");
  return out;
}

Fault too_long() {
  return {.field = "path",
          .code = "too_long",
          .cause = both("the address is too long", "la dirección es demasiado larga"),
          .remedy = both("the longest has {} characters", "la más larga tiene {} caracteres",
                         {std::to_string(kMostPathBytes)})};
}

Fault body_not_taken() {
  return {
      .field = "",
      .code = "body_not_taken",
      .cause = both("a request of this method has no body here", "una petición de este método no lleva cuerpo aquí"),
      .remedy = both("send parameters in the address", "envíe los parámetros en la dirección")};
}

// Of what the library refuses by itself.
Fault library_fault(int status) {
  if (status == 413) {
    return {.field = "",
            .code = "too_large",
            .cause = both("the body is too large", "el cuerpo es demasiado grande"),
            .remedy = both("send at most {} bytes", "envíe como mucho {} bytes", {std::to_string(kMostBodyBytes)})};
  }
  return {.field = "",
          .code = "bad_request",
          .cause = both("this is not a request that the desk understands", "la mesa no entiende esta petición"),
          .remedy = both("send HTTP/1.1 with a method and headers of RFC 9110",
                         "envíe HTTP/1.1 con método y cabeceras del RFC 9110")};
}

}  // namespace

struct Front::Library {
  Library(Desk& given_desk, const Settings& given) : desk(given_desk), settings(given) {}

  Desk& desk;
  Settings settings;
  httplib::Server server;

  void answer(const httplib::Request& from, httplib::Response& to) {
    const auto start = std::chrono::steady_clock::now();
    const Reply reply = desk.answer(request_of(from));
    give(reply, to);
    note(from, reply, std::chrono::steady_clock::now() - start);
  }

  void refuse(const httplib::Request& from, httplib::Response& to, int status, const Fault& fault) {
    const Reply reply = reply_to(Refusal(status, fault), language_of(from.get_header_value("Accept-Language")));
    give(reply, to);
    note(from, reply, {});
  }

  static void give(const Reply& reply, httplib::Response& to) {
    to.status = reply.status;
    to.set_content(reply.body, reply.type.c_str());
    for (const auto& [name, value] : reply.headers) to.set_header(name.c_str(), value);
  }

  void note(const httplib::Request& from, const Reply& reply, std::chrono::steady_clock::duration latency) const {
    const std::string traceparent = from.get_header_value("traceparent");
    write_line(line_of(RequestLine{.method = std::string_view(from.method).substr(0, 20),
                                   .path = std::string_view(from.path).substr(0, kMostPathBytes),
                                   .status = reply.status,
                                   .latency = std::chrono::duration_cast<std::chrono::microseconds>(latency),
                                   .event = reply.event,
                                   .problem = reply.problem,
                                   .traceparent = traceparent,
                                   .project = settings.project}));
  }

  // Before the library reads a body, which it does for some methods only.
  bool before_body(const httplib::Request& from, httplib::Response& to) {
    const bool reads_body =
        from.method == "POST" || from.method == "PUT" || from.method == "PATCH" || from.method == "DELETE";
    const std::string length = from.get_header_value("Content-Length");
    if (!reads_body && (from.has_header("Transfer-Encoding") || (!length.empty() && length != "0"))) {
      refuse(from, to, 400, body_not_taken());
      return true;
    }
    if (from.path.size() > kMostPathBytes) {
      refuse(from, to, 414, too_long());
      return true;
    }
    if (reads_body) return false;
    answer(from, to);
    return true;
  }

  void set_up() {
    using httplib::Request;
    using httplib::Response;
    using Next = httplib::Server::HandlerResponse;
    server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server.set_payload_max_length(kMostBodyBytes);
    server.set_keep_alive_max_count(kRequestsEach);
    server.set_tcp_nodelay(true);
    server.set_default_headers(
        {{"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"},
         {"X-Content-Type-Options", "nosniff"},
         {"Referrer-Policy", "no-referrer"},
         {"Cache-Control", "no-store"}});
    // Of its own the library shares the port with whoever else shares it, and would never find it taken.
    server.set_socket_options([](socket_t socket) {
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    server.set_pre_routing_handler(
        [this](const Request& from, Response& to) { return before_body(from, to) ? Next::Handled : Next::Unhandled; });
    const auto take = [this](const Request& from, Response& to) { answer(from, to); };
    server.Post(".*", take);
    server.Put(".*", take);
    server.Patch(".*", take);
    server.Delete(".*", take);
    server.set_error_handler([this](const Request& from, Response& to) {
      if (to.body.empty()) refuse(from, to, to.status, library_fault(to.status));
    });
  }
};

Front::Front(Desk& desk, const Settings& settings) : library_(std::make_unique<Library>(desk, settings)) {
  library_->set_up();
}

Front::~Front() = default;

bool Front::bind() {
  return library_->server.bind_to_port("0.0.0.0", library_->settings.port);
}

void Front::serve() {
  library_->server.listen_after_bind();
}

void Front::stop() {
  library_->server.stop();
}

}  // namespace prestamos
