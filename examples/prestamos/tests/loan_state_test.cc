#include "loan_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

namespace prestamos {

using enum LoanState;

TEST(LoanState, has_the_moves_of_the_table_and_no_other) {
  const std::set<std::pair<LoanState, LoanState>> allowed{
      {draft, submitted},    {draft, cancelled},     {submitted, in_review}, {submitted, cancelled},
      {in_review, approved}, {in_review, rejected},  {in_review, cancelled}, {approved, disbursed},
      {approved, cancelled}, {disbursed, defaulted}, {defaulted, disbursed}};
  for (const LoanState from : kLoanStates) {
    for (const LoanState to : kLoanStates) {
      EXPECT_EQ(may_move(from, to), allowed.contains({from, to})) << name_of(from) << " to " << name_of(to);
    }
  }
}

TEST(LoanState, has_names_that_are_read_back) {
  std::set<std::string_view> names;
  for (const LoanState state : kLoanStates) {
    names.insert(name_of(state));
    EXPECT_EQ(state_from(name_of(state)), state);
  }
  EXPECT_EQ(names.size(), kLoanStates.size());
  EXPECT_EQ(state_from("lost"), std::nullopt);
}

TEST(LoanState, reaches_every_state_but_repaid_from_a_draft) {
  std::set<LoanState> reached{draft};
  for (std::size_t turn = 0; turn < kLoanStates.size(); ++turn) {
    for (const LoanState from : std::set(reached)) {
      for (const LoanState to : moves_from(from)) reached.insert(to);
    }
  }
  for (const LoanState state : kLoanStates) EXPECT_EQ(reached.contains(state), state != repaid) << name_of(state);
}

TEST(LoanState, takes_payments_only_while_money_is_owed) {
  for (const LoanState state : kLoanStates) {
    EXPECT_EQ(takes_payments(state), state == disbursed || state == defaulted) << name_of(state);
  }
}

}  // namespace prestamos
