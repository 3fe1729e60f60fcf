// Customers, applications and what belongs to them, in one SQLite file. One thread at a time (see desk.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "records.h"
#include "sqlite.h"

namespace prestamos {

inline constexpr std::int64_t kMostStoreBytes = 64 << 20;  // what an instance with 512Mi can spare
inline constexpr Instant kReplaySeconds = 86'400;
inline constexpr int kMostMoves = 1000;       // of one application: between disbursed and defaulted there is no end
inline constexpr int kMostPayments = 10'000;  // of one application
inline constexpr int kMostDocuments = 50;     // of one application

// Newest first; the next page begins after the last id of this one.
struct Page {
  int limit = 20;
  std::optional<Id> before;
};

struct ApplicationQuery {
  std::optional<Id> customer;
  std::optional<LoanState> state;
  std::string text;  // in the customer's name or the purpose
  Page page;
};

struct CustomerQuery {
  std::string text;  // in the name or the tax id
  Page page;
};

class Store {
 public:
  explicit Store(const std::string& path);

  Sqlite& database() { return database_; }
  void check();  // throws when it cannot be read
  bool empty();

  Customer add(Customer customer);
  std::optional<Customer> customer(Id id);
  std::optional<Customer> customer_with_tax_id(const std::string& tax_id);
  std::vector<Customer> customers(const CustomerQuery& query);

  Application add(Application application);
  std::optional<Application> application(Id id);
  std::vector<Application> applications(const ApplicationQuery& query);
  // State, account, day of disbursement, and the move or payment that made them so.
  void save(const Application& application);
  void add(Id application, const Move& move);
  std::vector<Move> moves(Id application);

  Payment add(Payment payment);
  std::vector<Payment> payments(Id application);
  Document add(Document document);
  std::vector<Document> documents(Id application);

  std::optional<Replay> replay(const std::string& key);
  // Forgets those older than a day.
  void add(const Replay& replay);

 private:
  Sqlite database_;
};

}  // namespace prestamos
