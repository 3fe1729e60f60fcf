#include "control/release_seats.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <tuple>

#include "model/release_seats.h"

namespace marea::control {
namespace {

// Nobody meets its canary yet: there is nothing to count.
bool needs_seat(const ReleaseEntry& entry) {
  return entry.state().weight > 0;
}

bool is_watched(const ReleaseEntry& entry) {
  const model::ReleaseState& state = entry.state();
  return state.step >= std::ssize(entry.record().spec.policy.ladder) && state.phase != model::ReleasePhase::comparing;
}

auto rank_of(const ReleaseEntry* entry) {
  const bool watched = is_watched(*entry);
  const std::int64_t created = entry->record().created_unix_ns;
  return std::tuple(watched, watched ? -created : created, entry->record().spec.id);
}

}  // namespace

std::vector<ReleaseEntry*> give_seats(const std::vector<ReleaseEntry*>& running) {
  std::vector<ReleaseEntry*> wanting;
  std::ranges::copy_if(running, std::back_inserter(wanting),
                       [](const ReleaseEntry* each) { return needs_seat(*each); });
  std::ranges::sort(wanting, {}, rank_of);
  const auto waiting = wanting | std::views::drop(model::kReleaseSeats);
  const std::set<const ReleaseEntry*> waits(waiting.begin(), waiting.end());
  std::vector<ReleaseEntry*> changed;
  for (ReleaseEntry* each : running) {
    if (each->waits_for_seat() == waits.contains(each)) continue;
    each->let_wait_for_seat(waits.contains(each));
    changed.push_back(each);
  }
  return changed;
}

std::string no_seat() {
  return "router counts " + std::to_string(model::kReleaseSeats) + " releases at a time; this one waits for a seat";
}

std::string_view seat_remedy() {
  return "a seat: it comes when another release is promoted or over";
}

model::JudgeOpinion no_seat_opinion() {
  return {.verdict = model::ReleaseVerdict::cannot_know,
          .unknown = model::UnknownCause::too_little,
          .risk_bound = {},
          .evidence = no_seat()};
}

}  // namespace marea::control
