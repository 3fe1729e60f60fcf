// What the muster decides and somebody else does (router/roster.cc): a closed list.
#pragma once

#include <memory>
#include <variant>

#include "base/strong_id.h"
#include "model/routes.h"
#include "net/messages.h"
#include "router/instance.h"
#include "router/revision.h"

namespace marea::router {

namespace act {

struct ToEngine {
  net::RouterToEngine message;
};
struct ToControl {
  net::RouterToControl message;
};
struct Watch {  // probe it until an Unwatch, and answer ready() or unready()
  std::shared_ptr<Instance> instance;
  model::RevisionRoute route;
  bool ready = false;  // engine knows it as ready: answer ready() now, without a probe
};
struct AwaitReturn {  // it refused a connection: probe it until it accepts one again
  base::InstanceId id;
};
struct Unwatch {
  base::InstanceId id;
};
struct Dispatch {  // free slots to those who wait
  std::shared_ptr<Revision> revision;
};
struct Refuse {
  Revision::Waiter waiter;
  std::shared_ptr<const Refusal> refusal;
};
struct Gone {  // all workers forget it
  std::shared_ptr<Instance> instance;
};

}  // namespace act

using Action = std::variant<act::ToEngine, act::ToControl, act::Watch, act::AwaitReturn, act::Unwatch, act::Dispatch,
                            act::Refuse, act::Gone>;

}  // namespace marea::router
