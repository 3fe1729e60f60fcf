// decide::JudgeState ↔ JSON text, for the store: unknown members are ignored and missing ones keep their defaults, so
// that an older or newer marea reads what another wrote.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "control/release_evidence.h"
#include "decide/judge.h"

namespace marea::control {

std::string judge_to_text(const decide::JudgeState& state);
// An empty text is a judge that knows nothing yet. The error has no place: the caller knows the row.
base::Result<decide::JudgeState> judge_from_text(const std::string& text);

// What is kept of a judge when its release is over, in the same place.
std::string evidence_to_text(const ReleaseEvidence& evidence);
// Nothing: the text is none of evidence, but a judge's, or damaged.
std::optional<ReleaseEvidence> evidence_from_text(const std::string& text);

}  // namespace marea::control
