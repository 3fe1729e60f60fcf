// For tests: a platform that answers what the test says, on a Unix socket in a folder of its own, from a thread; and
// the command line run against it with its output kept.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/cli_run.h"
#include "base/clock.h"
#include "net/http_server.h"
#include "net/listen.h"
#include "net/loop.h"

namespace marea::app::testing {

class TestPlatform {
 public:
  using Answers = std::function<net::HttpResponse(const net::HttpRequest& request)>;

  explicit TestPlatform(Answers answers) : answers_(std::move(answers)) {
    std::string name = (std::filesystem::temp_directory_path() / "marea-cli-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    dir_ = name;
    base::Result<net::Listening> socket = net::listen_unix(dir_ + "/api.sock", 0600);
    if (!socket) std::abort();
    thread_ = std::thread([this, fd = std::move(socket->fd)]() mutable { serve(std::move(fd)); });
  }
  ~TestPlatform() {
    stopping_ = true;
    thread_.join();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  TestPlatform(const TestPlatform&) = delete;
  TestPlatform& operator=(const TestPlatform&) = delete;

  const std::string& dir() const { return dir_; }

  // "GET /apis/…" of each request, in order.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Bodies of the same.
  std::vector<std::string> bodies() const {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }

 private:
  void serve(base::Fd listener) {
    const base::SystemClock clock;
    net::Loop loop(clock);
    net::HttpServer server(loop, {}, [this](const net::HttpRequest&) -> net::BodyPlan {
      return net::WholeBody{.most = 64U << 20, .then = [this](net::HttpRequest request, net::Responder responder) {
                              responder.send(note_and_answer(request));
                            }};
    });
    if (!server.listen(std::move(listener))) std::abort();
    while (!stopping_) loop.turn(std::chrono::milliseconds(20));
  }

  net::HttpResponse note_and_answer(const net::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request.method + " " + request.target);
    bodies_.push_back(request.body);
    return answers_(request);
  }

  Answers answers_;
  std::string dir_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::string> bodies_;
  std::thread thread_;
};

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

// `data`: the data directory that MAREA_DATA would name.
inline Ran run_cli(const std::vector<std::string>& words, const std::string& data, Language language = Language::en) {
  std::ostringstream out;
  std::ostringstream err;
  Console console(out, err, Words(language), false);
  const int code = run_words(words, {.data = data}, console);
  return {code, out.str(), err.str()};
}

inline net::HttpResponse json_answer(int status, std::string body) {
  return {.status = status, .fields = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

inline void write_text(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

}  // namespace marea::app::testing
