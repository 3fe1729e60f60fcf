// Instalments in whole cents. The rules, all of them:
//
// - The interest of a month is the balance at its beginning × the annual rate / 12, rounded half up to the cent.
// - French: every instalment is the same, the least whole amount that repays the loan within its term; the last one
//   absorbs what rounding left and is never larger. A loan whose least instalment repays it sooner ends sooner.
// - Constant principal: every instalment repays principal / months, rounded down; the last one absorbs the rest, which
//   is less than one cent for each month.
// - A payment goes to the interest of the month first, then to its principal. What is more than the instalment repays
//   principal early: the instalment stays, the term gets shorter. More than everything that is owed is not taken.
#pragma once

#include <optional>
#include <vector>

#include "loan.h"

namespace prestamos {

Cents interest_of(Cents balance, int annual_rate_bp);

// French: the instalment. Constant principal: what each one repays, without interest.
Cents constant_part(const Terms& terms);

struct Split {
  Cents interest = 0;
  Cents principal = 0;

  Cents total() const { return interest + principal; }
  bool operator==(const Split&) const = default;
};

// A loan that was paid out and is being repaid; `month` is the one whose instalment is awaited, from 1.
class Account {
 public:
  struct State {
    int month = 1;
    Cents balance = 0;
    Cents interest_paid = 0;   // of this month
    Cents principal_paid = 0;  // of this month
  };

  explicit Account(const Terms& terms);
  Account(const Terms& terms, const State& state);

  const State& state() const { return state_; }
  bool repaid() const { return state_.balance == 0; }
  // What is still missing of this month's instalment.
  Split due() const;
  // What ends the loan today.
  Cents payoff() const;
  // `amount` is from 1 to payoff().
  Split pay(Cents amount);

 private:
  Cents month_interest() const;

  Terms terms_;
  Cents constant_ = 0;
  State state_;
};

struct Instalment {
  int number = 0;
  Split paid;
  Cents early = 0;  // principal repaid beside the instalment
  Cents balance = 0;
};

// So much principal more, together with the instalment of that month.
struct EarlyRepayment {
  int month = 0;
  Cents amount = 0;
};

std::vector<Instalment> schedule(const Terms& terms, std::optional<EarlyRepayment> early = std::nullopt);
Cents total_interest(const std::vector<Instalment>& instalments);

}  // namespace prestamos
