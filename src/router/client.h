// A caller's connection and the request it is in: head → (waiting for a slot) → connecting → relaying → the next head,
// or a tunnel, which nothing follows. One request at a time; what a caller sends ahead waits in its buffer. Owns
// everything the request holds, and gives it back whichever way it ends: the slot of an instance, the connection to it,
// the place in the queue.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/http/codec.h"
#include "net/loop.h"
#include "router/affinity.h"
#include "router/body_relay.h"
#include "router/bounds.h"
#include "router/deadlines.h"
#include "router/forwarding.h"
#include "router/key_cookie.h"
#include "router/own_paths.h"
#include "router/pump.h"
#include "router/release_lane.h"
#include "router/request_account.h"
#include "router/revision.h"
#include "router/route_table.h"
#include "router/stream.h"
#include "router/trace.h"
#include "router/upstream.h"
#include "router/user_token.h"

namespace marea::router {

class Worker;

// How long an app's connection may have rested for a request that may be sent twice: longer than any is kept.
inline constexpr base::Duration kAnyRest = std::chrono::hours(1);
inline constexpr base::Duration kCrowdedCallerRest = std::chrono::seconds(5);  // while connections are nearly used up
inline constexpr base::Duration kLingerTime = std::chrono::seconds(2);         // for the caller to read a last answer
inline constexpr base::Duration kAnswerTime = std::chrono::seconds(15);        // for the caller to take our own answer
// A caller that closed its sending side may still read (nc -N does), or may be gone, which only shows when it is sent
// something: until then it keeps its request. In the middle of an answer it has most likely gone, so wait less.
inline constexpr base::Duration kHalfClosedTime = std::chrono::seconds(10);
inline constexpr base::Duration kSilentTime = std::chrono::seconds(1);
inline constexpr base::Duration kHalfTunnelTime = std::chrono::seconds(10);  // silence, once one side of it has ended
inline constexpr int kMostAttempts = 3;                                      // connections tried for one request
inline constexpr int kMostInterims = 1000;  // 1xx answers to one request; who reports progress sends one in seconds
// Phases gone through before others on this thread get their turn: some ten requests of a caller that sends them ahead.
inline constexpr int kMostSteps = 40;

class Client final : public net::Watcher, public Deadline {
 public:
  Client(Worker& worker, Peer peer);
  ~Client() override;

  const Peer& peer() const { return peer_; }
  void open(base::Fd connection);
  void on_ready(std::uint32_t events) override;
  // Something changed: goes on as far as it can.
  void advance();

  // The answers to a ticket of Worker::wait.
  void granted(std::shared_ptr<Home> home);
  void refused(const Refusal& refusal);
  // The answer to Worker::await_socket, which holds no more: others may have taken all that came.
  void sockets_came();

 private:
  enum class Phase : std::uint8_t { head, waiting, connecting, relaying, tunnel, answering, lingering, closed };

  // Each gives true when the next phase can go on at once.
  bool read_head();
  bool refuse_head(int status, std::string_view why);
  bool begin(const net::http::RequestHead& head);
  bool notice_departure();
  bool still_reads() const;
  bool admitted(const RouteTable::ServiceEntry& service, const net::http::RequestHead& head);
  bool over(model::Limit limit, int status, std::string_view why, base::Duration retry_after = {});
  base::Duration most_rest() const;
  bool enqueue();
  bool connect();
  bool connect_refused();
  bool send_request();
  bool relay();
  bool read_answer_head();
  bool begin_answer(const net::http::ResponseHead& response);
  void write_own_cookies(net::http::HeadWriter& out, const net::http::ResponseHead& response) const;
  bool pass_interim(const net::http::ResponseHead& response);
  bool open_tunnel(const net::http::ResponseHead& response);
  bool tunnel();
  Flow carry(Stream& from, Stream& to, BodyRelay& relay);
  void cut(model::FailureCause cause, std::string_view why);
  bool app_lost();
  bool finish();
  bool finish_answer();
  bool linger();
  bool late_body();

  bool answer(int status, std::string_view why, base::Duration retry_after = {},
              model::Reason reason = model::Reason::none);
  bool answer_options();  // whose Max-Forwards is 0
  bool own_answer(const OwnAnswer& answer, std::string_view why, model::Reason reason);
  bool send_own(net::http::HeadWriter& writer, std::string_view body);
  bool own_text(std::string_view body, std::string_view type);  // 200, or 204 where there is none
  bool next_request();
  void set_request_id(const net::http::RequestHead* head);
  void request_over();
  void give_back_upstream(bool reusable);
  void drop_request();
  void close();
  void on_deadline() override;

  // client_release.cc
  const RouteTable::RevisionEntry* steer(const RouteTable::ServiceEntry& service, const net::http::RequestHead& head);
  const RouteTable::RevisionEntry* assign(const RouteTable::Release& release, const net::http::RequestHead& head);
  void note_late_cause();
  void settle();

  // client_experiment.cc
  const RouteTable::RevisionEntry* join(const RouteTable::Experiment& experiment, const net::http::RequestHead& head,
                                        const model::RouteRule* led);
  bool takes_part(const RouteTable::Experiment& experiment, const net::http::RequestHead& head) const;
  std::string_view cookie_key(const RouteTable::Experiment& experiment, const net::http::RequestHead& head);
  void note_events(const net::http::ResponseHead& response);
  void tell_experiment(model::FailureCause cause, bool cold, base::Duration latency);
  bool answer_own_path(const RouteTable::ServiceEntry& service, const net::http::RequestHead& head);

  // client_account.cc
  void open_account(const net::http::RequestHead* head);
  void note_wait_over();
  void close_account(bool complete);

  Worker& worker_;
  Stream stream_;
  Peer peer_;

  Phase phase_ = Phase::head;
  // ---- of the request
  std::string request_id_;
  std::shared_ptr<Revision> revision_;
  std::shared_ptr<Home> home_;  // set: a slot of its instance is ours
  std::unique_ptr<Upstream> upstream_;
  std::uint64_t ticket_ = 0;  // set: we are in the revision's queue
  RequestAccount account_;
  base::Instant due_{};
  base::Instant left_{};        // when half_closed_ began
  std::size_t head_bytes_ = 0;  // of the request's head, still at the front of in()
  std::size_t scanned_ = 0;     // of the head that is being read
  std::uint64_t sent_before_hang_up_ = 0;
  BodyRelay up_;
  BodyRelay down_;
  Trace trace_;
  AffinityMarks affinity_;  // as the caller's cookie says
  OwnCookies own_cookies_;  // that the service's requests may have
  struct InRelease {        // of a request that is assigned_
    Assignment request;
    bool told = false;   // the release knows of it
    bool sets = false;   // the answer sets the key: a new one, or now and then the one that it came with
    bool cold = false;   // it waited until an instance was ready
    bool given = false;  // an instance got it, or was about to: until then its time says nothing of the arm
    ClientKeyText key;   // that is set
    // The first one told holds. Nothing: the caller left, unless the app was done.
    std::optional<model::FailureCause> cause;
    base::Instant app_done{};  // the app has answered whole
  } in_release_;
  // Of a request to a service with an experiment; the key that its answer sets, and what became of it, are in
  // in_release_.
  struct InExperiment {
    std::shared_ptr<const model::ExperimentRoute> route;  // null: there is none
    std::uint32_t number = 0;                             // of the experiment in this router; 0: it is not counted
    bool counts = false;                                  // it takes part, and is assigned_ by it
    std::uint8_t arm = 0;
    bool led = false;
    decide::KeyOrigin origin = decide::KeyOrigin::elsewhere;
    std::uint64_t key = 0;         // the fingerprint
    std::uint32_t asked = 0;       // conversions whose method and path it has
    SaidEvents said;               // by the answer
    std::optional<UserText> user;  // by which the app may name its key later
  } in_experiment_;
  std::uint64_t app_sent_before_ = 0;  // bytes to the app on its connection, before this request
  std::uint64_t carried_ = 0;          // bytes of the tunnel when its silence began
  base::Duration app_rest_{};          // how long the app's connection may rest after this request; zero: not at all
  int attempts_ = 0;
  int interims_ = 0;
  bool http10_ = false;
  bool keep_alive_ = true;
  bool head_method_ = false;
  bool idempotent_ = false;
  bool has_body_ = false;
  bool asks_websocket_ = false;
  bool awaits_continue_ = false;  // the caller sends its body when the app says so, which it did not yet
  std::uint64_t received_with_head_ = 0;
  bool assigned_ = false;           // a release's split chose the revision, and was not told the outcome yet
  bool leaves_connection_ = false;  // the app's connection serves no further request, whatever the answer says
  bool request_sent_ = false;       // the app has all of it, or wants no more
  bool answer_begun_ = false;
  bool awaits_socket_ = false;
  bool half_closed_ = false;
  bool refused_ = false;  // an instance that is still there refused a connection
  LedBy led_by_ = LedBy::split;
};

}  // namespace marea::router
