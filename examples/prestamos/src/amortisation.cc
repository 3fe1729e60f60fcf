#include "amortisation.h"

#include <algorithm>
#include <cassert>

namespace prestamos {
namespace {

constexpr Cents kMonthsOfBasisPoints = 120'000;

// Balances fall with each month or never do, so that the first one that does not fall tells the answer.
bool repays(const Terms& terms, Cents instalment) {
  Cents balance = terms.principal;
  for (int month = 1; month <= terms.months; ++month) {
    const Cents next = balance + interest_of(balance, terms.annual_rate_bp) - instalment;
    if (next <= 0) return true;
    if (next >= balance) return false;
    balance = next;
  }
  return false;
}

}  // namespace

std::string_view name_of(Method method) {
  switch (method) {
    case Method::french: return "french";
    case Method::constant_principal: return "constant_principal";
  }
  return "";
}

std::optional<Method> method_from(std::string_view name) {
  for (const Method method : {Method::french, Method::constant_principal}) {
    if (name == name_of(method)) return method;
  }
  return std::nullopt;
}

Cents interest_of(Cents balance, int annual_rate_bp) {
  return (balance * annual_rate_bp + kMonthsOfBasisPoints / 2) / kMonthsOfBasisPoints;
}

Cents constant_part(const Terms& terms) {
  if (terms.method == Method::constant_principal) return terms.principal / terms.months;
  Cents too_little = 0;
  Cents enough = terms.principal + interest_of(terms.principal, terms.annual_rate_bp);
  while (too_little + 1 < enough) {
    const Cents middle = too_little + (enough - too_little) / 2;
    (repays(terms, middle) ? enough : too_little) = middle;
  }
  return enough;
}

Account::Account(const Terms& terms) : Account(terms, State{.balance = terms.principal}) {}

Account::Account(const Terms& terms, const State& state)
    : terms_(terms), constant_(constant_part(terms)), state_(state) {}

Cents Account::month_interest() const {
  return interest_of(state_.balance + state_.principal_paid, terms_.annual_rate_bp);
}

Split Account::due() const {
  const Cents interest = month_interest();
  const Cents beginning = state_.balance + state_.principal_paid;
  Cents principal = beginning;
  if (state_.month < terms_.months) {
    principal = std::min(beginning, terms_.method == Method::french ? constant_ - interest : constant_);
  }
  return {.interest = interest - state_.interest_paid, .principal = principal - state_.principal_paid};
}

Cents Account::payoff() const {
  return month_interest() - state_.interest_paid + state_.balance;
}

Split Account::pay(Cents amount) {
  assert(amount >= 1 && amount <= payoff());
  const Split wanted = due();
  const Cents interest = std::min(amount, wanted.interest);
  const Split paid{.interest = interest, .principal = amount - interest};
  state_.balance -= paid.principal;
  if (paid.interest == wanted.interest && paid.principal >= wanted.principal) {
    state_ = {.month = state_.month + 1, .balance = state_.balance};
  } else {
    state_.interest_paid += paid.interest;
    state_.principal_paid += paid.principal;
  }
  return paid;
}

std::vector<Instalment> schedule(const Terms& terms, std::optional<EarlyRepayment> early) {
  std::vector<Instalment> instalments;
  Account account(terms);
  while (!account.repaid()) {
    const int number = account.state().month;
    const Split due = account.due();
    Cents more = 0;
    if (early && early->month == number) more = std::min(early->amount, account.payoff() - due.total());
    account.pay(due.total() + more);
    instalments.push_back({.number = number, .paid = due, .early = more, .balance = account.state().balance});
  }
  return instalments;
}

Cents total_interest(const std::vector<Instalment>& instalments) {
  Cents sum = 0;
  for (const Instalment& instalment : instalments) sum += instalment.paid.interest;
  return sum;
}

}  // namespace prestamos
