// The `logs` role: drains the instances' output pipes for as long as there is a writer, and spools it. An app must
// never wait for us: every pipe is read as soon as it has something, each in turn, and what the disk refuses is dropped
// and counted (telemetry/log_spool.h). keeper holds a second copy of each pipe, so that our death breaks none.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "decide/byte_budget.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/messages.h"
#include "net/role.h"
#include "telemetry/log_spool.h"

namespace marea::app {

class OutputPipe;

class LogsRole final : public net::RoleProcess {
 public:
  struct World {
    net::Loop& loop;
    const base::Log& log;
    std::string folder;  // DATA/logs
    net::ToKeeper to_keeper;
    std::int64_t bytes_per_second = 0;  // of one instance; what is beyond is dropped, counted, and told in its place
  };
  explicit LogsRole(World world);
  ~LogsRole() override;

  void on_peer(net::Role peer, base::Fd link) override;
  void on_listener(net::ListenerKind kind, std::string address, base::Fd listener) override;
  // Keys are "out/SERVICE/REVISION/INSTANCE", of a sidecar with "/CONTAINER", with two descriptors: stdout and stderr.
  void on_held(std::string key, std::vector<base::Fd> fds) override;
  void on_held_done() override;
  void on_builder_ended(std::uint64_t job, int wait_status) override;
  void on_stop(base::Duration grace, std::function<void()> done) override;

 private:
  friend class OutputPipe;
  using Link = net::Link<net::LogsToControl, net::ControlToLogs>;
  struct Source {
    std::string key;
    std::string service;
    base::RevisionName revision;
    base::InstanceId instance;
    std::string container;  // of a sidecar
    std::vector<std::unique_ptr<OutputPipe>> pipes;
    int open = 0;
    decide::ByteBudget budget{0};
  };
  void write(const Source& source, std::string_view lines);
  void ended(const std::string& key);
  void operator()(const net::msg::DropLogs& message);
  void operator()(const net::msg::MetricsWanted& message);

  World world_;
  std::map<std::string, Source> sources_;
  std::map<std::string, telemetry::LogSpoolWriter> writers_;  // by service
  std::vector<std::string> finished_;
  base::Fd nowhere_;  // /dev/null
  net::Timer sweep_;
  std::unique_ptr<Link> control_;
  std::uint64_t floods_ = 0;         // how often an instance began to write more than it may
  std::uint64_t dropped_bytes_ = 0;  // because of that
};

}  // namespace marea::app
