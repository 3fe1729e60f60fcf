// marea-load: asks a server for what a mix says, at the times that a schedule says, over kept connections, and accounts
// for each request. It tries nothing twice. Latencies count from the planned time, so that a stall of the server is
// seen by all who would have come meanwhile.
//
//   marea-load PORT [--stage SECONDS:RATE | SECONDS:FROM-TO | SECONDS:=COUNT]… [--connections N] [--timeout SECONDS]
//              [--seed N] [--kind "NAME SHARE HOST METHOD TARGET [BYTES]"]…
//
// Lines on stdin are kinds too: a known name gets the new share; the line "stop" ends the planning. Stdout: a JSON line
// for each request that no app answered, one each second ({"progress": …}), and the summary. The app is to repeat the
// field X-Load-Number of the request in its answer; it may name itself in X-Instance.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/load/account.h"
#include "bench/load/connection.h"
#include "bench/load/mix.h"
#include "bench/load/schedule.h"

namespace marea::load {
namespace {

constexpr int kMostEvents = 256;
// Shorter than servers keep theirs: then it is the client who closes, and no request meets a close.
constexpr Nanoseconds kMostRest = std::chrono::seconds(30);
constexpr Nanoseconds kProgressEvery = std::chrono::seconds(1);

struct Options {
  std::uint16_t port = 0;
  std::vector<Stage> stages;
  std::vector<Kind> kinds;
  std::size_t connections = 256;
  Nanoseconds timeout = std::chrono::seconds(60);
  std::uint64_t seed = 1;
};

class Load {
 public:
  explicit Load(Options options)
      : options_(std::move(options)),
        poll_(::epoll_create1(EPOLL_CLOEXEC)),
        schedule_(options_.stages),
        random_(options_.seed) {
    for (const Kind& kind : options_.kinds) mix_.set(kind);
    ::fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, STDIN_FILENO, &event);  // refused for a file: then nothing is said there
  }

  void run() {
    start_ = now();
    next_ = schedule_.next();
    while (next_ || !waiting_.empty() || account_.ended() < planned_) {
      turn();
      plan();
      send();
      look_at_the_clock();
    }
    std::puts(account_.summary(planned_).c_str());
  }

 private:
  static Nanoseconds now() { return std::chrono::steady_clock::now().time_since_epoch(); }

  void turn() {
    std::array<epoll_event, kMostEvents> events;
    Nanoseconds patience = std::chrono::milliseconds(100);
    if (next_) patience = std::clamp(start_ + next_->at - now(), Nanoseconds(0), patience);
    const timespec time{.tv_sec = 0, .tv_nsec = patience.count()};
    const int ready = ::epoll_pwait2(poll_.get(), events.data(), kMostEvents, &time, nullptr);
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      if (event.data.ptr == nullptr) {
        listen();
      } else {
        happened(*static_cast<Connection*>(event.data.ptr), event.events);
      }
    }
  }

  void happened(Connection& connection, std::uint32_t events) {
    const bool busy = connection.busy();
    const std::optional<Outcome> outcome = connection.on_ready(events);
    if (outcome) account_.add(connection.request(), *outcome);
    if (!busy && !connection.open()) account_.closed_at_rest();
    if (!connection.open()) {
      std::erase(resting_, &connection);
    } else if (outcome) {
      resting_.push_back(&connection);
    }
  }

  // Kinds, and the end.
  void listen() {
    std::array<char, 4096> block;
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got <= 0) ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
    if (got <= 0) return;
    said_.append(block.data(), static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = said_.find('\n')) != std::string::npos; said_.erase(0, end + 1)) {
      const std::string line = said_.substr(0, end);
      if (line == "stop") next_.reset();
      if (const auto kind = parse_kind(line)) mix_.set(*kind);
    }
  }

  void plan() {
    const Nanoseconds time = now();
    while (next_ && start_ + next_->at <= time) {
      if (const Kind* kind = mix_.pick(random_)) {
        waiting_.push_back({.number = ++planned_, .kind = kind, .stage = next_->stage, .planned = start_ + next_->at});
      }
      next_ = schedule_.next();
    }
  }

  void send() {
    while (!waiting_.empty()) {
      Connection* connection = free_connection();
      if (connection == nullptr) return;
      if (!connection->open() && connection->open(poll_.get(), options_.port)) account_.connected();
      if (connection->open()) {
        connection->send(std::move(waiting_.front()));
      } else {
        Request request = std::move(waiting_.front());
        request.sent = request.ended = now();
        account_.add(request, Outcome::refused);
      }
      waiting_.pop_front();
    }
  }

  // The one that rested last, so that those that are not needed rest for long.
  Connection* free_connection() {
    while (!resting_.empty()) {
      Connection* connection = resting_.back();
      resting_.pop_back();
      if (connection->still_rests()) return connection;
      account_.closed_at_rest();
    }
    for (const auto& connection : connections_) {
      if (!connection->open()) return connection.get();
    }
    if (connections_.size() >= options_.connections) return nullptr;
    connections_.push_back(std::make_unique<Connection>());
    return connections_.back().get();
  }

  void look_at_the_clock() {
    const Nanoseconds time = now();
    if (time - looked_ < kProgressEvery) return;
    looked_ = time;
    int busy = 0;
    for (const auto& connection : connections_) {
      if (connection->busy()) ++busy;
      if (connection->busy() && time - connection->request().sent > options_.timeout) {
        connection->give_up();
        account_.add(connection->request(), Outcome::late);
      } else if (connection->open() && !connection->busy() && time - connection->rests_since() > kMostRest) {
        std::erase(resting_, connection.get());
        connection->leave();
      }
    }
    std::printf(R"({"progress":{"planned":%llu,"app":%llu,"other":%llu,"in_flight":%d,"waiting":%zu}})"
                "\n",
                static_cast<unsigned long long>(planned_), static_cast<unsigned long long>(account_.by_app()),
                static_cast<unsigned long long>(account_.ended() - account_.by_app()), busy, waiting_.size());
    std::fflush(stdout);
  }

  Options options_;
  base::Fd poll_;
  Schedule schedule_;
  Mix mix_;
  std::mt19937_64 random_;
  Account account_;
  Nanoseconds start_{};
  Nanoseconds looked_{};
  std::optional<Schedule::Due> next_;
  std::uint64_t planned_ = 0;
  std::string said_;
  std::deque<Request> waiting_;  // for a connection
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> resting_;
};

[[noreturn]] void refuse(std::string_view what) {
  std::fprintf(stderr, "marea-load: cannot read '%.*s'; its source says what it takes\n", static_cast<int>(what.size()),
               what.data());
  std::exit(2);
}

Options parse(int argc, char** argv) {
  Options options;
  if (argc < 2) refuse("");
  options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    const std::optional<Stage> stage = name == "--stage" ? parse_stage(value) : std::nullopt;
    const std::optional<Kind> kind = name == "--kind" ? parse_kind(value) : std::nullopt;
    if (stage) {
      options.stages.push_back(*stage);
    } else if (kind) {
      options.kinds.push_back(*kind);
    } else if (name == "--connections") {
      options.connections = static_cast<std::size_t>(std::atoi(value));
    } else if (name == "--timeout") {
      options.timeout = std::chrono::seconds(std::atoi(value));
    } else if (name == "--seed") {
      options.seed = static_cast<std::uint64_t>(std::atoll(value));
    } else {
      refuse(std::string(name) + " " + value);
    }
  }
  return options;
}

}  // namespace
}  // namespace marea::load

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  marea::load::Load(marea::load::parse(argc, argv)).run();
}
