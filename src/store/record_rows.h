// Rows of the store as records, for whoever reads them: Store::load() and repair().
#pragma once

#include <string>

#include "store/database.h"
#include "store/records.h"

namespace marea::store {

// The columns that the readers below take, in their order.
inline constexpr const char* kServiceColumns =
    "name, uid, generation, resource_version, created_unix_ns, deleting, document";
inline constexpr const char* kRevisionColumns =
    "name, service, uid, generation, resource_version, created_unix_ns, document, image, result, reason, code, "
    "message, "
    "decided_unix_ns";
inline constexpr const char* kImageColumns = "digest, image";
inline constexpr const char* kNameColumns = "name, digest, named_unix_ns";

// E_STORE_DAMAGED names the row of the store at `path` that cannot be understood.
base::Result<ServiceRecord> service_in(const Statement& row, const std::string& path);
base::Result<RevisionRecord> revision_in(const Statement& row, const std::string& path);
base::Result<ImageRecord> image_in(const Statement& row, const std::string& path);
base::Result<ImageName> name_in(const Statement& row, const std::string& path);

// All of them: services by name, revisions by service, oldest first.
base::Result<Contents> read_contents(Database& db);

}  // namespace marea::store
