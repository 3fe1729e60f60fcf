// model::Routes, made ready for lookup: one hash from host to service, one comparison per share to a revision.
// Immutable; every worker holds one and swaps it between events.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/routes.h"
#include "router/revision.h"

namespace marea::router {

class RouteTable {
 public:
  struct RevisionEntry {
    std::shared_ptr<Revision> live;
    base::Duration timeout{};
    std::uint32_t index = 0;  // 0 … revisions() - 1 within this table
  };
  struct Share {
    std::uint32_t until = 0;  // cumulative weight
    const RevisionEntry* revision = nullptr;
  };
  struct ServiceEntry {
    base::ServiceName name;
    std::vector<Share> shares;
    std::string unready;
    model::RateLimit rate_limit;
    std::uint64_t hash = 0;  // of its name: the same in every table
    bool affine = false;     // clients of a revision of it come back to their instance
  };
  using Live = std::function<std::shared_ptr<Revision>(const model::RevisionRoute&)>;

  // `live` gives the shared part of each revision. Shares of revisions that `routes` does not have are left out.
  RouteTable(const model::Routes& routes, const Live& live);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  std::uint64_t version() const { return version_; }
  std::size_t revisions() const { return revisions_.size(); }
  // `host` as the request has it, without port: any case, perhaps with the final dot.
  const ServiceEntry* find(std::string_view host) const;
  // By weight; null when no revision has a share. `random` is uniform.
  static const RevisionEntry* pick(const ServiceEntry& service, std::uint64_t random);
  // The one with this mark (affinity.h) when it has a share; else by weight.
  static const RevisionEntry* pick(const ServiceEntry& service, std::uint64_t affinity, std::uint64_t random);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::uint64_t version_;
  std::vector<RevisionEntry> revisions_;
  std::vector<ServiceEntry> services_;
  std::unordered_map<std::string, const ServiceEntry*, Hash, std::equal_to<>> hosts_;
};

}  // namespace marea::router
