// The loan desk without its network: a request as a value becomes a reply as a value. Safe from any thread; the store
// is used by one at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "refusal.h"
#include "settings.h"
#include "store.h"

namespace prestamos {

struct Request {
  std::string method;
  std::string path;
  Parameters query;
  std::string body;
  std::string content_type;
  std::string accept_language;
  std::string idempotency_key;
};

struct Reply {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string event;    // of the business: loan_filed, payment_booked; for the log
  std::string problem;  // what went wrong inside; for the log alone
};

// The surroundings, given so that tests have their own.
struct World {
  std::function<Instant()> now;
  std::function<void(std::chrono::milliseconds)> wait;
};

struct Route;

class Desk {
 public:
  Desk(Settings settings, Store& store, World world);

  Reply answer(const Request& request);

 private:
  Reply answer_or_throw(const Request& request);
  Reply about() const;
  Reply healthy();
  Reply use_store(const Request& request, const Route& route, Id id);
  std::optional<Reply> replay_of(const Request& request, Instant now);
  bool is_slow(const Request& request);

  Settings settings_;
  Store& store_;
  World world_;
  std::mutex one_at_a_time_;
  std::atomic<std::int64_t> queries_{0};
};

Reply reply_to(const Refusal& refusal, Language language);

}  // namespace prestamos
