#include "endpoints.h"
#include "output.h"

namespace prestamos {
namespace {

constexpr Cents kGoodBurden = 35;  // of a hundred parts of the income
constexpr Cents kFairBurden = 50;

Customer need_customer(const Call& call) {
  std::optional<Customer> customer = call.store.customer(call.id);
  if (!customer) throw not_found("customer", "cliente", call.id);
  return *std::move(customer);
}

}  // namespace

Refusal not_found(const char* what_english, const char* what_spanish, Id id) {
  return {404, Fault{.field = "path",
                     .code = "not_found",
                     .cause = {.english = std::string("there is no ") + what_english + " " + std::to_string(id),
                               .spanish = std::string("no hay ningún ") + what_spanish + " " + std::to_string(id)},
                     .remedy = both("look for it in the list", "búsquelo en la lista")}};
}

Made list_customers(const Call& call) {
  const CustomerQuery query = read_customer_query(call.request.query);
  const std::vector<Customer> found = call.store.customers(query);
  return {.body = page_of(found, query.page.limit, array_of(found))};
}

Made add_customer(const Call& call) {
  Customer customer = read_customer(call.request.body, call.request.content_type);
  if (const std::optional<Customer> other = call.store.customer_with_tax_id(customer.tax_id)) {
    throw Refusal(
        409,
        Fault{.field = "tax_id",
              .code = "customer_exists",
              .cause = both("customer {} has it already", "ya lo tiene el cliente {}", {std::to_string(other->id)}),
              .remedy = both("use that customer, or correct the number", "use ese cliente, o corrija el número")});
  }
  customer.created = call.now;
  customer = call.store.add(std::move(customer));
  return {.status = 201,
          .body = to_json(customer),
          .location = "/api/customers/" + std::to_string(customer.id),
          .event = "customer_added"};
}

Made show_customer(const Call& call) {
  return {.body = to_json(need_customer(call))};
}

// What a credit bureau would say, from what the desk itself knows: the instalments of this month against the income.
Made rate_customer(const Call& call) {
  const Customer customer = need_customer(call);
  Cents due = 0;
  for (const LoanState state : {LoanState::disbursed, LoanState::defaulted}) {
    const ApplicationQuery query{
        .customer = customer.id, .state = state, .text = {}, .page = {.limit = 100, .before = {}}};
    for (const Application& loan : call.store.applications(query)) {
      due += Account(loan.terms, loan.account).due().total();
    }
  }
  const char* rating = due == 0 ? "good" : "poor";
  if (customer.monthly_income > 0) {
    const Cents burden = due * 100 / customer.monthly_income;
    rating = burden <= kGoodBurden ? "good" : burden <= kFairBurden ? "fair" : "poor";
  }
  return {.body = {{"customer", customer.id},
                   {"monthly_income_cents", customer.monthly_income},
                   {"instalments_cents", due},
                   {"rating", rating}}};
}

}  // namespace prestamos
