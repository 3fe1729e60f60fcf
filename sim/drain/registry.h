// What control keeps in its store, and what the world remembers of it: which services people may count on.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/strong_id.h"
#include "model/service.h"
#include "store/records.h"

namespace marea::sim::drain {

struct ServiceRow {
  model::Service service;
  bool deleting = false;
  std::vector<store::RevisionRecord> revisions;  // oldest first
};

struct Registry {
  std::uint64_t epoch = 0;  // control's starts
  std::map<base::ServiceName, ServiceRow> services;

  // Control has told a person that the service answers; until it is deleted, it does.
  std::set<base::ServiceName> announced;
  // Revisions whose apps or sandboxes failed by themselves: what becomes of their requests is their own fault.
  std::set<base::RevisionName> troubled;
  // People may count on it.
  bool answers(const base::ServiceName& name) const {
    const auto found = services.find(name);
    return found != services.end() && !found->second.deleting && announced.contains(name);
  }

  bool crowded = false;  // this world's services may want more memory than the machine has
};

}  // namespace marea::sim::drain
