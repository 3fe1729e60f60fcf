// A disk in memory for SQLite that fails on purpose, at an I/O step that the test names. While one lives, it is the
// default VFS: whoever opens a database gets it, without a word in the code under test.
//
// What it promises is what POSIX and a disk promise and no more: a write is certain only after a sync of its file, a
// name only after a sync of its folder. A power cut keeps any subset of the 512-byte sectors written since, in any
// mixture, and any subset of the new and removed names. A sync that fails takes what it should have written for
// written: later syncs succeed without it, and reads still show it, as Linux does.
//
// As SQLite's own VFS for Linux, the first sync of a journal or log syncs the folder too, and bytes beside those
// written do not change. One connection per file.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"

namespace marea::store {

enum class Fault { none, power_cut, no_space, short_write, sync_fails, read_fails };

class UnsafeDisk {
 public:
  explicit UnsafeDisk(std::uint64_t seed) : random_(seed) { mount(); }
  ~UnsafeDisk();
  UnsafeDisk(const UnsafeDisk&) = delete;
  UnsafeDisk& operator=(const UnsafeDisk&) = delete;

  // The first step from now on, counted from 0, at which `fault` is possible has it; once.
  void fail_at(std::uint64_t step, Fault fault);
  // Calls since the last fail_at() that could have failed so.
  std::uint64_t steps() const { return steps_; }
  bool happened() const { return happened_; }
  bool off() const { return off_; }
  // The power is cut now, if it is not yet, and comes back: what was not certain is there or not.
  void power_cycle();

  struct Change {
    std::int64_t offset = 0;
    std::string bytes;
    bool truncate = false;
  };
  struct File {
    std::string shown;            // what reads give
    std::string certain;          // what survives
    std::vector<Change> changes;  // not certain yet
    void change(Change one);      // shows it, and remembers it
    void settle();                // makes all changes certain
    static void apply(std::string& bytes, const Change& one);
  };

 private:
  friend struct UnsafeDiskCalls;
  void mount();
  // True: this call must fail, because the power is off or the fault is now.
  bool strikes(Fault possible);
  void lose(File& file);
  void sync_folder() { certain_names_ = names_; }

  base::SeededRandom random_;
  sqlite3_vfs vfs_{};
  sqlite3_vfs* usual_ = nullptr;
  std::map<std::string, std::shared_ptr<File>> names_;
  std::map<std::string, std::shared_ptr<File>> certain_names_;
  Fault fault_ = Fault::none;
  std::uint64_t at_ = 0;
  std::uint64_t steps_ = 0;
  bool happened_ = false;
  bool off_ = false;
};

}  // namespace marea::store
