// A receiver of webhooks on the test's own loop: answers as it is told, and remembers what it was sent. For tests
// alone.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "net/listen.h"

namespace marea::webhook {

class Receiver {
 public:
  explicit Receiver(net::Loop& loop)
      : server_(loop, {}, [this](const net::HttpRequest& /*head*/) -> net::BodyPlan {
          return net::WholeBody{.most = 1U << 20, .then = [this](net::HttpRequest request, net::Responder responder) {
                                  take(std::move(request), std::move(responder));
                                }};
        }) {
    auto listening = net::listen_tcp("127.0.0.1:0");
    if (!listening) {
      ADD_FAILURE() << listening.error().line();
      return;
    }
    port = listening->port;
    if (auto done = server_.listen(std::move(listening->fd)); !done) ADD_FAILURE() << done.error().line();
  }

  std::size_t connections() const { return server_.connections(); }
  std::string url(const std::string& path = "/hook") const { return "http://127.0.0.1:" + std::to_string(port) + path; }
  std::string field(std::size_t request, std::string_view name) const {
    return std::string(requests.at(request).field(name).value_or("none"));
  }

  std::uint16_t port = 0;
  std::vector<net::HttpRequest> requests;
  // Each request takes the first of its path, the last stays; a path without any, or a status of 0, is not answered.
  std::map<std::string, std::deque<net::HttpResponse>> answers;
  std::vector<net::Responder> unanswered;

 private:
  void take(net::HttpRequest request, net::Responder responder) {
    auto& queue = answers[request.target];
    requests.push_back(std::move(request));
    if (queue.empty() || queue.front().status == 0) {
      unanswered.push_back(std::move(responder));
      return;
    }
    responder.send(queue.front());
    if (queue.size() > 1) queue.pop_front();
  }

  net::HttpServer server_;
};

}  // namespace marea::webhook
