#include "store.h"

namespace prestamos {
namespace {

constexpr const char* kSettings = R"(
PRAGMA foreign_keys = ON;
PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 2000;
)";

constexpr const char* kSchema = R"(
CREATE TABLE customers(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, tax_id TEXT NOT NULL UNIQUE, email TEXT NOT NULL,
  phone TEXT NOT NULL, monthly_income INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE applications(
  id INTEGER PRIMARY KEY AUTOINCREMENT, customer INTEGER NOT NULL REFERENCES customers(id), principal INTEGER NOT NULL,
  rate_bp INTEGER NOT NULL, months INTEGER NOT NULL, method TEXT NOT NULL, purpose TEXT NOT NULL, state TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, disbursed TEXT NOT NULL DEFAULT '', month INTEGER NOT NULL DEFAULT 1,
  balance INTEGER NOT NULL DEFAULT 0, interest_paid INTEGER NOT NULL DEFAULT 0,
  principal_paid INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX applications_by_customer ON applications(customer, id);
CREATE INDEX applications_by_state ON applications(state, id);
CREATE TABLE moves(
  id INTEGER PRIMARY KEY, application INTEGER NOT NULL REFERENCES applications(id), from_state TEXT NOT NULL,
  to_state TEXT NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
CREATE INDEX moves_by_application ON moves(application, id);
CREATE TABLE payments(
  id INTEGER PRIMARY KEY AUTOINCREMENT, application INTEGER NOT NULL REFERENCES applications(id),
  interest INTEGER NOT NULL, principal INTEGER NOT NULL, balance INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX payments_by_application ON payments(application, id);
CREATE TABLE documents(
  id INTEGER PRIMARY KEY AUTOINCREMENT, application INTEGER NOT NULL REFERENCES applications(id), kind TEXT NOT NULL,
  name TEXT NOT NULL, media_type TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX documents_by_application ON documents(application, id);
CREATE TABLE replays(
  key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, reply TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX replays_by_age ON replays(at);
PRAGMA user_version = 1;
)";

constexpr std::int64_t kSchemaVersion = 1;

constexpr std::string_view kCustomerColumns =
    "SELECT id, name, tax_id, email, phone, monthly_income, created FROM customers ";
constexpr std::string_view kApplicationColumns =
    "SELECT a.id, a.customer, c.name, a.principal, a.rate_bp, a.months, a.method, a.purpose, a.state, a.created, "
    "a.updated, "
    "a.disbursed, a.month, a.balance, a.interest_paid, a.principal_paid "
    "FROM applications a JOIN customers c ON c.id = a.customer ";

Customer read_customer(Statement& row) {
  Customer out;
  out.id = row.number();
  out.name = row.text();
  out.tax_id = row.text();
  out.email = row.text();
  out.phone = row.text();
  out.monthly_income = row.number();
  out.created = row.number();
  return out;
}

LoanState read_state(Statement& row) {
  const std::string name = row.text();
  const std::optional<LoanState> state = state_from(name);
  if (!state) throw SqliteError("the store holds a state that this version does not know: " + name, false);
  return *state;
}

Application read_application(Statement& row) {
  Application out;
  out.id = row.number();
  out.customer = row.number();
  out.customer_name = row.text();
  out.terms.principal = row.number();
  out.terms.annual_rate_bp = static_cast<int>(row.number());
  out.terms.months = static_cast<int>(row.number());
  out.terms.method = method_from(row.text()).value_or(Method::french);
  out.purpose = row.text();
  out.state = read_state(row);
  out.created = row.number();
  out.updated = row.number();
  out.disbursed = row.text();
  out.account.month = static_cast<int>(row.number());
  out.account.balance = row.number();
  out.account.interest_paid = row.number();
  out.account.principal_paid = row.number();
  return out;
}

// LIKE's pattern for "has this in it", with its own signs taken literally; `ESCAPE '\'` goes with it.
std::string pattern_of(const std::string& text) {
  std::string out = "%";
  for (const char sign : text) {
    if (sign == '%' || sign == '_' || sign == '\\') out += '\\';
    out += sign;
  }
  return out + "%";
}

std::int64_t bound_of(const Page& page) {
  return page.before.value_or(INT64_MAX);
}

}  // namespace

Store::Store(const std::string& path) : database_(path) {
  database_.run(kSettings);
  database_.run(("PRAGMA max_page_count = " + std::to_string(kMostStoreBytes / 4096)).c_str());
  Statement version(database_, "PRAGMA user_version");
  version.step();
  const std::int64_t found = version.number();
  if (found == kSchemaVersion) return;
  if (found != 0) throw SqliteError(path + " is of another version: " + std::to_string(found), false);
  Transaction transaction(database_);
  database_.run(kSchema);
  transaction.commit();
}

void Store::check() {
  Statement(database_, "SELECT count(*) FROM customers WHERE id = 0").step();
}

bool Store::empty() {
  return !Statement(database_, "SELECT 1 FROM customers LIMIT 1").step();
}

Customer Store::add(Customer customer) {
  Statement(database_, "INSERT INTO customers(name, tax_id, email, phone, monthly_income, created) VALUES(?,?,?,?,?,?)")
      .bind(customer.name)
      .bind(customer.tax_id)
      .bind(customer.email)
      .bind(customer.phone)
      .bind(customer.monthly_income)
      .bind(customer.created)
      .step();
  customer.id = database_.last_id();
  return customer;
}

std::optional<Customer> Store::customer(Id id) {
  Statement row(database_, std::string(kCustomerColumns) + "WHERE id = ?");
  if (!row.bind(id).step()) return std::nullopt;
  return read_customer(row);
}

std::optional<Customer> Store::customer_with_tax_id(const std::string& tax_id) {
  Statement row(database_, std::string(kCustomerColumns) + "WHERE tax_id = ?");
  if (!row.bind(tax_id).step()) return std::nullopt;
  return read_customer(row);
}

std::vector<Customer> Store::customers(const CustomerQuery& query) {
  Statement row(database_, std::string(kCustomerColumns) +
                               "WHERE id < ?1 AND (name LIKE ?2 ESCAPE '\\' OR tax_id LIKE ?2 ESCAPE '\\') "
                               "ORDER BY id DESC LIMIT ?3");
  row.bind(bound_of(query.page)).bind(pattern_of(query.text)).bind(std::int64_t{query.page.limit});
  std::vector<Customer> out;
  while (row.step()) out.push_back(read_customer(row));
  return out;
}

Application Store::add(Application application) {
  Statement(database_,
            "INSERT INTO applications(customer, principal, rate_bp, months, method, purpose, state, created, updated) "
            "VALUES(?,?,?,?,?,?,?,?,?)")
      .bind(application.customer)
      .bind(application.terms.principal)
      .bind(std::int64_t{application.terms.annual_rate_bp})
      .bind(std::int64_t{application.terms.months})
      .bind(std::string(name_of(application.terms.method)))
      .bind(application.purpose)
      .bind(std::string(name_of(application.state)))
      .bind(application.created)
      .bind(application.updated)
      .step();
  application.id = database_.last_id();
  return application;
}

std::optional<Application> Store::application(Id id) {
  Statement row(database_, std::string(kApplicationColumns) + "WHERE a.id = ?");
  if (!row.bind(id).step()) return std::nullopt;
  return read_application(row);
}

std::vector<Application> Store::applications(const ApplicationQuery& query) {
  std::string text = std::string(kApplicationColumns) + "WHERE a.id < ?1";
  if (query.customer) text += " AND a.customer = ?2";
  if (query.state) text += " AND a.state = ?3";
  if (!query.text.empty()) text += " AND (c.name LIKE ?4 ESCAPE '\\' OR a.purpose LIKE ?4 ESCAPE '\\')";
  text += " ORDER BY a.id DESC LIMIT ?5";
  Statement row(database_, text);
  row.bind(bound_of(query.page))
      .bind(query.customer.value_or(0))
      .bind(query.state ? std::string(name_of(*query.state)) : std::string())
      .bind(pattern_of(query.text))
      .bind(std::int64_t{query.page.limit});
  std::vector<Application> out;
  while (row.step()) out.push_back(read_application(row));
  return out;
}

void Store::save(const Application& application) {
  Statement(database_,
            "UPDATE applications SET state = ?, updated = ?, disbursed = ?, month = ?, balance = ?, interest_paid = ?, "
            "principal_paid = ? WHERE id = ?")
      .bind(std::string(name_of(application.state)))
      .bind(application.updated)
      .bind(application.disbursed)
      .bind(std::int64_t{application.account.month})
      .bind(application.account.balance)
      .bind(application.account.interest_paid)
      .bind(application.account.principal_paid)
      .bind(application.id)
      .step();
}

void Store::add(Id application, const Move& move) {
  Statement(database_, "INSERT INTO moves(application, from_state, to_state, at, note) VALUES(?,?,?,?,?)")
      .bind(application)
      .bind(std::string(name_of(move.from)))
      .bind(std::string(name_of(move.to)))
      .bind(move.at)
      .bind(move.note)
      .step();
}

std::vector<Move> Store::moves(Id application) {
  Statement row(database_, "SELECT from_state, to_state, at, note FROM moves WHERE application = ? ORDER BY id");
  row.bind(application);
  std::vector<Move> out;
  while (row.step()) {
    Move move;
    move.from = read_state(row);
    move.to = read_state(row);
    move.at = row.number();
    move.note = row.text();
    out.push_back(std::move(move));
  }
  return out;
}

Payment Store::add(Payment payment) {
  Statement(database_, "INSERT INTO payments(application, interest, principal, balance, at) VALUES(?,?,?,?,?)")
      .bind(payment.application)
      .bind(payment.split.interest)
      .bind(payment.split.principal)
      .bind(payment.balance)
      .bind(payment.at)
      .step();
  payment.id = database_.last_id();
  return payment;
}

std::vector<Payment> Store::payments(Id application) {
  Statement row(
      database_,
      "SELECT id, application, interest, principal, balance, at FROM payments WHERE application = ? ORDER BY id");
  row.bind(application);
  std::vector<Payment> out;
  while (row.step()) {
    Payment payment;
    payment.id = row.number();
    payment.application = row.number();
    payment.split.interest = row.number();
    payment.split.principal = row.number();
    payment.balance = row.number();
    payment.at = row.number();
    out.push_back(payment);
  }
  return out;
}

Document Store::add(Document document) {
  Statement(database_,
            "INSERT INTO documents(application, kind, name, media_type, bytes, sha256, at) VALUES(?,?,?,?,?,?,?)")
      .bind(document.application)
      .bind(document.kind)
      .bind(document.name)
      .bind(document.media_type)
      .bind(document.bytes)
      .bind(document.sha256)
      .bind(document.at)
      .step();
  document.id = database_.last_id();
  return document;
}

std::vector<Document> Store::documents(Id application) {
  Statement row(
      database_,
      "SELECT id, application, kind, name, media_type, bytes, sha256, at FROM documents WHERE application = ? "
      "ORDER BY id");
  row.bind(application);
  std::vector<Document> out;
  while (row.step()) {
    Document document;
    document.id = row.number();
    document.application = row.number();
    document.kind = row.text();
    document.name = row.text();
    document.media_type = row.text();
    document.bytes = row.number();
    document.sha256 = row.text();
    document.at = row.number();
    out.push_back(std::move(document));
  }
  return out;
}

std::optional<Replay> Store::replay(const std::string& key) {
  Statement row(database_, "SELECT key, request, status, reply, at FROM replays WHERE key = ?");
  if (!row.bind(key).step()) return std::nullopt;
  Replay out;
  out.key = row.text();
  out.request = row.text();
  out.status = static_cast<int>(row.number());
  out.reply = row.text();
  out.at = row.number();
  return out;
}

void Store::add(const Replay& replay) {
  Statement(database_, "DELETE FROM replays WHERE at < ?").bind(replay.at - kReplaySeconds).step();
  Statement(database_, "INSERT INTO replays(key, request, status, reply, at) VALUES(?,?,?,?,?)")
      .bind(replay.key)
      .bind(replay.request)
      .bind(std::int64_t{replay.status})
      .bind(replay.reply)
      .bind(replay.at)
      .step();
}

}  // namespace prestamos
