// Who has to be asked or told by webhooks, and when: gates until they have answered or are withdrawn, notifications
// until they were taken or given up. Everything is bounded: how many wait, how many are sent at once, how long each
// takes, how often it is tried. It stores nothing: whoever owns the letters hands them in again after a restart, with
// the same ids, by which receivers know what they had before. So each is sent at least once.
//
//   Courier courier({.loop = loop, .random = random, .key = *key}, {.on_answer = …, .on_notice_done = …});
//   courier.ask({.id = "gate_hola-00002_7", .owner = "hola-00002", .url = url, .body = {…}});
//   …
//   courier.withdraw("gate_hola-00002_7");
//
// A gate that answers 202 is asked again every kAskAgain; trouble is met by asking again, later each time. Gates have
// no end here: that of a gate is its timeout, which the release's machine keeps.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/backoff.h"
#include "base/random.h"
#include "model/manifest.h"
#include "net/loop.h"
#include "webhook/gate_reply.h"
#include "webhook/sender.h"
#include "webhook/signing_key.h"

namespace marea::webhook {

inline constexpr base::Duration kAskAgain = std::chrono::seconds(30);    // a gate that said "later"
inline constexpr base::Duration kFirstRetry = std::chrono::seconds(1);   // then twice as long each time,
inline constexpr base::Duration kMostRetry = std::chrono::seconds(60);   // up to this
inline constexpr base::Duration kNoticeLife = std::chrono::minutes(15);  // older ones that were tried are given up
// Each kind has its own places, so that gates that hang hold up no notifications.
inline constexpr std::size_t kMostGatesAtOnce = 8;
inline constexpr std::size_t kMostNoticesAtOnce = 8;
inline constexpr std::size_t kMostNoticesAtOnceOfOwner = 2;
inline constexpr std::size_t kMostNotices = 1000;  // that wait or are being sent
inline constexpr std::size_t kMostNoticesOfOwner = 100;
inline constexpr std::size_t kMostTroubles = 8;  // kinds that are told of one gate

struct Letter {
  std::string id;     // of the webhook: the same in each attempt; without a dot, which ends it in what is signed
  std::string owner;  // the release
  std::string url;
  model::Json body;  // an object; the time of sending is added to it as sentAt
};

class Courier {
 public:
  struct World {
    net::Loop& loop;
    base::Random& random;
    SigningKey key;
  };
  // Called from the loop only.
  struct Events {
    // The gate is asked no more.
    std::function<void(const std::string& id, const Verdict& verdict)> on_answer;
    // Once for each kind of trouble that a gate makes.
    std::function<void(const std::string& id, const std::string& why)> on_trouble;
    // It was taken; or given up, with the last trouble.
    std::function<void(const std::string& id, std::optional<std::string> given_up)> on_notice_done;
  };
  struct Counts {
    std::uint64_t sent = 0;       // attempts
    std::uint64_t failed = 0;     // of them
    std::uint64_t delivered = 0;  // notifications
    std::uint64_t given_up = 0;
  };

  Courier(World world, Events events);
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  // A gate that is asked already goes on as it is.
  void ask(Letter gate);
  void withdraw(const std::string& id);
  bool asks(const std::string& id) const { return gates_.contains(id); }

  // How many more notifications of that owner may come.
  std::size_t room_for(const std::string& owner) const;
  // `age`: since what it tells of happened. Each is tried once at least, however old it is.
  void notify(Letter notice, base::Duration age);

  const SigningKey& key() const { return world_.key; }
  const Counts& counts() const { return counts_; }
  std::size_t waiting() const { return notices_.size(); }

 private:
  struct Errand {
    Letter letter;
    base::Backoff backoff{{.first = kFirstRetry, .most = kMostRetry}};
    base::Instant due{};
    base::Instant end{};             // of a notification
    Sender::Ticket ticket = 0;       // 0: it is not being sent
    std::set<std::string> troubles;  // of a gate, those that were told
  };
  using Errands = std::map<std::string, Errand>;

  void set_out();
  void set_out(Errands& errands, std::size_t most, std::size_t most_of_owner);
  void send(Errand& errand, std::function<void(const Reply&)> done);
  void on_gate(const std::string& id, const Reply& reply);
  void on_notice(const std::string& id, const Reply& reply);
  void put_off(Errand& errand);
  base::Instant next_due() const;

  World world_;
  Events events_;
  Errands gates_;
  Errands notices_;
  Counts counts_;
  net::Timer timer_;
  Sender sender_;  // last: its transfers hold on to all of the above
};

}  // namespace marea::webhook
