// Reading and writing rows with one call each. Internal to store.
#pragma once

#include <utility>

#include "store/database.h"

namespace marea::store {

template <class Read>
base::Result<void> each_row(Database& db, const char* sql, Read read) {
  auto rows = db.prepare(sql);
  if (!rows) return base::fail(std::move(rows.error()));
  for (;;) {
    base::Result<bool> row = rows->next();
    if (!row) return base::fail(std::move(row.error()));
    if (!*row) return {};
    if (base::Result<void> done = read(*rows); !done) return done;
  }
}

template <class... Ts>
base::Result<void> execute(Database& db, const char* sql, const Ts&... values) {
  auto statement = db.prepare(sql);
  if (!statement) return base::fail(std::move(statement.error()));
  statement->bind(values...);
  return statement->run();
}

}  // namespace marea::store
