#include "store/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/crash_point.h"
#include "base/fd.h"
#include "store/experiment_rows.h"
#include "store/image_form.h"
#include "store/record_rows.h"
#include "store/release_rows.h"
#include "store/rows.h"
#include "store/schema.h"
#include "store/usage_rows.h"

namespace marea::store {
namespace {

constexpr int kCommitsUntilReserve = 100;

std::string reserve_of(const std::string& path) {
  return path + ".reserve";
}

// What instances used, what a release or an experiment counted and what was is no part of what clients watch.
bool is_unwatched(const Change& change) {
  return std::holds_alternative<UsageRecord>(change) || std::holds_alternative<UsageTotal>(change) ||
         std::holds_alternative<DropUsage>(change) || std::holds_alternative<ReleaseRecord>(change) ||
         std::holds_alternative<ReleaseAuditRecord>(change) || std::holds_alternative<NoticeRecord>(change) ||
         std::holds_alternative<DropNotice>(change) || std::holds_alternative<TimelineRecord>(change) ||
         std::holds_alternative<TimelineConfirmed>(change) || std::holds_alternative<PlatformEventRecord>(change) ||
         std::holds_alternative<ExperimentRecord>(change);
}

}  // namespace

std::string_view to_string(RevisionResult result) {
  switch (result) {
    case RevisionResult::pending: return "pending";
    case RevisionResult::ready: return "ready";
    case RevisionResult::failed: return "failed";
  }
  return "failed";
}

base::Result<Store> Store::open(const std::string& path, bool written_before) {
  std::error_code absent;
  const auto bytes = std::filesystem::file_size(path, absent);
  const bool must_have_form = written_before && !absent;
  // SQLite removes the log of a file of no bytes: it is not opened.
  if (must_have_form && bytes == 0) return base::fail(emptied(path));
  base::Result<Database> db = Database::open(path);
  if (!db) return base::fail(std::move(db.error()));
  if (must_have_form) {
    const base::Result<std::int64_t> form = form_of(*db);
    if (!form) return base::fail(form.error());
    if (*form == 0) return base::fail(emptied(path));
  }
  if (auto done = migrate(*db); !done) return base::fail(std::move(done.error()));
  if (auto done = db->run("UPDATE counters SET value = value + 1 WHERE name = 'epoch'"); !done) {
    return base::fail(std::move(done.error()));
  }
  Store store(std::move(*db));
  if (auto done = store.read_counters(); !done) return base::fail(std::move(done.error()));
  return store;
}

base::Result<void> Store::read_counters() {
  auto rows = db_.prepare("SELECT name, value FROM counters");
  if (!rows) return base::fail(std::move(rows.error()));
  for (;;) {
    base::Result<bool> row = rows->next();
    if (!row) return base::fail(std::move(row.error()));
    if (!*row) return {};
    std::uint64_t& counter = rows->text(0) == "epoch" ? epoch_ : resource_version_;
    counter = static_cast<std::uint64_t>(rows->integer(1));
  }
}

base::Result<Contents> Store::load() {
  return read_contents(db_);
}

base::Result<void> Store::commit(std::span<Change> changes, std::span<Change> more) {
  base::Result<void> done = commit_once(changes, more);
  if (!done && done.error().code == base::ErrorCode::disk_full && give_up_reserve(db_.path())) {
    commits_without_reserve_ = 0;
    done = commit_once(changes, more);
  } else if (done && wants_reserve_ && ++commits_without_reserve_ >= kCommitsUntilReserve) {
    keep_reserve();
  }
  return done;
}

void Store::keep_reserve() {
  wants_reserve_ = true;
  commits_without_reserve_ = 0;
  const std::string path = reserve_of(db_.path());
  std::error_code failed;
  if (std::filesystem::file_size(path, failed) == kReserveBytes && !failed) return;
  if (std::filesystem::space(std::filesystem::path(path).parent_path(), failed).available < 4 * kReserveBytes || failed)
    return;
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ::posix_fallocate(file.get(), 0, kReserveBytes) != 0) ::unlink(path.c_str());
}

bool Store::give_up_reserve(const std::string& path) {
  return ::unlink(reserve_of(path).c_str()) == 0;
}

base::Result<void> Store::commit_once(std::span<Change> changes, std::span<Change> more) {
  base::Result<Transaction> transaction = Transaction::begin(db_);
  if (!transaction) return base::fail(std::move(transaction.error()));
  const bool unwatched = std::ranges::all_of(changes, is_unwatched) && std::ranges::all_of(more, is_unwatched);
  const std::uint64_t version = resource_version_ + (unwatched ? 0 : 1);
  for (const std::span<Change> part : {changes, more}) {
    for (Change& change : part) {
      if (auto* service = std::get_if<ServiceRecord>(&change)) service->resource_version = version;
      if (auto* revision = std::get_if<RevisionRecord>(&change)) revision->resource_version = version;
      if (auto done = std::visit([this](const auto& one) { return write(one); }, change); !done) return done;
    }
  }
  if (auto done = execute(db_, "UPDATE counters SET value = ? WHERE name = 'resource_version'", version); !done) {
    return done;
  }
  base::crash_point("control.store.begun");
  if (auto done = transaction->commit(); !done) return done;
  base::crash_point("control.store.committed");
  resource_version_ = version;
  return {};
}

base::Result<void> Store::snapshot(const std::string& path) {
  return execute(db_, "VACUUM INTO ?", path);
}

base::Result<void> Store::write(const ServiceRecord& record) {
  return execute(db_,
                 "INSERT INTO services VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET uid = "
                 "excluded.uid, generation = excluded.generation, resource_version = excluded.resource_version, "
                 "created_unix_ns = excluded.created_unix_ns, deleting = excluded.deleting, document = "
                 "excluded.document",
                 record.service.name.str(), record.uid, record.generation, record.resource_version,
                 record.created_unix_ns, static_cast<int>(record.deleting), record.document);
}

base::Result<void> Store::write(const RevisionRecord& record) {
  const model::Revision& revision = record.revision;
  const std::string image = images_to_text(revision);
  return execute(db_, "INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 revision.name.str(), revision.service.str(), record.uid, revision.generation, record.resource_version,
                 revision.created_unix_ns, record.document, image, std::string(to_string(record.result)),
                 std::string(to_string(record.reason)), std::string(base::to_string(record.code)), record.message,
                 record.decided_unix_ns);
}

base::Result<void> Store::write(const ImageName& name) {
  return execute(db_, "INSERT OR REPLACE INTO image_names VALUES (?, ?, ?)", name.name, name.digest,
                 name.named_unix_ns);
}

base::Result<void> Store::write(const ImageRecord& record) {
  return execute(db_, "INSERT OR REPLACE INTO images VALUES (?, ?)", record.digest,
                 image_to_text(record.image, record.used_unix_ns, record.given));
}

base::Result<void> Store::write(const UsageRecord& record) {
  return write_usage(db_, record);
}

base::Result<void> Store::write(const UsageTotal& total) {
  return write_usage(db_, total);
}

base::Result<void> Store::write(const ReleaseRecord& record) {
  return write_release(db_, record);
}

base::Result<void> Store::write(const ReleaseAuditRecord& record) {
  return write_release(db_, record);
}

base::Result<void> Store::write(const ReleasePolicyRecord& record) {
  return write_release(db_, record);
}

base::Result<void> Store::write(const DropRelease& drop) {
  return drop_releases(db_, drop);
}

base::Result<void> Store::write(const DropReleasePolicy& drop) {
  return drop_releases(db_, drop);
}

base::Result<void> Store::write(const NoticeRecord& record) {
  return write_release(db_, record);
}

base::Result<void> Store::write(const DropNotice& drop) {
  return drop_releases(db_, drop);
}

base::Result<void> Store::write(const TimelineRecord& record) {
  return write_timeline(db_, record);
}

base::Result<void> Store::write(const TimelineConfirmed& record) {
  return write_timeline(db_, record);
}

base::Result<void> Store::write(const PlatformEventRecord& record) {
  return write_timeline(db_, record);
}

base::Result<void> Store::write(const ExperimentRecord& record) {
  return write_experiment(db_, record);
}

base::Result<void> Store::write(const DropExperiment& drop) {
  return drop_experiments(db_, drop);
}

base::Result<void> Store::write(const DropUsage& drop) {
  return execute(db_, "DELETE FROM usage WHERE instance = ?", drop.instance.str());
}

base::Result<void> Store::write(const DropService& drop) {
  if (auto done = leave_timeline(db_, drop.name); !done) return done;
  if (auto done = drop_releases(db_, drop.name); !done) return done;
  if (auto done = drop_experiments(db_, drop.name); !done) return done;
  if (auto done = execute(db_, "DELETE FROM revisions WHERE service = ?", drop.name.str()); !done) return done;
  return execute(db_, "DELETE FROM services WHERE name = ?", drop.name.str());
}

base::Result<void> Store::write(const DropRevision& drop) {
  return execute(db_, "DELETE FROM revisions WHERE name = ?", drop.name.str());
}

base::Result<void> Store::write(const DropImageName& drop) {
  return execute(db_, "DELETE FROM image_names WHERE name = ?", drop.name);
}

base::Result<void> Store::write(const DropImage& drop) {
  return execute(db_, "DELETE FROM images WHERE digest = ?", drop.digest);
}

}  // namespace marea::store
