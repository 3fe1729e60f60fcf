// What an engine leaves to the next one, as engine/local/run_folder.h does on disk.
#pragma once

#include <map>
#include <optional>

#include "engine/local/instance_record.h"
#include "model/plan.h"

namespace marea::sim::drain {

struct RunFolder {
  std::map<base::InstanceId, engine::local::InstanceRecord> records;
  std::map<base::InstanceId, model::InstanceReport> kept;  // final reports that control has not acknowledged
  std::optional<model::Plan> plan;
};

}  // namespace marea::sim::drain
