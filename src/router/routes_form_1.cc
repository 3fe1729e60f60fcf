#include "router/routes_form_1.h"

#include <string>
#include <utility>
#include <vector>

#include "net/wire.h"

namespace marea::router {

// In a namespace of their own, where net::Reader finds their visit() and no newer one.
namespace form_1 {

struct Probe {
  model::Probe value;
};
struct Revision {
  model::RevisionRoute value;
};
struct Share {
  model::RouteShare value;
};
struct Service {
  model::ServiceRoute value;
  std::vector<Share> shares;
};
struct Routes {
  std::uint64_t version = 0;
  std::vector<Service> services;
  std::vector<Revision> revisions;
};

template <class A, net::Is<Probe> T>
void visit(A& a, T& v) {
  auto& p = v.value;
  a(p.kind, p.port, p.path, p.headers, p.initial_delay, p.timeout, p.period, p.failure_threshold, p.declared);
}
template <class A, net::Is<Revision> T>
void visit(A& a, T& v) {
  auto& r = v.value;
  base::Duration idle_timeout{};  // every revision had one
  Probe startup;
  Probe liveness;
  a(r.name, r.service, r.port, r.concurrency, r.min_scale, r.max_scale, r.timeout, idle_timeout, startup,
    r.has_liveness, liveness);
  r.idle_timeout = idle_timeout;
  r.target = r.concurrency;
  r.startup = startup.value;
  r.liveness = liveness.value;
}
template <class A, net::Is<Share> T>
void visit(A& a, T& v) {
  a(v.value.revision, v.value.weight);
}
template <class A, net::Is<Service> T>
void visit(A& a, T& v) {
  a(v.value.name, v.value.hosts, v.shares, v.value.unready);
}
template <class A, net::Is<Routes> T>
void visit(A& a, T& v) {
  a(v.version, v.services, v.revisions);
}

}  // namespace form_1

std::optional<model::Routes> read_routes_form_1(std::string_view bytes) {
  std::optional<form_1::Routes> old = net::decode<form_1::Routes>(bytes);
  if (!old) return std::nullopt;
  model::Routes routes{.version = old->version, .services = {}, .revisions = {}};
  for (form_1::Service& service : old->services) {
    for (form_1::Share& share : service.shares) service.value.shares.push_back(std::move(share.value));
    routes.services.push_back(std::move(service.value));
  }
  for (form_1::Revision& revision : old->revisions) routes.revisions.push_back(std::move(revision.value));
  return routes;
}

}  // namespace marea::router
