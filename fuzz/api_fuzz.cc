// Requests to the API, as clients send them: whatever they hold, each has an answer that is well formed, and what was
// accepted is read again by the next marea: it lists the same services.
//
// Input: requests with a byte 1 between them; each is a line "METHOD TARGET", lines of header fields, an empty line and
// the body. Host and Content-Length are added.
// modules: api control store model net base
#include <stdlib.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/api.h"
#include "control/control.h"
#include "must.h"
#include "net/http_server.h"
#include "net/link.h"
#include "store/store.h"

namespace marea::api {
namespace {

constexpr std::size_t kMostRequests = 8;
constexpr int kTurns = 30;  // until nothing more happens without others
constexpr const char* kServices = "/apis/serving.knative.dev/v1/namespaces/default/services";

// A control that nobody else has joined, with its store in memory.
class World {
 public:
  World() {
    std::string pattern = "/dev/shm/marea-api-fuzz-XXXXXX";
    MUST(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    for (const char* part : {"/blobs/sha256", "/images", "/logs", "/requests", "/incoming"})
      std::filesystem::create_directories(folder_ + part);
    open();
  }
  ~World() {
    close();
    std::filesystem::remove_all(folder_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void reopen() {
    close();
    open();
  }

  // All that came within kTurns turns, the end of an answer that has none included.
  std::string ask(const std::string& request) {
    auto pair = net::make_socket_pair();
    MUST(pair.has_value());
    server_->serve(std::move(pair->first));
    std::string out;
    std::string_view left = request;
    for (int turn = 0; turn < kTurns; ++turn) {
      if (!left.empty()) {
        const ssize_t sent = ::send(pair->second.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) left.remove_prefix(static_cast<std::size_t>(sent));
      }
      loop_.turn(base::Duration{0});
      std::array<char, 65536> room;
      for (ssize_t got = 1; got > 0;) {
        got = ::recv(pair->second.get(), room.data(), room.size(), MSG_DONTWAIT);
        if (got > 0) out.append(room.data(), static_cast<std::size_t>(got));
        if (got > 0) turn = 0;
      }
    }
    return out;
  }

 private:
  void open() {
    auto store = store::Store::open(folder_ + "/marea.db");
    MUST(store.has_value());
    store_ = std::make_unique<store::Store>(std::move(*store));
    control_ = std::make_unique<control::Control>(
        control::Control::World{.loop = loop_,
                                .random = random_,
                                .log = log_,
                                .store = *store_,
                                .to_keeper = [](net::RoleToKeeper, std::vector<base::Fd>) {},
                                .folders = {.blobs = folder_ + "/blobs",
                                            .images = folder_ + "/images",
                                            .builds = folder_ + "/build",
                                            .logs = folder_ + "/logs",
                                            .requests = folder_ + "/requests"},
                                .disk = [] { return control::DiskUse{.bytes = 1000}; }});
    MUST(control_->start().has_value());
    api_ = std::make_unique<Api>(Api::World{.loop = loop_,
                                            .control = *control_,
                                            .random = random_,
                                            .front = {.http_port = 8080},
                                            .incoming = folder_ + "/incoming",
                                            .version = "0"});
    server_ = std::make_unique<net::HttpServer>(loop_, net::HttpLimits{},
                                                [this](const net::HttpRequest& head) { return api_->route(head); });
  }
  void close() {
    server_.reset();
    api_.reset();
    control_.reset();
    store_.reset();
  }

  std::string folder_;
  base::ManualClock clock_;
  net::Loop loop_{clock_};
  base::SeededRandom random_{1};
  base::Log log_{-1, "control"};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<control::Control> control_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::HttpServer> server_;
};

std::string as_http(std::string_view text) {
  const std::size_t line_end = std::min(text.find('\n'), text.size());
  std::string head = std::string(text.substr(0, line_end)) + " HTTP/1.1\r\nHost: api\r\n";
  text.remove_prefix(std::min(line_end + 1, text.size()));
  while (!text.empty() && !text.starts_with('\n')) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    head += std::string(text.substr(0, end)) + "\r\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const std::string_view body = text.substr(std::min<std::size_t>(1, text.size()));
  return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

void is_well_formed(const std::string& answer) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  MUST(answer.empty() || answer.starts_with(kVersion));  // empty: it waits for more of the request
  if (answer.empty()) return;
  MUST(answer.find("\r\n\r\n") != std::string::npos);
  MUST(!answer.starts_with("HTTP/1.1 500"));
}

// The names and documents of all services, without what time and restarts change.
std::string listed(World& world) {
  const std::string answer = world.ask(std::string("GET ") + kServices + " HTTP/1.1\r\nHost: api\r\n\r\n");
  MUST(answer.starts_with("HTTP/1.1 200"));
  const Json list = Json::parse(answer.substr(answer.find("\r\n\r\n") + 4), nullptr, false);
  MUST(list.is_object());
  std::string out;
  for (const Json& item : list["items"]) out += item["metadata"]["name"].dump() + item["spec"].dump() + "\n";
  return out;
}

void check(std::string_view text) {
  World world;
  for (std::size_t count = 0; count < kMostRequests && !text.empty(); ++count) {
    const std::size_t end = std::min(text.find('\1'), text.size());
    is_well_formed(world.ask(as_http(text.substr(0, end))));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const std::string before = listed(world);
  world.reopen();
  MUST(listed(world) == before);
}

}  // namespace
}  // namespace marea::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  marea::api::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
