#include "sqlite.h"

#include <sqlite3.h>

namespace prestamos {
namespace {

[[noreturn]] void throw_last(sqlite3* handle) {
  const int code = sqlite3_errcode(handle);
  throw SqliteError(std::string("SQLite: ") + sqlite3_errmsg(handle), code == SQLITE_FULL);
}

}  // namespace

void Sqlite::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

Sqlite::Sqlite(const std::string& path) {
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(opened);
  if (code != SQLITE_OK) throw SqliteError("SQLite: " + path + ": " + sqlite3_errstr(code), false);
}

void Sqlite::run(const char* statements) {
  if (sqlite3_exec(handle_.get(), statements, nullptr, nullptr, nullptr) != SQLITE_OK) throw_last(handle_.get());
}

std::int64_t Sqlite::last_id() const {
  return sqlite3_last_insert_rowid(handle_.get());
}

void Statement::End::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Statement::fail() const {
  throw_last(database_.handle());
}

Statement::Statement(const Sqlite& database, std::string_view text) : database_(database) {
  sqlite3_stmt* prepared = nullptr;
  const int code =
      sqlite3_prepare_v2(database.handle(), text.data(), static_cast<int>(text.size()), &prepared, nullptr);
  statement_.reset(prepared);
  if (code != SQLITE_OK) fail();
}

Statement& Statement::bind(std::int64_t value) {
  if (sqlite3_bind_int64(statement_.get(), ++bound_, value) != SQLITE_OK) fail();
  return *this;
}

Statement& Statement::bind(const std::string& value) {
  const int size = static_cast<int>(value.size());
  if (sqlite3_bind_text(statement_.get(), ++bound_, value.data(), size, SQLITE_TRANSIENT) != SQLITE_OK) fail();
  return *this;
}

bool Statement::step() {
  column_ = 0;
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail();
  return false;
}

std::int64_t Statement::number() {
  return sqlite3_column_int64(statement_.get(), column_++);
}

std::string Statement::text() {
  const int column = column_++;
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return text == nullptr ? std::string() : std::string(text, text + size);
}

Transaction::Transaction(Sqlite& database) : database_(database) {
  database_.run("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!open_) return;
  // A full disk may have ended it already.
  sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace prestamos
