// SQLite as a value with errors instead of codes: WAL, synchronous=FULL (what was acknowledged survives a power loss),
// foreign keys on, a busy timeout for a second reader such as the sqlite3 program. One Database belongs to one thread.
//
// A sync that fails is final (fsyncgate: the kernel forgets the unwritten pages, and the next sync succeeds without
// them). From then on lost() is true and no transaction begins; and because nobody knows whether the last life met such
// a failure, open() writes the log that it finds once more and syncs it before anything stands on it.
//
//   auto rows = db.prepare("SELECT name FROM services WHERE generation > ?");
//   rows->bind(3);
//   while (rows->next().value_or(false)) use(rows->text(0));
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace marea::store {

class Statement {
 public:
  // Binds all parameters in order and rewinds.
  template <class... Ts>
  void bind(const Ts&... values) {
    sqlite3_reset(raw_.get());
    int index = 0;
    (bind_one(++index, values), ...);
  }
  // True: a row is there; false: finished.
  base::Result<bool> next();
  // For statements without rows.
  base::Result<void> run();

  std::string text(int column) const;
  std::int64_t integer(int column) const { return sqlite3_column_int64(raw_.get(), column); }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* raw) const { sqlite3_finalize(raw); }
  };
  explicit Statement(sqlite3_stmt* raw) : raw_(raw) {}
  void bind_one(int index, std::int64_t value) { sqlite3_bind_int64(raw_.get(), index, value); }
  void bind_one(int index, int value) { sqlite3_bind_int64(raw_.get(), index, value); }
  void bind_one(int index, std::uint64_t value) {
    sqlite3_bind_int64(raw_.get(), index, static_cast<std::int64_t>(value));
  }
  void bind_one(int index, const std::string& value) {
    sqlite3_bind_text64(raw_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }

  std::unique_ptr<sqlite3_stmt, Finalize> raw_;
};

class Database {
 public:
  // Opens or creates the file. The error names the file and what to do when it is damaged.
  static base::Result<Database> open(const std::string& path);
  // One that is there, to look at: nothing is created, checked or changed.
  static base::Result<Database> open_to_read(const std::string& path);

  base::Result<Statement> prepare(std::string_view sql);
  // One or more statements without parameters and rows.
  base::Result<void> run(const char* sql);
  // E_STORE_DAMAGED when its pages do not fit together.
  base::Result<void> check();
  const std::string& path() const { return path_; }
  // The disk refused to confirm a commit: open the file again.
  bool lost() const { return lost_; }

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* raw) const { sqlite3_close_v2(raw); }
  };
  Database(sqlite3* raw, std::string path) : raw_(raw), path_(std::move(path)) {}
  base::Error error(std::string what) const;
  base::Result<void> rewrite_log();

  std::unique_ptr<sqlite3, Close> raw_;
  std::string path_;
  bool lost_ = false;
};

// All or nothing: rolls back on destruction unless commit() succeeded.
class Transaction {
 public:
  static base::Result<Transaction> begin(Database& db);
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  base::Result<void> commit();

 private:
  explicit Transaction(Database& db) : db_(&db) {}
  Database* db_;
};

}  // namespace marea::store
