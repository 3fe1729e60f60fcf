#include <stdexcept>

#include "endpoints.h"
#include "output.h"

namespace prestamos {
namespace {

Application need_application(const Call& call) {
  std::optional<Application> application = call.store.application(call.id);
  if (!application) throw not_found("application", "expediente", call.id);
  call.about(application->terms);
  return *std::move(application);
}

Refusal illegal_move(LoanState from, LoanState to) {
  std::string choices;
  for (const LoanState state : moves_from(from)) choices += (choices.empty() ? "" : ", ") + std::string(name_of(state));
  const std::vector<std::string> names{std::string(name_of(from)), std::string(name_of(to))};
  Both remedy = both("from {} it can go to: {}", "de {} puede pasar a: {}", {names.front(), choices});
  if (to == LoanState::repaid)
    remedy = both("book the payments; the last one does it", "registre los pagos; el último lo hace");
  else if (choices.empty())
    remedy = both("{} is final; file a new application", "{} es definitivo; abra otro expediente", names);
  return {409, Fault{.field = "to",
                     .code = "illegal_move",
                     .cause = both("an application in {} does not go to {}", "un expediente en {} no pasa a {}", names),
                     .remedy = std::move(remedy)}};
}

void refuse_beyond(std::size_t count, int most, const char* field) {
  if (count < static_cast<std::size_t>(most)) return;
  throw Refusal(409, Fault{.field = field,
                           .code = "too_many",
                           .cause = both("this application has {} already", "este expediente ya tiene {}",
                                         {std::to_string(most)}),
                           .remedy = both("no more can be added", "no se pueden añadir más")});
}

void move(Call call, Application& application, LoanState to, const std::string& note) {
  call.store.add(application.id, Move{.from = application.state, .to = to, .at = call.now, .note = note});
  application.state = to;
  application.updated = call.now;
  call.store.save(application);
}

}  // namespace

void Call::about(const Terms& terms) const {
  if (settings.fault == FaultKind::constant_principal && terms.method == Method::constant_principal) {
    throw std::logic_error("constant principal: the instalment table has no row 0");
  }
}

Made list_applications(const Call& call) {
  const ApplicationQuery query = read_application_query(call.request.query);
  const std::vector<Application> found = call.store.applications(query);
  return {.body = page_of(found, query.page.limit, array_of(found))};
}

Made add_application(const Call& call) {
  Application application = read_application(call.request.body, call.request.content_type);
  call.about(application.terms);
  const std::optional<Customer> customer = call.store.customer(application.customer);
  if (!customer) {
    throw Refusal(422, Fault{.field = "customer",
                             .code = "no_such_customer",
                             .cause = both("there is no customer {}", "no hay ningún cliente {}",
                                           {std::to_string(application.customer)}),
                             .remedy = both("add the customer first", "dé de alta al cliente primero")});
  }
  application.customer_name = customer->name;
  application.created = application.updated = call.now;
  application = call.store.add(std::move(application));
  return {.status = 201,
          .body = to_json(application),
          .location = "/api/applications/" + std::to_string(application.id),
          .event = "loan_filed"};
}

Made show_application(const Call& call) {
  const Application application = need_application(call);
  Json body = to_json(application);
  body["history"] = array_of(call.store.moves(application.id));
  body["documents"] = array_of(call.store.documents(application.id));
  body["payments"] = array_of(call.store.payments(application.id));
  return {.body = std::move(body)};
}

Made move_application(const Call& call) {
  const MoveOrder order = read_move(call.request.body, call.request.content_type);
  Application application = need_application(call);
  if (!may_move(application.state, order.to)) throw illegal_move(application.state, order.to);
  refuse_beyond(call.store.moves(application.id).size(), kMostMoves, "to");
  if (order.to == LoanState::disbursed && application.disbursed.empty()) {
    application.disbursed = day_text(call.now);
    application.account = Account(application.terms).state();
  }
  move(call, application, order.to, order.note);
  return {.body = to_json(application), .event = "loan_" + std::string(name_of(order.to))};
}

// What was agreed, from the day of disbursement or, before it, from today.
Made show_schedule(const Call& call) {
  const Application application = need_application(call);
  const std::vector<Instalment> instalments = schedule(application.terms);
  const std::string from = application.disbursed.empty() ? day_text(call.now) : application.disbursed;
  return {.body = {{"terms", to_json(application.terms)},
                   {"from", from},
                   {"instalments", to_json(instalments, from)},
                   {"total_interest_cents", total_interest(instalments)}}};
}

Made list_payments(const Call& call) {
  return {.body = {{"items", array_of(call.store.payments(need_application(call).id))}}};
}

Made add_payment(const Call& call) {
  const Cents amount = read_payment(call.request.body, call.request.content_type);
  Application application = need_application(call);
  if (!takes_payments(application.state)) {
    throw Refusal(
        409, Fault{.field = "",
                   .code = "no_payments",
                   .cause = both("an application in {} takes no payments", "un expediente en {} no admite pagos",
                                 {std::string(name_of(application.state))}),
                   .remedy = both("book payments once it is disbursed", "registre pagos cuando se haya desembolsado")});
  }
  Account account(application.terms, application.account);
  if (amount > account.payoff()) {
    throw Refusal(422, Fault{.field = "amount_cents",
                             .code = "over_payment",
                             .cause = both("it is {}; the whole debt is {}", "es {}; la deuda entera es {}",
                                           {money(amount), money(account.payoff())}),
                             .remedy = both("book at most {}", "registre como mucho {}", {money(account.payoff())})});
  }
  refuse_beyond(call.store.payments(application.id).size(), kMostPayments, "");
  const Split split = account.pay(amount);
  application.account = account.state();
  application.updated = call.now;
  const Payment payment = call.store.add(
      Payment{.application = application.id, .split = split, .balance = account.state().balance, .at = call.now});
  call.store.save(application);
  if (account.repaid()) move(call, application, LoanState::repaid, "");
  Json body = to_json(payment);
  body["application"] = to_json(application);
  return {.status = 201,
          .body = std::move(body),
          .location = "/api/applications/" + std::to_string(application.id) + "/payments",
          .event = account.repaid() ? "loan_repaid" : "payment_booked"};
}

Made list_documents(const Call& call) {
  return {.body = {{"items", array_of(call.store.documents(need_application(call).id))}}};
}

Made add_document(const Call& call) {
  Document document = read_document(call.request.body, call.request.content_type);
  document.application = need_application(call).id;
  refuse_beyond(call.store.documents(document.application).size(), kMostDocuments, "");
  document.at = call.now;
  document = call.store.add(std::move(document));
  return {.status = 201,
          .body = to_json(document),
          .location = "/api/applications/" + std::to_string(document.application) + "/documents",
          .event = "document_noted"};
}

}  // namespace prestamos
