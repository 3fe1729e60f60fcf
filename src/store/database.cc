#include "store/database.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace marea::store {
namespace {

// Longer than any other process that looks into the file holds its lock.
constexpr int kBusyTimeoutMs = 5000;

constexpr int kLogPiece = 64 << 10;  // of one read and write

// Who knows by which name a person calls the data directory says it better (app/store_remedy.h).
constexpr const char* kRepair = "Stop marea and run: sudo marea repair --data DIR, with its data directory";

base::Error describe(sqlite3* raw, std::string what, const std::string& path) {
  const int code = raw == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(raw);
  base::Error error{.code = base::ErrorCode::io, .what = std::move(what), .why = sqlite3_errstr(code)};
  if (raw != nullptr) error.why = sqlite3_errmsg(raw);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.code = base::ErrorCode::store_damaged;
      error.remedy = kRepair;
      break;
    case SQLITE_FULL:
      error.code = base::ErrorCode::disk_full;
      error.remedy = "Free space on the disk of marea's data directory";
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      error.remedy = "Check that the folder exists and that marea's control role may write " + path;
      break;
    case SQLITE_IOERR: error.remedy = "Look at the disk (dmesg) and at " + path; break;
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
  // A new file gets pages in the first of which all tables are told: what is damaged elsewhere costs none of them. Its
  // log is brought into the file at 4 MiB, as with SQLite's own pages of 4 KiB, which a file of earlier keeps.
  for (const char* pragma : {"PRAGMA page_size=8192", "PRAGMA wal_autocheckpoint=500", "PRAGMA journal_mode=WAL",
                             "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"}) {
    if (auto done = db.run(pragma); !done) return base::fail(std::move(done.error()));
  }
  if (auto sound = db.check(); !sound) return base::fail(std::move(sound.error()));
  if (auto certain = db.rewrite_log(); !certain) return base::fail(std::move(certain.error()));
  return db;
}

base::Result<Database> Database::open_to_read(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  Database db(raw, path);
  if (code != SQLITE_OK) return base::fail(db.error("cannot open the store " + path));
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  return db;
}

base::Result<void> Database::check() {
  auto check = prepare("PRAGMA quick_check(1)");
  if (!check) return base::fail(std::move(check.error()));
  base::Result<bool> row = check->next();
  if (!row) return base::fail(std::move(row.error()));
  if (*row && check->text(0) != "ok") {
    return base::fail(base::ErrorCode::store_damaged, "the store " + path_ + " is damaged", check->text(0), kRepair);
  }
  return {};
}

base::Result<void> Database::rewrite_log() {
  base::Result<Transaction> alone = Transaction::begin(*this);
  if (!alone) return base::fail(std::move(alone.error()));
  sqlite3_file* log = nullptr;
  sqlite3_file_control(raw_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (log == nullptr || log->pMethods == nullptr) return {};
  sqlite3_int64 size = 0;
  int code = log->pMethods->xFileSize(log, &size);
  std::vector<char> piece(kLogPiece);
  for (sqlite3_int64 at = 0; at < size && code == SQLITE_OK;) {
    const int amount = static_cast<int>(std::min<sqlite3_int64>(kLogPiece, size - at));
    code = log->pMethods->xRead(log, piece.data(), amount, at);
    if (code == SQLITE_OK) code = log->pMethods->xWrite(log, piece.data(), amount, at);
    at += amount;
  }
  if (code == SQLITE_OK && size > 0) code = log->pMethods->xSync(log, SQLITE_SYNC_FULL);
  if (code == SQLITE_OK) return {};
  return base::fail(base::ErrorCode::io, "cannot open the store " + path_,
                    std::string("its log cannot be written again: ") + sqlite3_errstr(code), "Look at the disk: dmesg");
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
  if (db.lost_) {
    return base::fail(base::ErrorCode::io, "cannot use the store " + db.path_,
                      "an earlier change could not be brought to the disk, and what is there now is not known",
                      "Look at the disk (dmesg); marea's control role starts again by itself and reads the store anew");
  }
  if (auto begun = db.run("BEGIN IMMEDIATE"); !begun) return base::fail(std::move(begun.error()));
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) [[maybe_unused]]
    auto rolled_back = db_->run("ROLLBACK");
}

base::Result<void> Transaction::commit() {
  if (auto done = db_->run("COMMIT"); !done) {
    db_->lost_ = (sqlite3_errcode(db_->raw_.get()) & 0xff) == SQLITE_IOERR;
    return done;
  }
  db_ = nullptr;
  return {};
}

}  // namespace marea::store
