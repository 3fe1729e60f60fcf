// What a service's spec.traffic names and cannot have: a revision that is unknown, of another service, failed, or not
// ready yet. Each is a fault at its place, with the cause and the revisions that can be named instead.
//
// Two kinds of names are no fault: the one that the template gives the revision that this very manifest makes, and what
// the service names already with no smaller share, since a manifest that is applied again changes nothing by it.
#pragma once

#include <string>
#include <vector>

#include "base/strong_id.h"
#include "model/manifest.h"
#include "model/service.h"

namespace marea::control {

class Control;

struct TrafficWish {
  base::ServiceName service;
  std::vector<model::TrafficTarget> targets;
  std::string makes;  // the name that the template asks for; empty: marea chooses it
};

TrafficWish traffic_wish(const model::Service& wanted);
// Of a manifest that has faults of its own: what of it can be read.
TrafficWish traffic_wish(const model::Json& document);

// Changes nothing.
model::Faults traffic_faults(const Control& control, const TrafficWish& wish);

}  // namespace marea::control
