// What a request says, as checked values. All faults are found before any is told.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "records.h"
#include "refusal.h"
#include "store.h"

namespace prestamos {

using Json = nlohmann::json;

// Reads the fields of a JSON object or of a query. A field that nobody asked for is a fault too: it may be a misspelt
// one.
class Fields {
 public:
  static Fields of_body(const std::string& body, const std::string& content_type);
  static Fields of_query(const Parameters& query);

  // Without surrounding blanks. `least` 0: it may be absent.
  std::string text(const std::string& name, std::size_t least, std::size_t most);
  std::int64_t whole(const std::string& name, std::int64_t least, std::int64_t most);
  std::int64_t whole_or(const std::string& name, std::int64_t otherwise, std::int64_t least, std::int64_t most);
  // Cents; its faults speak of money.
  Cents cents(const std::string& name, Cents least, Cents most);
  std::string one_of(const std::string& name, const std::vector<std::string>& choices);
  bool has(const std::string& name) const { return fields_.contains(name); }

  void wrong(const std::string& name, const char* code, Both cause, Both remedy);
  // Throws what was found; fields that nobody read are among it.
  void finish();

 private:
  explicit Fields(Json fields, bool from_text) : fields_(std::move(fields)), from_text_(from_text) {}
  std::optional<std::int64_t> number(const std::string& name, const Both& range);

  Json fields_;
  bool from_text_;  // of a query: numbers are text
  std::vector<std::string> asked_;
  std::vector<Fault> faults_;
};

Customer read_customer(const std::string& body, const std::string& content_type);
Application read_application(const std::string& body, const std::string& content_type);
Terms read_terms(Fields& fields);
struct MoveOrder {
  LoanState to = LoanState::draft;
  std::string note;
};
MoveOrder read_move(const std::string& body, const std::string& content_type);
Cents read_payment(const std::string& body, const std::string& content_type);
Document read_document(const std::string& body, const std::string& content_type);
ApplicationQuery read_application_query(const Parameters& query);
CustomerQuery read_customer_query(const Parameters& query);

}  // namespace prestamos
