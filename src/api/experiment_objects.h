// Experiments as objects (docs/api.md). Pure functions of control's state, so that an object differs only when
// something was counted or moved.
#pragma once

#include "api/errors.h"
#include "control/experiment_entry.h"

namespace marea::api {

Json experiment_object(const control::ExperimentEntry& entry);
// The same of one that is not there, or not so, yet: without a status.
Json experiment_object(const store::ExperimentRecord& record);

}  // namespace marea::api
