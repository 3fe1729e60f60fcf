#include "endpoints.h"
#include "output.h"

namespace prestamos {
namespace {

Json summary(const std::vector<Instalment>& instalments) {
  const Cents interest = total_interest(instalments);
  Cents principal = 0;
  for (const Instalment& instalment : instalments) principal += instalment.paid.principal + instalment.early;
  return {{"first_cents", instalments.front().paid.total()},
          {"last_cents", instalments.back().paid.total()},
          {"count", instalments.size()},
          {"total_interest_cents", interest},
          {"total_cents", principal + interest}};
}

}  // namespace

Made quote(const Call& call) {
  Fields fields = Fields::of_query(call.request.query);
  const Terms terms = read_terms(fields);
  fields.finish();
  call.about(terms);
  Json body = summary(schedule(terms));
  body["terms"] = to_json(terms);
  return {.body = std::move(body)};
}

Made simulate(const Call& call) {
  Fields fields = Fields::of_query(call.request.query);
  const Terms terms = read_terms(fields);
  const Cents early = fields.has("early_cents") ? fields.cents("early_cents", 0, kMostPrincipal) : 0;
  const auto month = static_cast<int>(fields.whole_or("early_month", 1, 1, kMostMonths));
  fields.finish();
  call.about(terms);
  const std::vector<Instalment> agreed = schedule(terms);
  const std::vector<Instalment> shorter = schedule(terms, EarlyRepayment{.month = month, .amount = early});
  Json body = {{"terms", to_json(terms)}};
  const std::string from = day_text(call.now);
  body["agreed"] = summary(agreed);
  body["agreed"]["instalments"] = to_json(agreed, from);
  body["early"] = summary(shorter);
  body["early"]["instalments"] = to_json(shorter, from);
  body["saved_interest_cents"] = total_interest(agreed) - total_interest(shorter);
  body["saved_months"] = agreed.size() - shorter.size();
  return {.body = std::move(body)};
}

}  // namespace prestamos
