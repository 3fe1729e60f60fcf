// The API (docs/api.md): requests become control's commands, control's state becomes documents. Decides nothing itself.
//
//   Api api({.loop = loop, .control = control, .random = random, .front = {.http_port = 8080}, .incoming = folder, …});
//   HttpServer server(loop, {}, [&](const net::HttpRequest& head) { return api.route(head); });
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/objects.h"
#include "base/random.h"
#include "control/control.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace marea::api {

class Api {
 public:
  struct World {
    net::Loop& loop;
    control::Control& control;
    base::Random& random;
    Front front;
    std::string incoming;  // folder for what is being uploaded: build contexts
    std::string version;   // of this marea
  };
  // Removes what uploads of an earlier life left.
  explicit Api(World world);

  net::BodyPlan route(const net::HttpRequest& head);
  // A request was refused before it came here, because more came than `api-requests` allows.
  void count_refused() { ++refused_; }

 private:
  using Segments = std::vector<std::string>;
  // `path` is what follows the group's version. Nothing: no such resource.
  std::optional<net::BodyPlan> serving(const net::HttpRequest& head, const Segments& path);
  std::optional<net::BodyPlan> own(const net::HttpRequest& head, const Segments& path);

  net::BodyPlan services(const net::HttpRequest& head);
  net::BodyPlan service(const net::HttpRequest& head, const std::string& name);
  net::BodyPlan revisions(const net::HttpRequest& head);
  net::BodyPlan revision(const net::HttpRequest& head, const std::string& name);
  net::BodyPlan apply(const net::HttpRequest& head, std::string name);
  void apply(const net::HttpRequest& request, const std::string& name, net::Responder responder);
  net::BodyPlan instances(const net::HttpRequest& head);
  net::BodyPlan instance(const net::HttpRequest& head, const std::string& name);
  net::BodyPlan blob(const net::HttpRequest& head, const std::string& digest);
  net::BodyPlan images(const net::HttpRequest& head);
  void name_image(const net::HttpRequest& request, net::Responder responder);
  net::BodyPlan builds(const net::HttpRequest& head);
  net::BodyPlan logs(const net::HttpRequest& head);
  net::BodyPlan usage(const net::HttpRequest& head);
  net::BodyPlan metrics(const net::HttpRequest& head);
  net::BodyPlan delete_logs(const std::string& service);
  net::BodyPlan disk(const net::HttpRequest& head);
  net::BodyPlan backup(const net::HttpRequest& head);
  net::BodyPlan free_disk(control::Command command);
  net::HttpResponse health() const;

  // Executes and answers when it is done.
  net::BodyPlan carry_out(control::Command command);

  World world_;
  std::uint64_t refused_ = 0;
};

}  // namespace marea::api
