// What instances used, as rows. Internal to store.
#pragma once

#include "store/database.h"
#include "store/records.h"

namespace marea::store {

base::Result<void> write_usage(Database& db, const UsageRecord& record);
base::Result<void> write_usage(Database& db, const UsageTotal& total);
base::Result<void> load_usage(Database& db, Contents& out);

}  // namespace marea::store
