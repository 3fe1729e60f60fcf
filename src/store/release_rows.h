// Releases, their history and their policies, as rows. Internal to store.
#pragma once

#include "store/database.h"
#include "store/records.h"

namespace marea::store {

base::Result<void> write_release(Database& db, const ReleaseRecord& record);
base::Result<void> write_release(Database& db, const ReleaseAuditRecord& record);
base::Result<void> write_release(Database& db, const ReleasePolicyRecord& record);
base::Result<void> drop_releases(Database& db, const DropRelease& drop);
base::Result<void> drop_releases(Database& db, const DropReleasePolicy& drop);
base::Result<void> write_release(Database& db, const NoticeRecord& record);
base::Result<void> drop_releases(Database& db, const DropNotice& drop);
// Those of a service that goes.
base::Result<void> drop_releases(Database& db, const base::ServiceName& service);

// Policies by name; releases by service, oldest first; history by release, in its order.
base::Result<void> load_releases(Database& db, Contents& out);
// As they came.
base::Result<void> load_notices(Database& db, Contents& out);

}  // namespace marea::store
