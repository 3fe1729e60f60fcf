#include "router/bounds.h"

namespace marea::router {
namespace {

// The others are counted by whoever holds them.
bool is_ours(model::Limit limit) {
  return limit <= model::Limit::buffer_bytes || limit == model::Limit::client_rate;
}

}  // namespace

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
    if (!is_ours(row.limit)) continue;
    out.push_back({model::Metric::limit_hits, {std::string(row.name)}, {bounds.hits(row.limit)}});
  }
  return out;
}

}  // namespace marea::router
