#include "sample.h"

#include <array>

namespace prestamos {
namespace {

constexpr Instant kDay = 86'400;

constexpr std::array kNames{"Lucía Fernández Ortega", "Mateo Quispe Huamán", "Ana Sofía Restrepo", "John Whitfield",
                            "Carmen Ibáñez Prado",    "Diego Morales Luna",  "Valentina Rojas",    "Iker Etxeberria"};

struct SampleLoan {
  std::size_t customer;
  Terms terms;
  const char* purpose;
  std::array<LoanState, 5> path;  // ends at the first draft
  int payments;
};

using enum LoanState;
using enum Method;

constexpr std::array kLoans{
    SampleLoan{0, {1'250'000, 725, 48, french}, "Coche", {submitted, in_review, approved, disbursed, draft}, 7},
    SampleLoan{
        1, {450'000, 1190, 24, constant_principal}, "Taller", {submitted, in_review, approved, disbursed, draft}, 3},
    SampleLoan{2, {18'000'000, 345, 300, french}, "Vivienda", {submitted, in_review, approved, draft, draft}, 0},
    SampleLoan{3, {300'000, 990, 12, french}, "Laptop and desk", {submitted, in_review, rejected, draft, draft}, 0},
    SampleLoan{4,
               {900'000, 650, 36, constant_principal},
               "Reforma de la cocina",
               {submitted, in_review, draft, draft, draft},
               0},
    SampleLoan{
        5, {220'000, 1450, 18, french}, "Motocicleta", {submitted, in_review, approved, disbursed, defaulted}, 2},
    SampleLoan{6, {120'000, 800, 6, french}, "Matrícula", {submitted, in_review, approved, disbursed, draft}, 6},
    SampleLoan{7, {2'400'000, 590, 60, french}, "Furgoneta", {submitted, draft, draft, draft, draft}, 0},
    SampleLoan{0, {600'000, 700, 24, french}, "Placas solares", {submitted, draft, draft, draft, draft}, 0},
    SampleLoan{2, {150'000, 950, 12, french}, "Viaje", {cancelled, draft, draft, draft, draft}, 0},
    SampleLoan{6, {3'500'000, 520, 84, constant_principal}, "Local comercial", {draft, draft, draft, draft, draft}, 0},
};

void pay(Store& store, Application& loan, int payments) {
  Account account(loan.terms, loan.account);
  for (int turn = 1; turn <= payments; ++turn) {
    const Split split = account.pay(account.due().total());
    store.add(Payment{.application = loan.id,
                      .split = split,
                      .balance = account.state().balance,
                      .at = loan.created + (3 + 30 * Instant{turn}) * kDay});
  }
  loan.account = account.state();
}

void walk(Store& store, Application& loan, const SampleLoan& sample) {
  const auto go = [&](LoanState to, Instant at) {
    store.add(loan.id, Move{.from = loan.state, .to = to, .at = at, .note = {}});
    loan.state = to;
    loan.updated = at;
  };
  Instant at = loan.created;
  for (const LoanState to : sample.path) {
    if (to == draft) break;
    at += kDay / 2;
    if (to == disbursed) {
      loan.disbursed = day_text(at);
      loan.account = Account(loan.terms).state();
      go(to, at);
      pay(store, loan, sample.payments);
      if (loan.account.balance == 0) go(repaid, at + 30 * Instant{sample.payments} * kDay);
    } else {
      go(to, at);
    }
  }
  store.save(loan);
}

}  // namespace

void add_sample(Store& store, Instant now) {
  Transaction transaction(store.database());
  std::array<Id, kNames.size()> ids{};
  for (std::size_t turn = 0; turn < kNames.size(); ++turn) {
    const std::string number = std::to_string(turn + 1);
    ids[turn] = store
                    .add(Customer{.name = kNames[turn],
                                  .tax_id = "SAMPLE-000" + number,
                                  .email = "customer" + number + "@example.org",
                                  .phone = "555-010" + number,
                                  .monthly_income = 180'000 + 45'000 * static_cast<Cents>(turn),
                                  .created = now - 400 * kDay})
                    .id;
  }
  for (const SampleLoan& sample : kLoans) {
    Application loan;
    loan.customer = ids[sample.customer];
    loan.terms = sample.terms;
    loan.purpose = sample.purpose;
    loan.created = loan.updated = now - (sample.payments > 0 ? 10 + 30 * Instant{sample.payments} : 3) * kDay;
    loan = store.add(std::move(loan));
    walk(store, loan, sample);
  }
  transaction.commit();
}

}  // namespace prestamos
