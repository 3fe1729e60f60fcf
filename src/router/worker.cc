#include "router/worker.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "router/acceptor.h"
#include "router/client.h"

namespace marea::router {

Worker::Worker(World world)
    : world_(world),
      loop_(world.clock),
      pool_(world.switchboard.bounds.buffered_by(world.index)),
      deadlines_(loop_.now()),
      tick_(loop_,
            [this] {
              pool_.tight = bounds().tight();
              deadlines_.advance(loop_.now());
              if (!deadlines_.empty()) {
                tick_.arm_in(Deadlines::kTick);
              } else {
                pool_.tight = false;  // nobody holds anything here, and nobody looks until somebody does
              }
            }),
      burial_(loop_,
              [this] {
                dead_upstreams_.clear();
                dead_clients_.clear();
              }),
      next_turn_(loop_,
                 [this] {
                   // Those that close meanwhile stay in memory until their burial.
                   const std::vector<Client*> clients = std::exchange(later_, {});
                   for (Client* client : clients) client->advance();
                 }),
      random_(world.seed),
      table_(std::make_shared<const RouteTable>(model::Routes{}, RouteTable::Live{})),
      request_log_(loop_, world.records, counts_),
      mailbox_(loop_, kMostMails, [this](Mail mail) { take(std::move(mail)); }) {}

Worker::~Worker() {
  join();
  // Connections name their homes and this worker; end them while all of that exists.
  acceptors_.clear();
  dead_clients_.clear();
  clients_.clear();
  dead_upstreams_.clear();
  for (const auto& [instance, home] : homes_) home->idle.clear();
}

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::set_deadline(Deadline& entry, base::Instant when) {
  if (deadlines_.empty()) deadlines_.advance(loop_.now());
  deadlines_.set(entry, when);
  if (!tick_.armed()) tick_.arm_in(Deadlines::kTick);
}

std::shared_ptr<Home> Worker::home_of(const std::shared_ptr<Instance>& instance) {
  std::shared_ptr<Home>& home = homes_[instance.get()];
  if (!home) home = std::make_shared<Home>(Home{.instance = instance, .idle = {}, .gone = false});
  return home;
}

RevisionCounts& Worker::counts(const RouteTable::RevisionEntry& revision) {
  Local& local = locals_[revision.index];
  if (local.counts == nullptr) local.counts = &revision.live->counts(world_.index);
  return *local.counts;
}

std::shared_ptr<Home> Worker::claim(const RouteTable::RevisionEntry& revision, std::uint64_t affinity) {
  if (revision.live->waiting() > 0) return nullptr;  // nobody overtakes the queue
  Local& local = locals_[revision.index];
  if (const std::uint32_t version = revision.live->version(); !local.known || local.version != version) {
    local.homes.clear();
    for (const std::shared_ptr<Instance>& instance : revision.live->instances()) {
      local.homes.push_back(home_of(instance));
    }
    local.version = version;
    local.known = true;
  }
  if (affinity != 0) {
    for (const std::shared_ptr<Home>& home : local.homes) {
      if (home->instance->affinity() == affinity && home->instance->claim(loop_.now())) return home;
    }
  }
  const std::shared_ptr<Home>* found = claim_least_loaded(
      local.homes, loop_.now(), [](const std::shared_ptr<Home>& home) -> Instance& { return *home->instance; });
  return found == nullptr ? nullptr : *found;
}

void Worker::release(const std::shared_ptr<Revision>& revision, const std::shared_ptr<Home>& home, bool served) {
  if (home->instance->release(loop_.now(), served)) world_.switchboard.to_main(news::Quiet{home->instance});
  if (revision->waiting() > 0) world_.switchboard.dispatch(revision, loop_.now());
}

std::unique_ptr<Upstream> Worker::idle_connection(Home& home, base::Duration most_rest) {
  while (!home.idle.empty() && now() - home.idle.back()->rests_since() <= most_rest) {
    std::unique_ptr<Upstream> upstream = std::move(home.idle.back());
    home.idle.pop_back();
    clear_deadline(*upstream);
    if (upstream->stream().at_rest()) return upstream;
    bury(std::move(upstream));
  }
  return nullptr;
}

void Worker::keep(std::unique_ptr<Upstream> upstream, Home& home, base::Duration rest) {
  if (home.gone || home.idle.size() >= static_cast<std::size_t>(home.instance->concurrency())) {
    bury(std::move(upstream));
    return;
  }
  const bool crowded = home.instance->in_flight() > home.instance->tunnels();
  if (crowded && home.instance->one_at_a_time()) {
    bury(std::move(upstream));
    return;
  }
  upstream->rest(now(), now() + rest);
  if (crowded) upstream->make_way(now() + std::min(rest, kCrowdedRest));
  home.idle.push_back(std::move(upstream));
  // Whoever hopes for a socket may have this one instead, also while engine gives none.
  if (const auto first = socketless_.find(home.instance.get()); first != socketless_.end()) later(*first->second);
}

void Worker::crowd(const Home& home) {
  mail::Crowded mine{home.instance};
  operator()(mine);
  for (int worker = 0; worker < world_.switchboard.workers(); ++worker) {
    if (worker != world_.index) world_.switchboard.to_worker(worker, mail::Crowded{home.instance});
  }
}

std::uint64_t Worker::wait(Client& client, std::int64_t bytes) {
  if (!bounds().enter_queue(bytes)) return 0;
  const std::uint64_t ticket = next_ticket_++;
  waiting_.emplace(ticket, Waiting{&client, bytes});
  return ticket;
}

// Null: it waits no more.
Client* Worker::leave_queue(std::uint64_t ticket) {
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return nullptr;
  Client* const client = found->second.client;
  bounds().leave_queue(found->second.bytes);
  waiting_.erase(found);
  return client;
}

void Worker::forget(std::uint64_t ticket) {
  leave_queue(ticket);
}

void Worker::await_socket(Client& client, const std::shared_ptr<Instance>& instance) {
  socketless_.emplace(instance.get(), &client);
  world_.switchboard.to_main(news::SocketsLow{instance});
}

void Worker::forget_socket(Client& client) {
  std::erase_if(socketless_, [&](const auto& each) { return each.second == &client; });
}

void Worker::accepted(base::Fd connection, Peer peer) {
  auto client = std::make_unique<Client>(*this, std::move(peer));
  Client& made = *client;
  clients_.emplace(&made, std::move(client));
  bounds().connections.fetch_add(1, std::memory_order_relaxed);
  counts_.connections.add();
  made.open(std::move(connection));
}

void Worker::later(Client& client) {
  if (std::find(later_.begin(), later_.end(), &client) == later_.end()) later_.push_back(&client);
  if (!next_turn_.armed()) next_turn_.arm_at(loop_.now());
}

void Worker::bury(std::unique_ptr<Upstream> upstream) {
  upstream->serve(nullptr);
  dead_upstreams_.push_back(std::move(upstream));
  if (!burial_.armed()) burial_.arm_at(loop_.now());
}

void Worker::bury(Client& client) {
  const auto found = clients_.find(&client);
  if (found == clients_.end()) return;
  std::erase(later_, &client);
  dead_clients_.push_back(std::move(found->second));
  clients_.erase(found);
  bounds().connections.fetch_sub(1, std::memory_order_relaxed);
  bounds().clients.leave(client.peer().client);
  if (!burial_.armed()) burial_.arm_at(loop_.now());
  drained_if_empty();
}

void Worker::take(Mail mail) {
  std::visit([this](auto& each) { (*this)(each); }, mail);
}

void Worker::operator()(mail::Table& mail) {
  table_ = std::move(mail.table);
  locals_.clear();
  locals_.resize(table_->revisions());
  world_.switchboard.to_main(news::TableAdopted{table_->version()});
}

void Worker::operator()(mail::Granted& mail) {
  Client* const client = leave_queue(mail.ticket);
  if (client == nullptr) {  // it went away meanwhile
    release(mail.revision, home_of(mail.instance), false);
    return;
  }
  client->granted(home_of(mail.instance));
}

void Worker::operator()(mail::Refused& mail) {
  if (Client* const client = leave_queue(mail.ticket)) client->refused(*mail.refusal);
}

void Worker::operator()(mail::SocketsCame& mail) {
  std::vector<Client*> clients;
  const auto [begin, end] = socketless_.equal_range(mail.instance.get());
  for (auto each = begin; each != end; ++each) clients.push_back(each->second);
  socketless_.erase(mail.instance.get());
  // Those that still find none register anew.
  for (Client* client : clients) client->sockets_came();
}

void Worker::operator()(mail::Gone& mail) {
  const auto found = homes_.find(mail.instance.get());
  if (found == homes_.end()) return;
  const std::shared_ptr<Home> home = found->second;
  homes_.erase(found);
  home->gone = true;
  for (std::unique_ptr<Upstream>& upstream : home->idle) bury(std::move(upstream));
  home->idle.clear();
  for (Local& local : locals_) {
    if (std::erase(local.homes, home) > 0) local.known = false;
  }
  mail::SocketsCame wake{mail.instance};
  operator()(wake);  // those that hoped for a socket of it
}

void Worker::operator()(mail::Crowded& mail) {
  const auto found = homes_.find(mail.instance.get());
  if (found == homes_.end()) return;
  std::vector<std::unique_ptr<Upstream>>& idle = found->second->idle;
  if (mail.instance->one_at_a_time()) {
    for (std::unique_ptr<Upstream>& upstream : idle) bury(std::move(upstream));
    idle.clear();
    return;
  }
  for (const std::unique_ptr<Upstream>& upstream : idle) upstream->make_way(now() + kCrowdedRest);
}

void Worker::operator()(mail::Listen& mail) {
  acceptors_.push_back(std::make_unique<Acceptor>(*this, std::move(mail.listener)));
}

void Worker::operator()(mail::Drain& /*mail*/) {
  draining_ = true;
  acceptors_.clear();
  std::vector<Client*> clients;
  clients.reserve(clients_.size());
  for (const auto& [client, owner] : clients_) clients.push_back(client);
  for (Client* client : clients) client->advance();  // those that rest close
  drained_if_empty();
}

void Worker::operator()(mail::Quit& /*mail*/) {
  request_log_.flush();
  loop_.stop();
}

void Worker::drained_if_empty() {
  if (!draining_ || drained_ || !clients_.empty()) return;
  drained_ = true;
  world_.switchboard.to_main(news::Drained{world_.index});
}

}  // namespace marea::router
