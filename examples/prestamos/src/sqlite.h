// SQLite, as much of it as the store needs: a connection, a statement with its values bound, a transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace prestamos {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(const std::string& what, bool full) : std::runtime_error(what), full_(full) {}
  bool full() const { return full_; }  // the database has reached its largest size, or the disk is full

 private:
  bool full_;
};

class Sqlite {
 public:
  explicit Sqlite(const std::string& path);

  void run(const char* statements);
  std::int64_t last_id() const;
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

// One statement: bind in order, then step() for each row.
class Statement {
 public:
  Statement(const Sqlite& database, std::string_view text);

  Statement& bind(std::int64_t value);
  Statement& bind(const std::string& value);
  // False when there are no more rows.
  bool step();
  // The next column of this row, from the left.
  std::int64_t number();
  std::string text();

 private:
  struct End {
    void operator()(sqlite3_stmt* statement) const;
  };
  [[noreturn]] void fail() const;

  const Sqlite& database_;
  std::unique_ptr<sqlite3_stmt, End> statement_;
  int bound_ = 0;
  int column_ = 0;
};

// Rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(Sqlite& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Sqlite& database_;
  bool open_ = true;
};

}  // namespace prestamos
