#include "webhook/courier.h"

#include <algorithm>
#include <vector>

#include "base/log.h"

namespace marea::webhook {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

Courier::Courier(World world, Events events)
    : world_(std::move(world)),
      events_(std::move(events)),
      timer_(world_.loop, [this] { set_out(); }),
      sender_(world_.loop) {}

void Courier::ask(Letter gate) {
  const std::string id = gate.id;
  gates_.try_emplace(id, Errand{.letter = std::move(gate), .due = world_.loop.now()});
  timer_.arm_in(base::Duration{0});
}

void Courier::withdraw(const std::string& id) {
  const auto found = gates_.find(id);
  if (found == gates_.end()) return;
  if (found->second.ticket != 0) sender_.cancel(found->second.ticket);
  gates_.erase(found);
  timer_.arm_in(base::Duration{0});  // its place is free
}

std::size_t Courier::room_for(const std::string& owner) const {
  const auto of_owner = static_cast<std::size_t>(
      std::ranges::count_if(notices_, [&](const auto& each) { return each.second.letter.owner == owner; }));
  const auto left = [](std::size_t most, std::size_t taken) { return most - std::min(most, taken); };
  return std::min(left(kMostNotices, notices_.size()), left(kMostNoticesOfOwner, of_owner));
}

void Courier::notify(Letter notice, base::Duration age) {
  const base::Instant now = world_.loop.now();
  const std::string id = notice.id;
  notices_.try_emplace(id, Errand{.letter = std::move(notice), .due = now, .end = now + kNoticeLife - age});
  timer_.arm_in(base::Duration{0});
}

void Courier::set_out() {
  set_out(gates_, kMostGatesAtOnce, 1);
  set_out(notices_, kMostNoticesAtOnce, kMostNoticesAtOnceOfOwner);
  if (const base::Instant due = next_due(); due != base::Instant::max()) timer_.arm_at(due);
}

// Who waits longest goes first.
void Courier::set_out(Errands& errands, std::size_t most, std::size_t most_of_owner) {
  std::size_t places = most;
  std::map<std::string, std::size_t> of_owner;
  std::vector<Errand*> due;
  for (auto& [id, errand] : errands) {
    if (errand.ticket != 0) {
      --places;
      ++of_owner[errand.letter.owner];
    } else if (errand.due <= world_.loop.now()) {
      due.push_back(&errand);
    }
  }
  std::ranges::stable_sort(due, {}, [](const Errand* errand) { return errand->due; });
  for (Errand* errand : due) {
    if (places == 0) return;
    if (of_owner[errand->letter.owner] >= most_of_owner) continue;
    ++of_owner[errand->letter.owner];
    --places;
    const std::string& id = errand->letter.id;
    if (&errands == &gates_) {
      send(*errand, [this, id](const Reply& reply) { on_gate(id, reply); });
    } else {
      send(*errand, [this, id](const Reply& reply) { on_notice(id, reply); });
    }
  }
}

void Courier::send(Errand& errand, std::function<void(const Reply&)> done) {
  const Letter& letter = errand.letter;
  const std::int64_t now = world_.loop.clock().wall().unix_ns;
  model::Json body = letter.body;
  body["sentAt"] = base::rfc3339(now);
  std::string text = body.dump(-1, ' ', false, model::Json::error_handler_t::replace);
  const std::int64_t seconds = now / kSecond;
  ++counts_.sent;
  errand.ticket = sender_.send({.url = letter.url,
                                .fields = {"webhook-id: " + letter.id, "webhook-timestamp: " + std::to_string(seconds),
                                           "webhook-signature: " + world_.key.sign(letter.id, seconds, text)},
                                .body = std::move(text)},
                               std::move(done));
}

void Courier::on_gate(const std::string& id, const Reply& reply) {
  const auto found = gates_.find(id);
  Errand& gate = found->second;
  gate.ticket = 0;
  timer_.arm_in(base::Duration{0});
  const GateReply said = read_gate_reply(reply);
  if (const auto* verdict = std::get_if<Verdict>(&said)) {
    gates_.erase(found);
    events_.on_answer(id, *verdict);
    return;
  }
  if (std::holds_alternative<Later>(said)) {
    gate.backoff.reset();
    gate.due = world_.loop.now() + kAskAgain;
    return;
  }
  ++counts_.failed;
  put_off(gate);
  const std::string& why = std::get<Trouble>(said).why;
  if (gate.troubles.size() < kMostTroubles && gate.troubles.insert(why).second) events_.on_trouble(id, why);
}

void Courier::on_notice(const std::string& id, const Reply& reply) {
  const auto found = notices_.find(id);
  Errand& notice = found->second;
  notice.ticket = 0;
  timer_.arm_in(base::Duration{0});
  const std::string trouble = notice_trouble(reply);
  if (!trouble.empty()) ++counts_.failed;
  if (!trouble.empty() && !is_gone(reply) && world_.loop.now() < notice.end) {
    put_off(notice);
    return;
  }
  ++(trouble.empty() ? counts_.delivered : counts_.given_up);
  notices_.erase(found);
  events_.on_notice_done(id, trouble.empty() ? std::nullopt : std::optional(trouble));
}

// A quarter of the wait is left to chance, so that many do not come again at once.
void Courier::put_off(Errand& errand) {
  const base::Duration wait = errand.backoff.next();
  const auto chance = static_cast<std::int64_t>(world_.random.next() % static_cast<std::uint64_t>(wait.count() / 4));
  errand.due = world_.loop.now() + wait + base::Duration(chance);
}

base::Instant Courier::next_due() const {
  base::Instant out = base::Instant::max();
  for (const Errands* errands : {&gates_, &notices_}) {
    for (const auto& [id, errand] : *errands) {
      // What is due and has no place goes when one is free.
      if (errand.ticket == 0 && errand.due > world_.loop.now()) out = std::min(out, errand.due);
    }
  }
  return out;
}

}  // namespace marea::webhook
