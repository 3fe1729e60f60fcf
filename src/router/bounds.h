// What all workers hold together against the router's own limits (model/platform_limits.h): connections of all clients
// and of each, requests that wait, memory of buffers; and how often each limit was reached.
//
// A warm request on a kept connection touches none of it but a counter that its worker alone writes. What is exact:
// connections, of one client too, and what waits are counted under a lock or in one atomic each. Buffers are summed up
// every Deadlines::kTick, so that they may exceed their limit by what arrives within one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/metric.h"
#include "model/platform_limits.h"

namespace marea::router {

inline constexpr std::size_t kMostWorkers = 64;

// A client as limits know it: an IPv4 address, or the /64 of an IPv6 address, which is what one customer gets.
using ClientKey = std::uint64_t;
constexpr ClientKey client_of_ipv4(std::uint32_t address) {
  return std::uint64_t{1} << 32U | address;  // as the network 0:1:…/64, which is nobody's (RFC 4291 §2.4)
}

// Who connected.
struct Peer {
  std::string address;  // "192.0.2.1", "2001:db8::1"
  bool ipv6 = false;
  ClientKey client = 0;
};

// A word that its owner alone writes, on a cache line of its own.
struct alignas(64) OwnCount {
  std::atomic<std::int64_t> value{0};
  void add(std::int64_t by) { value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
};

// Open connections of each client. Thread-safe; holds only clients that have one.
class ClientConnections {
 public:
  // False: it has `most` already.
  bool enter(ClientKey client, std::int64_t most);
  void leave(ClientKey client);

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<ClientKey, std::int64_t> open;
  };
  Shard& shard_of(ClientKey client) { return shards_[(client * 0x9E3779B97F4A7C15U) >> 60U]; }
  std::array<Shard, 16> shards_;
};

class Bounds {
 public:
  explicit Bounds(const model::PlatformLimits& limits) : limits_(limits) {}
  const model::PlatformLimits& limits() const { return limits_; }
  std::int64_t operator[](model::Limit limit) const { return limits_[limit]; }

  // A limit was reached, somebody was refused or made to wait for it.
  void hit(model::Limit limit) { hits_[static_cast<std::size_t>(limit)].fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t hits(model::Limit limit) const {
    return hits_[static_cast<std::size_t>(limit)].load(std::memory_order_relaxed);
  }

  // Most connections are taken: those that rest give way sooner.
  bool crowded() const { return connections.load(std::memory_order_relaxed) >= limits_[kConnections] / 8 * 7; }
  bool full() const { return connections.load(std::memory_order_relaxed) >= limits_[kConnections]; }
  // So many bytes more may wait.
  bool enter_queue(std::int64_t bytes) {
    if (waiting_bytes_.fetch_add(bytes) + bytes <= limits_[model::Limit::total_queue_bytes]) return true;
    leave_queue(bytes);
    return false;
  }
  void leave_queue(std::int64_t bytes) { waiting_bytes_.fetch_sub(bytes); }
  std::int64_t waiting_bytes() const { return waiting_bytes_.load(std::memory_order_relaxed); }

  // Bytes of the blocks that a worker's connections hold.
  OwnCount& buffered_by(int worker) { return buffered_.at(static_cast<std::size_t>(worker)); }
  std::int64_t buffered() const {
    std::int64_t sum = 0;
    for (const OwnCount& each : buffered_) sum += each.value.load(std::memory_order_relaxed);
    return sum;
  }
  bool tight() const { return buffered() >= limits_[model::Limit::buffer_bytes]; }

  std::atomic<std::int64_t> connections{0};
  ClientConnections clients;

 private:
  static constexpr model::Limit kConnections = model::Limit::connections;
  model::PlatformLimits limits_;
  std::atomic<std::int64_t> waiting_bytes_{0};
  std::array<std::atomic<std::uint64_t>, model::kLimits> hits_{};
  std::array<OwnCount, kMostWorkers> buffered_;
};

// How often each of router's own limits was met, for /metrics; those that never were included.
std::vector<model::MetricValue> metrics_of(const Bounds& bounds);

}  // namespace marea::router
