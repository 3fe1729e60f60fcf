#include "router/bounds.h"

namespace marea::router {

bool ClientConnections::enter(ClientKey client, std::int64_t most) {
  Shard& shard = shard_of(client);
  const std::scoped_lock lock(shard.mutex);
  std::int64_t& count = shard.open[client];
  if (count >= most) return false;  // it has some: the entry is not new
  ++count;
  return true;
}

void ClientConnections::leave(ClientKey client) {
  Shard& shard = shard_of(client);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.open.find(client);
  if (found != shard.open.end() && --found->second <= 0) shard.open.erase(found);
}

std::vector<model::MetricValue> metrics_of(const Bounds& bounds) {
  std::vector<model::MetricValue> out;
  for (const model::LimitRow& row : model::limit_rows()) {
    const std::uint64_t hits = bounds.hits(row.limit);
    if (hits > 0) out.push_back({model::Metric::limit_hits, {std::string(row.name)}, {hits}});
  }
  return out;
}

}  // namespace marea::router
