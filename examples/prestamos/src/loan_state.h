// The life of a loan application, as a table of moves.
//
//   draft → submitted → in_review → approved → disbursed → repaid
//     ↓         ↓           ↓ ↘         ↓           ↓ ↖
//   cancelled   …     rejected  …       …         defaulted → repaid
//
// A clerk moves an application; `repaid` is the one state that only payments reach.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace prestamos {

enum class LoanState { draft, submitted, in_review, approved, rejected, cancelled, disbursed, defaulted, repaid };

inline constexpr std::array kLoanStates{LoanState::draft,     LoanState::submitted, LoanState::in_review,
                                        LoanState::approved,  LoanState::rejected,  LoanState::cancelled,
                                        LoanState::disbursed, LoanState::defaulted, LoanState::repaid};

std::string_view name_of(LoanState state);
std::optional<LoanState> state_from(std::string_view name);

// Where a clerk may move it from here; nothing for an end.
std::vector<LoanState> moves_from(LoanState state);
bool may_move(LoanState from, LoanState to);
bool takes_payments(LoanState state);

}  // namespace prestamos
