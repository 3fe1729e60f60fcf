// The main loop's side of the data plane: which revisions and instances there are, how many more are wanted, which are
// ready, which may go. Talks with engine; shares with the workers only Instance and Revision.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "model/routes.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/messages.h"
#include "router/health.h"
#include "router/revision.h"
#include "router/switchboard.h"

namespace marea::router {

inline constexpr base::Duration kRosterTick = std::chrono::milliseconds(100);
inline constexpr base::Duration kLoadEvery = std::chrono::milliseconds(200);  // five reports a second at most
inline constexpr base::Duration kAskAgain = std::chrono::seconds(1);          // a wish that engine did not fulfil
inline constexpr int kSocketStock = 8;                                        // asked for at a time, at least
inline constexpr std::size_t kMostUnplaced = 1024;                            // instances whose route has not come yet

class Roster {
 public:
  using EngineLink = net::Link<net::RouterToEngine, net::EngineToRouter>;
  struct World {
    net::Loop& loop;
    const base::Log& log;
    Switchboard& switchboard;
    std::function<void(net::RouterToControl)> to_control;
  };
  explicit Roster(World world);

  void set_link(std::unique_ptr<EngineLink> link);
  void take(net::EngineToRouter message, std::vector<base::Fd> fds);

  // The configuration changed; afterwards live() knows all its revisions.
  void set_routes(const model::Routes& routes);
  std::shared_ptr<Revision> live(const base::RevisionName& name) const;
  // A new link to control: it gets all loads again.
  void report_all();

  void operator()(news::SomebodyWaits& event);
  void operator()(news::Quiet& event);
  void operator()(news::SocketsLow& event);
  void operator()(news::ConnectRefused& event);

 private:
  struct Kind {  // a revision
    model::RevisionRoute route;
    std::shared_ptr<Revision> live;
    int asked = 0;
    base::Instant asked_at{};
    std::shared_ptr<const Refusal> refusal;
    base::Instant refused_until{};
    net::msg::RevisionLoad reported;
    bool retired = false;  // no longer in the routes; kept while instances of it live
  };
  struct Member {  // an instance
    std::shared_ptr<Instance> shared;
    std::shared_ptr<Revision> revision;
    std::unique_ptr<Health> health;
    std::uint64_t epoch = 0;
    bool sockets_asked = false;
    bool stale = false;  // not yet named by a new engine
    int reported = -1;
    base::Instant retire_asked{};
  };
  struct Unplaced {
    net::msg::InstanceOpen message;
    std::vector<base::Fd> fds;
  };

  void open(net::msg::InstanceOpen& message, std::vector<base::Fd> fds);
  void operator()(net::msg::InstanceOpen& message);
  void operator()(const net::msg::InstanceDrain& message);
  void operator()(const net::msg::InstanceClosed& message);
  void operator()(const net::msg::Sockets& message);
  void operator()(const net::msg::StartsFailing& message);
  void operator()(const net::msg::DemandRefused& message);
  void operator()(const net::msg::InstancesDone& message);

  std::unique_ptr<Health> watch(const Kind& kind, const std::shared_ptr<Instance>& instance);
  void became_ready(const base::InstanceId& id, std::optional<base::Fd> connection);
  void ask_sockets(Member& member);
  void tell_sockets(Member& member);
  void forget(const base::InstanceId& id);
  void refuse(Kind& kind, Refusal refusal, base::Duration during);
  void settle_refusal(Kind& kind);
  void grow(Kind& kind);
  void shrink();
  void report(bool all);
  void tick();
  void wake() {
    if (!tick_.armed()) tick_.arm_in(kRosterTick);
  }
  int members_of(const Revision& revision, bool serving) const;
  void send(const net::RouterToEngine& message) {
    if (link_) link_->send(message);
  }

  World world_;
  std::unique_ptr<EngineLink> link_;
  std::map<base::RevisionName, Kind> kinds_;
  std::map<base::InstanceId, Member> members_;
  std::vector<Unplaced> unplaced_;
  std::vector<base::Fd> fds_;  // of the message in hand
  net::Timer tick_;
  base::Instant reported_at_{};
};

}  // namespace marea::router
