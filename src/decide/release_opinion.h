// What the judge (judge.h) knows, in the terms of a release: its policy as the judge takes it, its verdict as the
// release machine does.
#pragma once

#include "decide/judge.h"
#include "model/release.h"

namespace marea::decide {

JudgePolicy judge_policy(const model::ReleasePolicy& policy);

// The evidence is a sentence for people: "failures: 12 of 300 keys, 9 of 3000 of stable's, E = 210 of 167".
model::JudgeOpinion opinion_of(const Verdict& verdict);

}  // namespace marea::decide
