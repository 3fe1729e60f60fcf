#include "store/repair.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <span>
#include <utility>

#include "base/fd.h"
#include "store/experiment_rows.h"
#include "store/record_rows.h"
#include "store/release_rows.h"
#include "store/schema.h"
#include "store/store.h"
#include "store/timeline_rows.h"
#include "store/usage_rows.h"

namespace marea::store {
namespace {

// Counters that cannot be read go on where no platform has come: a million starts, a billion changes.
constexpr std::int64_t kFarEpoch = 1 << 20;
constexpr std::int64_t kFarVersion = 1 << 30;
constexpr int kMostKept = 100;       // damaged files beside a store
constexpr std::size_t kBatch = 500;  // rows of one commit

template <class Record>
const std::string& key_of(const Record& record) {
  if constexpr (std::is_same_v<Record, ServiceRecord>) return record.service.name.str();
  if constexpr (std::is_same_v<Record, RevisionRecord>) return record.revision.name.str();
  if constexpr (std::is_same_v<Record, ImageRecord>) return record.digest;
  if constexpr (std::is_same_v<Record, ImageName>) return record.name;
}

class Salvage {
 public:
  explicit Salvage(Database& db) : db_(db) {}

  // Rows from the first on as far as they can be read, then from the last on: what lies between is lost.
  template <class Record>
  std::vector<Record> rows(const std::string& table, const std::string& columns,
                           base::Result<Record> (*read)(const Statement&, const std::string&)) {
    std::vector<Record> out;
    std::set<std::string> have;
    for (const char* order : {"ASC", "DESC"}) {
      const bool whole = pass(table, columns, order, [&](const Statement& row) {
        base::Result<Record> record = read(row, db_.path());
        const std::string key = record ? key_of(*record) : row.text(0);
        if (!have.insert(key).second) return;
        if (record) {
          out.push_back(std::move(*record));
        } else {
          lost.push_back(record.error().what + ": " + record.error().why);
        }
      });
      if (whole) break;
    }
    return out;
  }

  std::int64_t counter(const std::string& name, std::int64_t otherwise) {
    pass("counters", "name, value", "ASC", [&](const Statement& row) {
      if (row.text(0) == name) otherwise = row.integer(1);
    });
    return otherwise;
  }

  std::vector<std::string> lost;
  bool read_something = false;

 private:
  template <class Take>
  bool pass(const std::string& table, const std::string& columns, const std::string& order, Take take) {
    auto rows = db_.prepare("SELECT " + columns + " FROM " + table + " NOT INDEXED ORDER BY rowid " + order);
    base::Error why;
    while (rows) {
      const base::Result<bool> row = rows->next();
      if (!row) {
        why = row.error();
        break;
      }
      read_something = true;
      if (!*row) return true;
      take(*rows);
    }
    const std::string said = "rows of " + table + ": " + (rows ? why.why : rows.error().why);
    if (std::ranges::find(lost, said) == lost.end()) lost.push_back(said);
    return false;
  }

  Database& db_;
};

struct Found {
  Contents contents;
  std::int64_t epoch = 0;
  std::int64_t version = 0;
};

template <class Record>
base::Result<void> commit_all(Store& store, std::vector<Record>& records) {
  for (std::size_t at = 0; at < records.size(); at += kBatch) {
    std::vector<Change> changes;
    for (std::size_t i = at; i < std::min(records.size(), at + kBatch); ++i)
      changes.emplace_back(std::move(records[i]));
    if (auto done = store.commit(changes); !done) return done;
  }
  return {};
}

base::Result<void> write_new(const std::string& path, Found found) {
  {
    base::Result<Database> db = Database::open(path);
    if (!db) return base::fail(std::move(db.error()));
    if (auto done = migrate(*db); !done) return done;
    const std::string counters = "UPDATE counters SET value = " + std::to_string(found.epoch) +
                                 " WHERE name = 'epoch'; UPDATE counters SET value = " + std::to_string(found.version) +
                                 " WHERE name = 'resource_version'";
    if (auto done = db->run(counters.c_str()); !done) return done;
  }
  base::Result<Store> store = Store::open(path);
  if (!store) return base::fail(std::move(store.error()));
  if (auto done = commit_all(*store, found.contents.services); !done) return done;
  if (auto done = commit_all(*store, found.contents.revisions); !done) return done;
  if (auto done = commit_all(*store, found.contents.images); !done) return done;
  if (auto done = commit_all(*store, found.contents.usage); !done) return done;
  if (auto done = commit_all(*store, found.contents.usage_totals); !done) return done;
  if (auto done = commit_all(*store, found.contents.release_policies); !done) return done;
  if (auto done = commit_all(*store, found.contents.releases); !done) return done;
  if (auto done = commit_all(*store, found.contents.release_audits); !done) return done;
  if (auto done = commit_all(*store, found.contents.notices); !done) return done;
  if (auto done = commit_all(*store, found.contents.timeline); !done) return done;
  if (auto done = commit_all(*store, found.contents.platform_events); !done) return done;
  if (auto done = commit_all(*store, found.contents.experiments); !done) return done;
  return commit_all(*store, found.contents.names);
}

// A second name for the damaged file and its log, then the new one in its place. The log goes first: it must never meet
// another file than its own.
base::Result<std::string> put_in_place(const std::string& fresh, const std::string& path) {
  struct stat before{};
  std::string kept;
  for (int i = 1; i <= kMostKept && kept.empty(); ++i) {
    const std::string name = path + ".damaged-" + std::to_string(i);
    if (::link(path.c_str(), name.c_str()) == 0) kept = name;
  }
  if (kept.empty() || ::stat(path.c_str(), &before) != 0) return base::fail(base::os_error("cannot keep " + path));
  // There may be none; what it says is in the fresh store already, as far as it could be read.
  [[maybe_unused]] const int kept_log = ::link((path + "-wal").c_str(), (kept + "-wal").c_str());
  ::unlink((path + "-wal").c_str());
  ::unlink((path + "-shm").c_str());
  const base::Fd file(::open(fresh.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string above = std::filesystem::path(path).parent_path().string();
  const base::Fd folder(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::chown(fresh.c_str(), before.st_uid, before.st_gid) != 0 || !file || ::fsync(file.get()) != 0 ||
      std::rename(fresh.c_str(), path.c_str()) != 0 || !folder || ::fsync(folder.get()) != 0) {
    return base::fail(base::os_error("cannot replace " + path));
  }
  return kept;
}

// A file that was cut off is shorter than its header says, and SQLite reads nothing of it then. With zeros for what is
// missing it reads the rest: a copy, for the damaged file stays as it is. Its path; empty when the file is not cut off.
base::Result<std::string> completed_copy(const std::string& path) {
  constexpr std::size_t kHeaderBytes = 100;
  std::array<unsigned char, kHeaderBytes> header{};
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat state{};
  if (!file || ::fstat(file.get(), &state) != 0 || ::read(file.get(), header.data(), header.size()) != kHeaderBytes) {
    return std::string();
  }
  // https://www.sqlite.org/fileformat.html: the page's size at 16, the number of pages at 28, big-endian.
  const auto number = [&](std::size_t at, std::size_t bytes) {
    off_t out = 0;
    for (std::size_t i = at; i < at + bytes; ++i) out = out * 256 + header.at(i);
    return out;
  };
  const off_t page = number(16, 2) == 1 ? 65536 : number(16, 2);
  const off_t whole = page * number(28, 4);
  constexpr off_t kMostMissing = off_t{1} << 36;  // holes take no space, but a header may say anything
  if (state.st_size >= whole || whole - state.st_size > kMostMissing) return std::string();
  std::string copy = path + ".completed";
  std::error_code failed;
  for (const char* end : {"", "-wal"}) {
    std::filesystem::remove(copy + end, failed);
    if (!std::filesystem::exists(path + end, failed)) continue;
    std::filesystem::copy_file(path + end, copy + end, failed);
    if (failed) return base::fail(base::os_error("cannot copy " + path + end, failed.value()));
  }
  std::filesystem::resize_file(copy, static_cast<std::uintmax_t>(whole), failed);
  if (failed) return base::fail(base::os_error("cannot copy " + path, failed.value()));
  return copy;
}

void remove_files(const std::string& path) {
  for (const char* end : {"", "-wal", "-shm"}) ::unlink((path + end).c_str());
}

// Its files are removed when it goes.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() {
    if (!path_.empty()) remove_files(path_);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

 private:
  std::string path_;
};

}  // namespace

std::string repair_remedy(const std::string& data_dir) {
  return "Stop marea and run: sudo marea repair --data " + data_dir +
         "; or restore a backup into another directory: sudo marea restore FILE --data OTHER";
}

base::Error no_store(const std::string& path) {
  return {.code = base::ErrorCode::not_found,
          .what = "there is no store at " + path,
          .why = "nothing was ever stored there",
          .remedy = "Say where marea's data is: --data DIR",
          .more = {}};
}

base::Result<void> check(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  base::Result<Database> db = Database::open_to_read(path);
  if (!db) return base::fail(std::move(db.error()));
  if (auto sound = db->check(); !sound) return sound;
  const base::Result<std::int64_t> form = form_of(*db);
  if (!form) return base::fail(form.error());
  if (*form == 0) return base::fail(emptied(path));
  if (*form > kSchemaVersion) return base::fail(of_newer_form(path, *form));
  const base::Result<Contents> contents = read_contents(*db);
  if (!contents) return base::fail(contents.error());
  return {};
}

base::Result<Repaired> repair(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return base::fail(no_store(path));
  }
  const base::Result<void> sound = check(path);
  if (sound) return Repaired{};
  if (sound.error().code == base::ErrorCode::conflict) return base::fail(sound.error());  // of a newer form
  const base::Result<std::string> completed = completed_copy(path);
  if (!completed) return base::fail(completed.error());
  const Temporary copy(*completed);
  base::Result<Database> db = Database::open_to_read(completed->empty() ? path : *completed);
  if (!db) return base::fail(std::move(db.error()));
  Salvage salvage(*db);
  Found found{.contents = {.services = salvage.rows("services", kServiceColumns, service_in),
                           .revisions = salvage.rows("revisions", kRevisionColumns, revision_in),
                           .names = salvage.rows("image_names", kNameColumns, name_in),
                           .images = salvage.rows("images", kImageColumns, image_in)},
              .epoch = salvage.counter("epoch", kFarEpoch),
              .version = salvage.counter("resource_version", kFarVersion)};
  // The same of releases; without its release a service goes on as it would without a policy.
  const auto form = form_of(*db);
  const bool before_releases = form && *form < 3;
  if (auto released = load_releases(*db, found.contents); !released && !before_releases) {
    salvage.lost.push_back("releases: " + released.error().what + ": " + released.error().why);
  }
  // Without them nobody hears of what happened, and nothing else is lost.
  const bool before_notices = form && *form < 4;
  if (auto told = load_notices(*db, found.contents); !told && !before_notices) {
    salvage.lost.push_back("notifications: " + told.error().why);
  }
  if (auto lines = load_timelines(*db, found.contents); !lines && form && *form >= 5) {
    salvage.lost.push_back("rows of the history: " + lines.error().why);
  }
  const bool before_experiments = form && *form < 6;
  if (auto tried = load_experiments(*db, found.contents); !tried && !before_experiments) {
    salvage.lost.push_back("experiments: " + tried.error().what + ": " + tried.error().why);
  }
  // What was used is read whole or as far as it goes.
  if (auto used = load_usage(*db, found.contents); !used) salvage.lost.push_back("rows of usage: " + used.error().why);
  // A store without services would take all of them out of service.
  const bool nothing_left = found.contents.services.empty() && !salvage.lost.empty();
  if (!salvage.read_something || nothing_left) {
    return base::fail(
        base::ErrorCode::store_damaged, "cannot repair " + path, salvage.lost.front(),
        "Restore a backup into another directory: sudo marea restore FILE --data OTHER; or start empty: mv " + path +
            " " + path + ".damaged, and apply the manifests again");
  }
  std::set<std::string> services;
  for (const ServiceRecord& one : found.contents.services) services.insert(one.service.name.str());
  std::erase_if(found.contents.revisions, [&](const RevisionRecord& one) {
    const bool orphan = !services.contains(one.revision.service.str());
    if (orphan) salvage.lost.push_back("revision " + one.revision.name.str() + ": its service is lost");
    return orphan;
  });
  std::erase_if(found.contents.releases,
                [&](const ReleaseRecord& one) { return !services.contains(one.spec.service.str()); });
  std::erase_if(found.contents.experiments,
                [&](const ExperimentRecord& one) { return !services.contains(one.spec.service.str()); });
  std::set<std::string> releases;
  for (const ReleaseRecord& one : found.contents.releases) releases.insert(one.spec.id);
  std::erase_if(found.contents.release_audits,
                [&](const ReleaseAuditRecord& one) { return !releases.contains(one.release); });
  Repaired out{.services = std::ssize(found.contents.services),
               .revisions = std::ssize(found.contents.revisions),
               .images = std::ssize(found.contents.images),
               .lost = std::move(salvage.lost),
               .kept = {}};
  const std::string fresh = path + ".repairing";
  remove_files(fresh);
  if (auto done = write_new(fresh, std::move(found)); !done) {
    remove_files(fresh);
    return base::fail(std::move(done.error()));
  }
  auto kept = put_in_place(fresh, path);
  if (!kept) return base::fail(std::move(kept.error()));
  out.kept = std::move(*kept);
  return out;
}

}  // namespace marea::store
