// The API (docs/api.md): requests become control's commands, control's state becomes documents. Decides nothing itself.
//
//   Api api({.loop = loop, .control = control, .random = random, .front = {.http_port = 8080}, .incoming = folder, …});
//   HttpServer server(loop, {}, [&](const net::HttpRequest& head) { return api.route(head); });
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/objects.h"
#include "api/views.h"
#include "api/watch.h"
#include "api/write_options.h"
#include "base/random.h"
#include "control/control.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace marea::api {

class RecordLookup;

class Api {
 public:
  struct World {
    net::Loop& loop;
    control::Control& control;
    base::Random& random;
    Front front;
    std::string incoming;                     // folder for what is being uploaded: build contexts
    std::string version;                      // of this marea
    std::size_t most_changes = kMostChanges;  // that are kept for watchers
  };
  // Removes what uploads of an earlier life left.
  explicit Api(World world);

  net::BodyPlan route(const net::HttpRequest& head);
  // A request was refused before it came here, because more came than `api-requests` allows.
  void count_refused() { ++refused_; }
  // How programs come in over TLS, once that is known.
  struct Entrance {
    std::string url;
    std::string authority_base64;  // PEM of the certificate authority
    std::string token;
  };
  void set_entrance(Entrance entrance) { entrance_ = std::move(entrance); }
  // Brings what is shown up to date, as every reading request does.
  void settle() { views_.settle(); }

 private:
  using Segments = std::vector<std::string>;
  // `path` is what follows the group's version. Nothing: no such resource.
  std::optional<net::BodyPlan> own(const net::HttpRequest& head, const Segments& path);
  // Objects of a group that clients name as Kubernetes' do; `path` may begin with namespaces/NS.
  std::optional<net::BodyPlan> objects(const net::HttpRequest& head, std::string_view group, const Segments& path);
  net::BodyPlan collection(const net::HttpRequest& head, const KindInfo& kind, bool spaced);
  net::BodyPlan object(const net::HttpRequest& head, const KindInfo& kind, const std::string& name);

  std::optional<net::BodyPlan> core(const net::HttpRequest& head, const Segments& path);
  std::optional<net::BodyPlan> discovery(const net::HttpRequest& head);

  // Any kind of object: resources.cc.
  net::BodyPlan read_one(const net::HttpRequest& head, Kind kind, const std::string& name);
  net::BodyPlan read_many(const net::HttpRequest& head, Kind kind);
  struct Page {  // of a list
    std::vector<std::string> names;
    std::vector<Text> texts;
    std::uint64_t version = 0;  // as of which it is
    std::string go_on;          // where the next begins; empty: this is the last
  };
  std::expected<Page, net::HttpResponse> page(const net::HttpRequest& head, const Choice& choice) const;
  net::HttpResponse list(const Choice& choice, const Page& page) const;
  net::BodyPlan watch(const net::HttpRequest& head, Choice choice);
  net::BodyPlan remove(const net::HttpRequest& head, Kind kind, const std::string& name);
  net::BodyPlan remove_many(const net::HttpRequest& head, Kind kind);
  std::expected<Choice, net::HttpResponse> choose(const net::HttpRequest& head, Kind kind);

  // Kinds that clients write: writing.cc.
  struct Written {
    Received received;
    bool must_be_new = false;
    std::optional<std::uint64_t> expected_version;
    std::optional<Json> managed_fields;
    std::string who;
  };
  using Write = std::expected<Written, net::HttpResponse>;
  struct Target {
    Kind kind = Kind::service;
    std::string name;  // empty: the document says it
  };
  net::BodyPlan write(const net::HttpRequest& head, const Target& target);
  OtherFaults other_faults(Kind kind) const;
  Write created(const net::HttpRequest& request, const Target& target, const WriteOptions& options);
  Write replaced(const net::HttpRequest& request, const Target& target, const WriteOptions& options);
  Write patched(const net::HttpRequest& request, const Target& target, const WriteOptions& options);
  Write applied(const Target& target, Json wanted, const WriteOptions& options);
  Write update(const Target& target, Received received, const WriteOptions& options);
  Json stored_document(const Target& target) const;
  void store(Written written, const WriteOptions& options, net::Responder responder);
  std::expected<control::Command, net::HttpResponse> command_of(Written written, const WriteOptions& options);
  net::HttpResponse answer(const control::Applied& applied);
  net::HttpResponse answer(const control::PolicyPut& put);
  net::HttpResponse answer(const control::ExperimentPut& put);
  net::HttpResponse answer(const control::RolledBack& done, const std::string& who, const std::string& why);
  net::HttpResponse answer(const Target& target, bool created, std::optional<Json> would_be);

  // Releases and going back: releases.cc.
  net::BodyPlan move_release(const net::HttpRequest& head, const std::string& name, const std::string& act);
  net::BodyPlan answer_gate(const net::HttpRequest& head, const std::string& name, const std::string& gate);
  net::BodyPlan roll_back(const net::HttpRequest& head, const std::string& service);
  net::BodyPlan end_experiment(const net::HttpRequest& head, const std::string& name);
  void send_release(control::Command command, const std::string& name, net::Responder responder);
  std::expected<base::ServiceName, net::HttpResponse> service_of_release(const std::string& name);

  net::BodyPlan pod_log(const net::HttpRequest& head, const std::string& name);
  net::BodyPlan instances(const net::HttpRequest& head);
  net::BodyPlan instance(const net::HttpRequest& head, const std::string& name);
  net::BodyPlan blob(const net::HttpRequest& head, const std::string& digest);
  net::BodyPlan images(const net::HttpRequest& head);
  void name_image(const net::HttpRequest& request, net::Responder responder);
  net::BodyPlan builds(const net::HttpRequest& head);
  net::BodyPlan logs(const net::HttpRequest& head);
  net::BodyPlan usage(const net::HttpRequest& head);
  net::BodyPlan history(const net::HttpRequest& head, const std::string& name);  // history.cc
  net::BodyPlan changes(const net::HttpRequest& head, const std::string& name);
  net::BodyPlan what_ran(const net::HttpRequest& head);
  net::BodyPlan metrics(const net::HttpRequest& head);
  net::BodyPlan delete_logs(const std::string& service);
  net::BodyPlan disk(const net::HttpRequest& head);
  net::BodyPlan backup(const net::HttpRequest& head);
  net::BodyPlan kubeconfig(const net::HttpRequest& head);
  net::BodyPlan webhook_key(const net::HttpRequest& head);
  net::BodyPlan free_disk(control::Command command);
  net::HttpResponse health() const;

  // Executes and answers when it is done.
  net::BodyPlan carry_out(control::Command command);
  void carry_out(control::Command command, net::Responder responder);

  World world_;
  Views views_;
  std::optional<Entrance> entrance_;
  std::uint64_t refused_ = 0;
  std::vector<std::shared_ptr<RecordLookup>> lookups_;  // those that are done go when the next one comes
};

}  // namespace marea::api
