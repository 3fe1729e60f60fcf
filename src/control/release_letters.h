// What the receivers of webhooks are told of a release, and under which ids. Pure.
//
// The id of a gate follows from the history's line that says that it was opened: a control that starts again asks with
// the same one, and a gate that is opened again is another question.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "decide/release.h"
#include "store/records.h"
#include "webhook/courier.h"

namespace marea::control {

// The webhook that the release waits for.
std::optional<webhook::Letter> letter_of_gate(const store::ReleaseRecord& release,
                                              std::span<const store::ReleaseAuditRecord> history);

// One for each receiver that wants to hear of one of the actions, of the release as it is after them.
std::vector<store::NoticeRecord> notices_of(const store::ReleaseRecord& release,
                                            std::span<const decide::ReleaseAction> actions, std::int64_t unix_ns,
                                            base::Random& random);

webhook::Letter letter_of(const store::NoticeRecord& notice);

}  // namespace marea::control
