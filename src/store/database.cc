#include "store/database.h"

#include <filesystem>
#include <utility>

namespace marea::store {
namespace {

// Longer than any other process that looks into the file holds its lock.
constexpr int kBusyTimeoutMs = 5000;

// A role sees the data directory at another path than the person who runs marea: names below it are the same.
std::string repair(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string name = file.filename().string();
  return "Stop marea, go to the folder " + file.parent_path().filename().string() +
         " of its data directory (--data) and run: mv " + name + " " + name + ".damaged; mv " + name + "-wal " + name +
         ".damaged-wal; sqlite3 " + name + ".damaged .recover | sqlite3 " + name + "; chown --reference=. " + name +
         ". Without the file marea starts empty: apply the manifests again";
}

base::Error describe(sqlite3* raw, std::string what, const std::string& path) {
  const int code = raw == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(raw);
  base::Error error{.code = base::ErrorCode::io, .what = std::move(what), .why = sqlite3_errstr(code)};
  if (raw != nullptr) error.why = sqlite3_errmsg(raw);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: error.remedy = repair(path); break;
    case SQLITE_FULL: error.remedy = "Free space on the disk of " + path; break;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      error.remedy = "Check that the folder exists and that marea's control role may write " + path;
      break;
    default: break;
  }
  return error;
}

}  // namespace

base::Result<bool> Statement::next() {
  const int code = sqlite3_step(raw_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(raw_.get());
    return false;
  }
  sqlite3* db = sqlite3_db_handle(raw_.get());
  const char* file = sqlite3_db_filename(db, "main");
  base::Error error = describe(db, std::string("cannot use the store ") + file, file);
  sqlite3_reset(raw_.get());
  return base::fail(std::move(error));
}

base::Result<void> Statement::run() {
  for (;;) {
    base::Result<bool> row = next();
    if (!row) return base::fail(std::move(row.error()));
    if (!*row) return {};
  }
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(raw_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(raw_.get(), column))};
}

base::Result<Database> Database::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw, path);
  if (code != SQLITE_OK) return base::fail(db.error("cannot open the store " + path));
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"}) {
    if (auto done = db.run(pragma); !done) return base::fail(std::move(done.error()));
  }
  auto check = db.prepare("PRAGMA quick_check(1)");
  if (!check) return base::fail(std::move(check.error()));
  base::Result<bool> row = check->next();
  if (!row) return base::fail(std::move(row.error()));
  if (*row && check->text(0) != "ok") {
    base::Error error = describe(nullptr, "the store " + path + " is damaged", path);
    error.why = check->text(0);
    error.remedy = repair(path);
    return base::fail(std::move(error));
  }
  return db;
}

base::Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(raw_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return base::fail(error("cannot use the store " + path_));
  return Statement(statement);
}

base::Result<void> Database::run(const char* sql) {
  if (sqlite3_exec(raw_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return base::fail(error("cannot use the store " + path_));
  }
  return {};
}

base::Error Database::error(std::string what) const {
  return describe(raw_.get(), std::move(what), path_);
}

base::Result<Transaction> Transaction::begin(Database& db) {
  if (auto begun = db.run("BEGIN IMMEDIATE"); !begun) return base::fail(std::move(begun.error()));
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) [[maybe_unused]]
    auto rolled_back = db_->run("ROLLBACK");
}

base::Result<void> Transaction::commit() {
  if (auto done = db_->run("COMMIT"); !done) return done;
  db_ = nullptr;
  return {};
}

}  // namespace marea::store
