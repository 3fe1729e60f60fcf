// What the desk keeps, as plain values.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "amortisation.h"
#include "calendar.h"
#include "loan.h"
#include "loan_state.h"

namespace prestamos {

using Id = std::int64_t;
using Parameters = std::map<std::string, std::string>;  // of a query

struct Customer {
  Id id = 0;
  std::string name;
  std::string tax_id;  // unique
  std::string email;
  std::string phone;
  Cents monthly_income = 0;
  Instant created = 0;
};

struct Application {
  Id id = 0;
  Id customer = 0;
  std::string customer_name;  // read with it, kept with the customer
  Terms terms;
  std::string purpose;
  LoanState state = LoanState::draft;
  Instant created = 0;
  Instant updated = 0;
  std::string disbursed;  // the day; empty before
  Account::State account;
};

struct Move {
  LoanState from = LoanState::draft;
  LoanState to = LoanState::draft;
  Instant at = 0;
  std::string note;
};

struct Payment {
  Id id = 0;
  Id application = 0;
  Split split;
  Cents balance = 0;  // after it
  Instant at = 0;
};

// What is known of a document; the document itself is kept elsewhere.
struct Document {
  Id id = 0;
  Id application = 0;
  std::string kind;
  std::string name;
  std::string media_type;
  std::int64_t bytes = 0;
  std::string sha256;
  Instant at = 0;
};

// The answer to a creation with an Idempotency-Key, for whoever sends it again.
struct Replay {
  std::string key;
  std::string request;  // method, path and body
  int status = 0;
  std::string reply;
  Instant at = 0;
};

}  // namespace prestamos
