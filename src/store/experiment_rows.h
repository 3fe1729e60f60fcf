// Experiments as rows. Internal to store.
#pragma once

#include "store/database.h"
#include "store/records.h"

namespace marea::store {

base::Result<void> write_experiment(Database& db, const ExperimentRecord& record);
base::Result<void> drop_experiments(Database& db, const DropExperiment& drop);
// Those of a service that goes.
base::Result<void> drop_experiments(Database& db, const base::ServiceName& service);

// By name.
base::Result<void> load_experiments(Database& db, Contents& out);

}  // namespace marea::store
