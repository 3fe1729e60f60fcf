// The stored form and its history. PRAGMA user_version is the version of a file; migrate() brings an older file forward
// step by step and refuses a newer one. A released step is never edited: a change is a new step, with a test that opens
// the old form.
#pragma once

#include <cstdint>
#include <string>

#include "store/database.h"

namespace marea::store {

inline constexpr int kSchemaVersion = 6;

// Of a file without any form (it is new, or everything in it is gone): E_STORE_DAMAGED, with the path.
base::Error emptied(const std::string& path);

base::Result<std::int64_t> form_of(Database& db);

// Of a file of a later marea's form: what is in it is not known here.
base::Error of_newer_form(const std::string& path, std::int64_t form);

base::Result<void> migrate(Database& db);

}  // namespace marea::store
