// Releases and their policies as objects (docs/api.md). Pure functions of control's state: no clock is read, so that an
// object differs only when something was told or moved.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/errors.h"
#include "control/release_entry.h"

namespace marea::api {

// Of a release's history the object has the newest; a person can make it longer than anybody wants to get each second.
inline constexpr std::size_t kMostShownLines = 100;

// `history`: its lines, oldest first. `changes`: between its beginning and its rollback, if there was one.
Json release_object(const control::ReleaseEntry& entry, std::span<const store::ReleaseAuditRecord> history,
                    const base::RevisionName& last_known_stable, const std::vector<std::string>& changes);

Json release_policy_object(const store::ReleasePolicyRecord& record);

}  // namespace marea::api
