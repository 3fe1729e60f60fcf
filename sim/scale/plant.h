// One service in virtual time: its requests, its instances, and a scaler that decides how many there are. Requests wait
// first come, first served; an instance takes as many at once as its concurrency; who has the fewest takes the next.
// The n-th start of a service takes as long under every scaler.
#pragma once

#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

#include "base/clock.h"
#include "sim/chance.h"
#include "sim/scale/load.h"

namespace marea::sim::scale {

class Plant;

struct Advice {
  int wanted = 0;             // serving instances; more than there are: the difference is started
  std::vector<int> retire;    // by index in instances(); they finish what they have
  base::Instant next_look{};  // when the scaler wants to look again though nothing happens
};

class Scaler {
 public:
  virtual ~Scaler() = default;
  // After a request found no slot, an instance became ready, and when a look is due.
  virtual Advice look(const Plant& plant, base::Instant now) = 0;
  // Requests go to an instance of chance and wait there, instead of in one queue for all.
  virtual bool scatters() const { return false; }
  // How long after a request was taken it must look at the latest.
  virtual base::Duration attention() const { return base::Duration::max(); }
};

struct PlantInstance {
  base::Instant ordered{};
  base::Instant ready_at{};
  bool ready = false;
  bool draining = false;
  bool gone = false;
  int in_flight = 0;
  std::uint64_t released = 0;
  base::Instant idle_since{};     // the moment its last request ended, or it became ready
  std::deque<std::size_t> queue;  // scattered requests
};

struct Account {
  std::vector<double> slowdowns;  // response time over service time
  int cold = 0;                   // requests that waited for a start because nothing was ready
  int starts = 0;
  double idle_gb_seconds = 0;   // instances without any request, starting ones included
  double spare_gb_seconds = 0;  // the same by slots: what the load would not have needed if slots were for sale
  double gb_seconds = 0;
  bool finished = false;   // every request was served
  bool within_max = true;  // no more instances were wanted than the service may have
  bool forgotten = false;  // instances were there that nobody would have looked at again
};

class Plant {
 public:
  Plant(const LoadedService& service, base::Instant horizon, std::uint64_t seed);
  Account run(Scaler& scaler);

  const LoadedService& service() const { return *service_; }
  const std::vector<PlantInstance>& instances() const { return instances_; }
  int waiting() const { return static_cast<int>(queue_.size()); }
  int in_system() const { return in_system_; }
  // The integral of in_system() over time, in request-seconds.
  double request_seconds(base::Instant now) const;

 private:
  enum class What { arrival, ready, done, look };
  struct Event {
    base::Instant at;
    std::uint64_t order;
    What what;
    std::size_t which;
    std::size_t request;
    bool operator>(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  void add(base::Instant at, What what, std::size_t which, std::size_t request = 0);
  void happen(const Event& event, Scaler& scaler);
  void arrive(std::size_t request, Scaler& scaler);
  void dispatch(Scaler& scaler);
  void take(std::size_t instance, std::size_t request, Scaler& scaler);
  void end(std::size_t instance);
  void consult(Scaler& scaler);
  void look_by(base::Instant when);
  void count(int change);
  PlantInstance* least_loaded();

  const LoadedService* service_;
  base::Instant horizon_;
  Chance starts_;
  Chance spread_;
  base::Instant now_{};
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  std::vector<PlantInstance> instances_;
  std::vector<std::size_t> alive_;
  std::deque<std::size_t> queue_;
  std::vector<bool> cold_;
  base::Instant look_at_ = base::Instant::max();
  int in_system_ = 0;
  double request_seconds_ = 0;
  base::Instant counted_at_{};
  Account account_;
};

}  // namespace marea::sim::scale
