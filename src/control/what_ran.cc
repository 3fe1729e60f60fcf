#include "control/what_ran.h"

#include <algorithm>
#include <ranges>

namespace marea::control {
namespace {

bool serves(const model::TimelineLine& line, const base::RevisionName& revision) {
  return std::ranges::find(line.serving.shares, revision, &model::ServingShare::revision) != line.serving.shares.end();
}

}  // namespace

const model::TimelineLine* line_of_request(std::span<const model::TimelineLine> lines, std::int64_t unix_ns,
                                           const base::RevisionName& revision) {
  if (lines.empty()) return nullptr;
  for (const model::TimelineLine& line : lines | std::views::reverse) {
    if (revision.empty() || serves(line, revision)) return &line;
    // Router served by it then, and yet the request went elsewhere: an old connection, or a clock that jumped.
    if (line.confirmed_unix_ns != 0 && line.confirmed_unix_ns <= unix_ns) break;
  }
  return &lines.back();
}

const model::TimelineLine* deploy_of(std::span<const model::TimelineLine> lines, const base::RevisionName& revision) {
  const auto found = std::ranges::find_if(lines | std::views::reverse, [&](const model::TimelineLine& line) {
    return line.cause == model::TimelineCause::deploy_asked && line.revision == revision;
  });
  return found == lines.rend() ? nullptr : &*found;
}

}  // namespace marea::control
