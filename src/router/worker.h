// One thread of the data plane: its loop, its callers' connections, its connections to instances. Nothing here is
// touched by another thread but the mailbox.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/http/codec.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "router/buffer.h"
#include "router/counts.h"
#include "router/deadlines.h"
#include "router/request_log.h"
#include "router/route_table.h"
#include "router/switchboard.h"
#include "router/upstream.h"

namespace marea::router {

class Client;
class Acceptor;

// How long a connection rests while another one may be waiting for it. A busy app uses it again much sooner.
inline constexpr base::Duration kCrowdedRest = std::chrono::milliseconds(100);

class Worker {
 public:
  struct World {
    const base::Clock& clock;
    Switchboard& switchboard;
    RecordWriter* records = nullptr;  // null: requests are not recorded
    int index = 0;
    std::uint64_t seed = 0;  // of request ids and of the split; different for each worker
  };
  explicit Worker(World world);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  net::Mailbox<Mail>& mailbox() { return mailbox_; }
  // The thread runs until a Quit mail.
  void start();
  void join();

  // ---- for Client and Upstream, on this thread
  net::Loop& loop() { return loop_; }
  BlockPool& pool() { return pool_; }
  base::Instant now() const { return loop_.now(); }
  std::uint64_t random() { return random_(); }
  bool draining() const { return draining_; }
  const RouteTable& table() const { return *table_; }
  // Where heads are parsed into; good until the next parse.
  net::http::RequestHead& request() { return request_; }
  net::http::ResponseHead& response() { return response_; }
  std::string& scratch() { return scratch_; }
  // Whose request is in request(); whoever parses sets it.
  const Client* request_owner = nullptr;

  void set_deadline(Deadline& entry, base::Instant when);
  void clear_deadline(Deadline& entry) { deadlines_.clear(entry); }

  RequestLog& request_log() { return request_log_; }
  WorkerCounts& counts() { return counts_; }
  const WorkerCounts& counts() const { return counts_; }
  RevisionCounts& counts(const RouteTable::RevisionEntry& revision);

  // A slot of an instance of the revision, of the one with the mark `affinity` where that has one free; or nothing:
  // then the caller queues.
  std::shared_ptr<Home> claim(const RouteTable::RevisionEntry& revision, std::uint64_t affinity = 0);
  std::shared_ptr<Home> home_of(const std::shared_ptr<Instance>& instance);
  // Before a request goes to an instance that a slot of was claimed.
  void wake(const Home& home) {
    if (home.instance->wake()) world_.switchboard.to_main(news::Woken{home.instance});
  }
  // Gives a slot back; `served`: the instance got the request.
  void release(const std::shared_ptr<Revision>& revision, const std::shared_ptr<Home>& home, bool served);
  // An idle connection that has not rested longer than `most_rest`, or nothing. Not one that the app has closed, which
  // would lose the request; nor one on which something came that nobody asked for: the next caller would take it for
  // the answer. What the event loop has not told yet counts.
  std::unique_ptr<Upstream> idle_connection(Home& home, base::Duration most_rest);
  // After the release of the slot that went with it.
  void keep(std::unique_ptr<Upstream> upstream, Home& home, base::Duration rest);
  // A connection beside the others was opened: those that are idle, on all workers, make way for it.
  void crowd(const Home& home);

  // The client waits for a slot and holds so many bytes; the ticket is what its Revision::Waiter carries. Zero: what
  // waits already takes all the memory that it may.
  std::uint64_t wait(Client& client, std::int64_t bytes);
  void forget(std::uint64_t ticket);
  void await_socket(Client& client, const std::shared_ptr<Instance>& instance);
  void forget_socket(Client& client);
  Switchboard& switchboard() { return world_.switchboard; }
  Bounds& bounds() { return world_.switchboard.bounds; }
  int index() const { return world_.index; }

  void accepted(base::Fd connection, Peer peer);
  // Lets the client advance again in the next turn, after those that have events.
  void later(Client& client);
  // Destroys it at the end of this turn.
  void bury(std::unique_ptr<Upstream> upstream);
  void bury(Client& client);

 private:
  struct Local {  // of a revision, by its index in the table
    std::uint32_t version = 0;
    bool known = false;
    RevisionCounts* counts = nullptr;
    std::vector<std::shared_ptr<Home>> homes;
  };
  void take(Mail mail);
  void operator()(mail::Table& mail);
  void operator()(mail::Granted& mail);
  void operator()(mail::Refused& mail);
  void operator()(mail::SocketsCame& mail);
  void operator()(mail::Gone& mail);
  void operator()(mail::Crowded& mail);
  void operator()(mail::Listen& mail);
  void operator()(mail::Drain& mail);
  void operator()(mail::Quit& mail);
  void drained_if_empty();
  Client* leave_queue(std::uint64_t ticket);

  World world_;
  net::Loop loop_;
  BlockPool pool_;
  Deadlines deadlines_;
  net::Timer tick_;
  net::Timer burial_;
  net::Timer next_turn_;
  std::mt19937_64 random_;
  std::shared_ptr<const RouteTable> table_;
  std::vector<Local> locals_;
  net::http::RequestHead request_;
  net::http::ResponseHead response_;
  std::string scratch_;
  WorkerCounts counts_;
  RequestLog request_log_;
  std::unordered_map<const Instance*, std::shared_ptr<Home>> homes_;
  std::unordered_map<Client*, std::unique_ptr<Client>> clients_;
  struct Waiting {
    Client* client = nullptr;
    std::int64_t bytes = 0;
  };
  std::unordered_map<std::uint64_t, Waiting> waiting_;
  std::unordered_multimap<const Instance*, Client*> socketless_;
  std::vector<Client*> later_;
  std::vector<std::unique_ptr<Upstream>> dead_upstreams_;
  std::vector<std::unique_ptr<Client>> dead_clients_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::uint64_t next_ticket_ = 1;
  bool draining_ = false;
  bool drained_ = false;
  net::Mailbox<Mail> mailbox_;
  std::thread thread_;
};

}  // namespace marea::router
