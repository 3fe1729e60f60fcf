#include "loan_state.h"

#include <algorithm>

namespace prestamos {

std::string_view name_of(LoanState state) {
  switch (state) {
    case LoanState::draft: return "draft";
    case LoanState::submitted: return "submitted";
    case LoanState::in_review: return "in_review";
    case LoanState::approved: return "approved";
    case LoanState::rejected: return "rejected";
    case LoanState::cancelled: return "cancelled";
    case LoanState::disbursed: return "disbursed";
    case LoanState::defaulted: return "defaulted";
    case LoanState::repaid: return "repaid";
  }
  return "";
}

std::optional<LoanState> state_from(std::string_view name) {
  const auto* const found = std::ranges::find(kLoanStates, name, [](LoanState state) { return name_of(state); });
  if (found == kLoanStates.end()) return std::nullopt;
  return *found;
}

std::vector<LoanState> moves_from(LoanState state) {
  using enum LoanState;
  switch (state) {
    case draft: return {submitted, cancelled};
    case submitted: return {in_review, cancelled};
    case in_review: return {approved, rejected, cancelled};
    case approved: return {disbursed, cancelled};
    case disbursed: return {defaulted};
    case defaulted: return {disbursed};  // the customer pays again
    case rejected:
    case cancelled:
    case repaid: return {};
  }
  return {};
}

bool may_move(LoanState from, LoanState to) {
  return std::ranges::count(moves_from(from), to) > 0;
}

bool takes_payments(LoanState state) {
  return state == LoanState::disbursed || state == LoanState::defaulted;
}

}  // namespace prestamos
