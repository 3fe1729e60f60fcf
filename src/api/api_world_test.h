// The API over a real socket, above a Control whose engine, router and builders the test plays.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>

#include "api/api.h"
#include "control/control_world_test.h"
#include "net/http_server.h"
#include "net/link.h"

namespace marea::api {

struct Reply {
  int status = 0;
  std::string head;
  std::string body;
  Json json() const { return Json::parse(body, nullptr, false); }
};

class ApiWorld : public testing::Test {
 protected:
  ApiWorld() {
    std::filesystem::create_directories(world.folder() + "/incoming");
    open();
  }
  ~ApiWorld() override { close(); }

  void open() {
    api = std::make_unique<Api>(Api::World{.loop = world.loop(),
                                           .control = world.control(),
                                           .random = world.random(),
                                           .front = {.http_port = 8080},
                                           .incoming = world.folder() + "/incoming",
                                           .version = "0",
                                           .most_changes = most_changes});
    server = std::make_unique<net::HttpServer>(world.loop(), net::HttpLimits{},
                                               [this](const net::HttpRequest& head) { return api->route(head); });
    connect();
  }
  void close() {
    server.reset();
    api.reset();
  }
  void connect() {
    auto pair = *net::make_socket_pair();
    server->serve(std::move(pair.first));
    client = std::move(pair.second);
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      world.run();
      ASSERT_TRUE(sent > 0 || errno == EAGAIN);
    }
  }
  // What has come so far.
  std::string receive() {
    world.run();
    std::string out;
    char room[4096];
    for (;;) {
      const ssize_t got = ::recv(client.get(), room, sizeof room, MSG_DONTWAIT);
      if (got <= 0) return out;
      out.append(room, static_cast<std::size_t>(got));
      world.run();
    }
  }
  static Reply parse(const std::string& text) {
    Reply reply;
    const std::size_t end = text.find("\r\n\r\n");
    if (!text.starts_with("HTTP/1.1 ") || end == std::string::npos) return reply;
    reply.status = std::stoi(text.substr(9));
    reply.head = text.substr(0, end);
    reply.body = text.substr(end + 4);
    return reply;
  }
  Reply call(const std::string& method, const std::string& path, const std::string& body = "",
             const std::string& fields = "") {
    std::string request = method + " " + path + " HTTP/1.1\r\nHost: api\r\n" + fields;
    if (method != "GET" && method != "HEAD") request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    send(request + "\r\n" + body);
    const Reply reply = parse(receive());
    if (reply.head.find("Connection: close") != std::string::npos) connect();  // as clients do
    return reply;
  }

  std::size_t most_changes = kMostChanges;
  control::ControlWorld world;
  std::unique_ptr<Api> api;
  std::unique_ptr<net::HttpServer> server;
  base::Fd client;
};

inline constexpr const char* kServicesPath = "/apis/serving.knative.dev/v1/namespaces/default/services";
inline constexpr const char* kRevisionsPath = "/apis/serving.knative.dev/v1/namespaces/default/revisions";
inline constexpr const char* kOwn = "/apis/marea.dev/v1/";
inline constexpr const char* kMerge = "Content-Type: application/merge-patch+json\r\n";
inline constexpr const char* kPatch = "Content-Type: application/json-patch+json\r\n";
inline constexpr const char* kApply = "Content-Type: application/apply-patch+yaml\r\n";
inline constexpr const char* kTable = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json\r\n";
inline constexpr const char* kYaml = "Content-Type: application/yaml\r\n";

inline std::string hola_yaml(const std::string& image) {
  return "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: hola\nspec:\n  template:\n    spec:\n"
         "      containers:\n        - image: " +
         image + "\n";
}

}  // namespace marea::api
