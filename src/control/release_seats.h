// Who has one of router's seats, and so is counted and judged. First those that are not promoted yet, or compare again,
// the oldest first: who has a seat keeps it. What is left have those that are watched, the newest first: of one that
// has been watched for long the least is to be learnt. Whoever has none waits for one, which its verdict says: nothing
// is known of it, and what that means is for its policy. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/release_entry.h"
#include "model/release.h"

namespace marea::control {

// Of releases that run: tells each whether it waits. Those for which that has changed, in the order given.
std::vector<ReleaseEntry*> give_seats(const std::vector<ReleaseEntry*>& running);

// Why nothing is known of one that waits, and what would change that.
std::string no_seat();
std::string_view seat_remedy();
model::JudgeOpinion no_seat_opinion();

}  // namespace marea::control
