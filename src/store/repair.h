// What can be done about a store that cannot be read: check() says whether one can, without changing it, and repair()
// makes a new one of every row that can still be read and understood. Both want the file for themselves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace marea::store {

// E_STORE_DAMAGED, with what and where. A file that is not there yet is sound.
base::Result<void> check(const std::string& path);

struct Repaired {
  std::int64_t services = 0;
  std::int64_t revisions = 0;
  std::int64_t images = 0;
  std::vector<std::string> lost;  // what could not be read, in words
  std::string kept;               // where the damaged file is now; empty: there was nothing to repair
};
// The damaged file stays beside the new one. E_STORE_DAMAGED: no service can be read in it; it stays as it is.
base::Result<Repaired> repair(const std::string& path);

// Nothing is at that path.
base::Error no_store(const std::string& path);

// What a person does about a damaged store of this data directory.
std::string repair_remedy(const std::string& data_dir);

}  // namespace marea::store
