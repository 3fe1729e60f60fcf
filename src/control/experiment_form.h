// decide::ExperimentData ↔ JSON text, for the store: unknown members are ignored and missing ones keep their defaults,
// so that an older or newer marea reads what another wrote.
#pragma once

#include <string>

#include "base/error.h"
#include "decide/experiment.h"

namespace marea::control {

std::string experiment_to_text(const decide::ExperimentData& data);
// An empty text is an experiment that has counted nothing yet. The error has no place: the caller knows the row.
base::Result<decide::ExperimentData> experiment_from_text(const std::string& text);

}  // namespace marea::control
