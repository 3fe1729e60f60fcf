#include "output.h"

namespace prestamos {

Json to_json(const Customer& customer) {
  return {{"id", customer.id},
          {"name", customer.name},
          {"tax_id", customer.tax_id},
          {"email", customer.email},
          {"phone", customer.phone},
          {"monthly_income_cents", customer.monthly_income},
          {"created", instant_text(customer.created)}};
}

Json to_json(const Terms& terms) {
  return {{"amount_cents", terms.principal},
          {"annual_rate_bp", terms.annual_rate_bp},
          {"months", terms.months},
          {"method", name_of(terms.method)}};
}

Json to_json(const Split& split) {
  return {{"interest_cents", split.interest}, {"principal_cents", split.principal}, {"total_cents", split.total()}};
}

Json to_json(const Application& application) {
  Json out = to_json(application.terms);
  out["id"] = application.id;
  out["customer"] = {{"id", application.customer}, {"name", application.customer_name}};
  out["purpose"] = application.purpose;
  out["state"] = name_of(application.state);
  out["moves"] = Json::array();
  for (const LoanState state : moves_from(application.state)) out["moves"].push_back(name_of(state));
  out["created"] = instant_text(application.created);
  out["updated"] = instant_text(application.updated);
  if (application.disbursed.empty()) return out;
  out["disbursed"] = application.disbursed;
  const Account account(application.terms, application.account);
  out["balance_cents"] = application.account.balance;
  if (!takes_payments(application.state)) return out;
  out["next"] = to_json(account.due());
  out["next"]["number"] = application.account.month;
  out["next"]["day"] = months_later(application.disbursed, application.account.month);
  out["payoff_cents"] = account.payoff();
  return out;
}

Json to_json(const Move& move) {
  return {{"from", name_of(move.from)}, {"to", name_of(move.to)}, {"at", instant_text(move.at)}, {"note", move.note}};
}

Json to_json(const Payment& payment) {
  Json out = to_json(payment.split);
  out["id"] = payment.id;
  out["balance_cents"] = payment.balance;
  out["at"] = instant_text(payment.at);
  return out;
}

Json to_json(const Document& document) {
  return {{"id", document.id},
          {"kind", document.kind},
          {"name", document.name},
          {"media_type", document.media_type},
          {"bytes", document.bytes},
          {"sha256", document.sha256},
          {"at", instant_text(document.at)}};
}

Json to_json(const std::vector<Instalment>& instalments, const std::string& from) {
  Json out = Json::array();
  for (const Instalment& instalment : instalments) {
    Json one = to_json(instalment.paid);
    one["number"] = instalment.number;
    one["balance_cents"] = instalment.balance;
    if (instalment.early > 0) one["early_cents"] = instalment.early;
    if (!from.empty()) one["day"] = months_later(from, instalment.number);
    out.push_back(std::move(one));
  }
  return out;
}

Json to_json(const Refusal& refusal, Language language) {
  Json errors = Json::array();
  for (const Fault& fault : refusal.faults()) {
    errors.push_back({{"field", fault.field},
                      {"code", fault.code},
                      {"cause", fault.cause.in(language)},
                      {"remedy", fault.remedy.in(language)}});
  }
  return {{"errors", std::move(errors)}};
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace prestamos
