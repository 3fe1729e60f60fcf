#include "router/router.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "base/crash_point.h"
#include "router/metrics.h"
#include "router/routes_file.h"

namespace marea::router {

using base::Severity;

Router::Router(World world)
    : world_(std::move(world)),
      switchboard_(world_.limits),
      news_(world_.loop, kMostMails, [this](News event) { take(std::move(event)); }),
      roster_({.loop = world_.loop,
               .log = world_.log,
               .switchboard = switchboard_,
               .to_control =
                   [this](const net::RouterToControl& message) {
                     if (control_) control_->send(message);
                   }}),
      releases_({.loop = world_.loop,
                 .workers = world_.workers,
                 .secret = world_.random.next(),
                 .send = [this](const model::ReleaseCounts& counts) { return control_ && control_->send(counts); }}),
      experiments_(
          {.loop = world_.loop,
           .workers = world_.workers,
           .secret = world_.random.next(),
           .send = [this](const model::ExperimentCounts& counts) { return control_ && control_->send(counts); }}),
      publications_([this](model::Routes routes) { publish(std::move(routes)); }),
      stop_deadline_(world_.loop, [this] { quit(); }) {
  if (!world_.records_folder.empty()) records_.emplace(world_.records_folder);
  std::vector<net::Mailbox<Mail>*> mailboxes;
  for (int index = 0; index < world_.workers; ++index) {
    workers_.push_back(std::make_unique<Worker>(Worker::World{.clock = world_.loop.clock(),
                                                              .switchboard = switchboard_,
                                                              .records = records_ ? &*records_ : nullptr,
                                                              .index = index,
                                                              .seed = world_.random.next()}));
    mailboxes.push_back(&workers_.back()->mailbox());
  }
  switchboard_.connect(news_, std::move(mailboxes));
  set_affinity_key();
  if (const base::Result<model::Routes> routes = load_routes(world_.routes_file)) {
    restoring_ = true;
    publications_.restore(*routes);
    restoring_ = false;
  }
  for (const auto& worker : workers_) worker->start();
}

void Router::set_affinity_key() {
  const AffinityKey fresh(world_.random.next(), world_.random.next());
  const std::string folder = world_.routes_file.substr(0, world_.routes_file.rfind('/') + 1);
  const base::Result<AffinityKey> key = AffinityKey::load_or_make(folder + "affinity-key", fresh);
  if (!key) {
    world_.log(Severity::warning, "clients will not find their instances again after router's next start",
               {{"why", key.error().line()}});
  }
  roster_.set_affinity_key(key.value_or(fresh));
}

Router::~Router() {
  for (int index = 0; index < world_.workers; ++index) switchboard_.to_worker(index, mail::Quit{});
  for (const auto& worker : workers_) worker->join();
}

void Router::on_peer(net::Role peer, base::Fd link) {
  if (peer == net::Role::engine) {
    roster_.set_link(std::make_unique<Roster::EngineLink>(
        world_.loop, std::move(link),
        Roster::EngineLink::Events{
            .on_message = [this](net::EngineToRouter message,
                                 std::vector<base::Fd> fds) { roster_.take(std::move(message), std::move(fds)); },
            .on_closed = [](const std::string&) {}}));  // keeper sends a new one
  } else if (peer == net::Role::control) {
    publications_.restart();
    control_ = std::make_unique<ControlLink>(
        world_.loop, std::move(link),
        ControlLink::Events{.on_message = [this](net::ControlToRouter message,
                                                 std::vector<base::Fd>) { take_control(std::move(message)); },
                            .on_closed = [](const std::string&) {}});
    roster_.report_all();
    releases_.control_linked();
    experiments_.control_linked();
  }
}

void Router::take_control(net::ControlToRouter message) {
  if (const auto* wanted = std::get_if<net::msg::MetricsWanted>(&message)) {
    send_metrics(wanted->number);
  } else if (const auto* counts_seen = std::get_if<net::msg::ReleaseCountsSeen>(&message)) {
    releases_.seen(*counts_seen);
  } else {
    publications_.take(std::move(message));
  }
}

void Router::on_listener(net::ListenerKind kind, std::string address, base::Fd listener) {
  if (kind != net::ListenerKind::http) return;
  for (int index = 0; index < world_.workers; ++index) {
    base::Fd own = listener.duplicate();
    if (own) switchboard_.to_worker(index, mail::Listen{std::move(own)});
  }
  world_.log(Severity::info, "serving", {{"address", std::move(address)}});
}

void Router::on_held(std::string key, std::vector<base::Fd> fds) {
  if (key != net::kLedgerKey || fds.size() != 1 || ledger_) return;
  base::Result<net::Ledger> ledger = net::Ledger::attach(std::move(fds[0]), world_.loop.now());
  if (!ledger) {  // each instance counts for itself then; what they do is not billed
    world_.log(Severity::error, "requests are not metered", {{"why", ledger.error().line()}});
    return;
  }
  ledger_ = std::move(*ledger);
  roster_.set_ledger(&*ledger_);
}
void Router::on_held_done() {}
void Router::on_builder_ended(std::uint64_t /*job*/, int /*wait_status*/) {}

void Router::publish(model::Routes routes) {
  roster_.set_routes(routes);
  routed_.clear();
  for (const model::RevisionRoute& route : routes.revisions) routed_.push_back(roster_.live(route.name));
  const bool limited =
      std::ranges::any_of(routes.services, [](const model::ServiceRoute& each) { return each.rate_limit.on(); });
  if (limited && !switchboard_.rates) switchboard_.rates = std::make_unique<RateTable>(world_.random.next());
  releases_.set_routes(routes);
  experiments_.set_routes(routes);
  if (switchboard_.lanes == nullptr) switchboard_.lanes = releases_.lanes();
  if (switchboard_.experiments == nullptr) switchboard_.experiments = experiments_.lanes();
  table_ = std::make_shared<const RouteTable>(
      routes, [this](const model::RevisionRoute& route) { return roster_.live(route.name); },
      RouteTable::Seats{
          .of_release = [this](const model::ReleaseRoute& release) { return releases_.seat_of(release); },
          .of_experiment = [this](const model::ExperimentRoute& each) { return experiments_.seat_of(each); }},
      table_.get());
  version_ = routes.version;
  adopted_ = 0;
  for (int index = 0; index < world_.workers; ++index) switchboard_.to_worker(index, mail::Table{table_});
  if (restoring_) return;
  if (const base::Result<void> saved = save_routes(world_.routes_file, routes); !saved) {
    world_.log(Severity::warning, "the routes could not be kept for the next start", {{"why", saved.error().line()}});
  }
  base::crash_point("router.routes.saved");
}

void Router::send_metrics(std::uint64_t number) {
  std::vector<const WorkerCounts*> counts;
  counts.reserve(workers_.size());
  for (const auto& worker : workers_) counts.push_back(&std::as_const(*worker).counts());
  std::vector<model::MetricValue> values =
      metrics_of(routed_, counts, static_cast<int>(switchboard_.bounds.connections.load(std::memory_order_relaxed)));
  std::ranges::copy(metrics_of(switchboard_.bounds), std::back_inserter(values));
  for (std::size_t from = 0;;) {
    const std::size_t until = std::min(values.size(), from + net::kMostMetricValues);
    net::msg::Metrics part{.number = number, .values = {}, .last = until == values.size()};
    part.values.assign(values.begin() + static_cast<std::ptrdiff_t>(from),
                       values.begin() + static_cast<std::ptrdiff_t>(until));
    control_->send(part);
    if (part.last) return;
    from = until;
  }
}

void Router::take(News event) {
  std::visit([this](auto& each) { (*this)(each); }, event);
}

void Router::operator()(news::TableAdopted& event) {
  if (event.version != version_ || ++adopted_ < world_.workers) return;
  releases_.adopted();
  base::crash_point("router.routes.applied");
  roster_.adopted(event.version);
}

void Router::on_stop(base::Duration grace, std::function<void()> done) {
  stopped_ = std::move(done);
  stop_deadline_.arm_in(grace);
  for (int index = 0; index < world_.workers; ++index) switchboard_.to_worker(index, mail::Drain{});
}

void Router::operator()(news::Drained& event) {
  drained_.insert(event.worker);
  if (stopped_ && static_cast<int>(drained_.size()) == world_.workers) quit();
}

void Router::quit() {
  if (!stopped_) return;
  const std::function<void()> stopped = std::exchange(stopped_, nullptr);
  stopped();
}

}  // namespace marea::router
