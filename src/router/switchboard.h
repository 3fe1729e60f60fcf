// Who tells whom what inside the router: the main loop (routes, instances, links to the other roles) and one loop per
// worker thread. Everything else that threads share is Instance and Revision.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "net/mailbox.h"
#include "router/bounds.h"
#include "router/experiment_lane.h"
#include "router/instance.h"
#include "router/rate_table.h"
#include "router/release_lane.h"
#include "router/revision.h"
#include "router/route_table.h"

namespace marea::router {

// main → worker, or worker → worker
namespace mail {
struct Table {
  std::shared_ptr<const RouteTable> table;
};
struct Granted {  // the waiter has a slot of this instance
  std::uint64_t ticket = 0;
  std::shared_ptr<Revision> revision;
  std::shared_ptr<Instance> instance;
};
struct Refused {
  std::uint64_t ticket = 0;
  std::shared_ptr<const Refusal> refusal;
};
struct SocketsCame {
  std::shared_ptr<Instance> instance;
};
struct Gone {
  std::shared_ptr<Instance> instance;
};
struct Crowded {  // another worker, or a probe, connects to it
  std::shared_ptr<Instance> instance;
};
struct Listen {
  base::Fd listener;
};
struct Drain {};  // accept nothing more, finish what is in flight, then say Drained
struct Quit {};
}  // namespace mail
using Mail = std::variant<mail::Table, mail::Granted, mail::Refused, mail::SocketsCame, mail::Gone, mail::Crowded,
                          mail::Listen, mail::Drain, mail::Quit>;

// worker → main
namespace news {
struct SomebodyWaits {
  std::shared_ptr<Revision> revision;
};
struct Quiet {
  std::shared_ptr<Instance> instance;
};
struct SocketsLow {
  std::shared_ptr<Instance> instance;
};
struct ConnectRefused {  // it was ready, and nothing listens there any more; it is unready now
  std::shared_ptr<Instance> instance;
};
struct Woken {  // a request was given to one that is throttled
  std::shared_ptr<Instance> instance;
};
struct TableAdopted {
  std::uint64_t version = 0;
};
struct Drained {
  int worker = 0;
};
}  // namespace news
using News = std::variant<news::SomebodyWaits, news::Quiet, news::SocketsLow, news::ConnectRefused, news::Woken,
                          news::TableAdopted, news::Drained>;

// Every waiter gets at most one mail for its wait, and connections are fewer than this: it is never full.
inline constexpr std::size_t kMostMails = 1U << 18U;

class Switchboard {
 public:
  explicit Switchboard(const model::PlatformLimits& limits) : bounds(limits) {}
  // Connects the mailboxes; before any thread runs.
  void connect(net::Mailbox<News>& main, std::vector<net::Mailbox<Mail>*> workers) {
    main_ = &main;
    workers_ = std::move(workers);
  }
  void to_main(News news) { main_->push(std::move(news)); }
  bool to_worker(int worker, Mail mail) { return workers_.at(static_cast<std::size_t>(worker))->push(std::move(mail)); }
  int workers() const { return static_cast<int>(workers_.size()); }

  // Gives the free slots of the revision to those who wait for it.
  void dispatch(const std::shared_ptr<Revision>& revision, base::Instant now) {
    for (Revision::Grant& grant : revision->dispatch(now)) {
      const std::shared_ptr<Instance> instance = grant.instance;
      if (to_worker(grant.waiter.worker, mail::Granted{grant.waiter.ticket, revision, std::move(grant.instance)}))
        continue;
      if (instance->release(now, false)) to_main(news::Quiet{instance});
    }
  }

  Bounds bounds;
  std::unique_ptr<RateTable> rates;        // made before the first table that has a limit is published
  ReleaseLanes* lanes = nullptr;           // there before the first table that has a release; outlives the workers
  ExperimentLanes* experiments = nullptr;  // the same, for experiments

 private:
  net::Mailbox<News>* main_ = nullptr;
  std::vector<net::Mailbox<Mail>*> workers_;
};

}  // namespace marea::router
