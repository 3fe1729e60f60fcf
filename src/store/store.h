// The one place for what must not be lost. control loads everything at its start, keeps it in memory, and writes each
// change here before it acts on it or acknowledges it: commit() returns when the change is on disk, whole or not at
// all. One writer, one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "store/database.h"
#include "store/records.h"
#include "store/timeline_rows.h"

namespace marea::store {

// Of the log that SQLite writes: it fits in so many, however many changes come.
inline constexpr std::int64_t kReserveBytes = 4 << 20;

class Store {
 public:
  // Opens or creates the file and begins an epoch. The error says how to repair or where to look.
  // `written_before`: a file that is there has been used, so that one with nothing in it is damaged, not new. SQLite
  // would begin anew in it.
  static base::Result<Store> open(const std::string& path, bool written_before = false);

  base::Result<Contents> load();

  // Writes all changes as one, then `more` with them; sets resource_version in the services and revisions among them.
  base::Result<void> commit(std::span<Change> changes, std::span<Change> more = {});

  base::Result<Timeline> timeline(const TimelineQuery& query) { return read_timeline(db_, query); }
  base::Result<std::vector<model::PlatformEvent>> platform_events(std::int64_t from_unix_ns,
                                                                  std::int64_t until_unix_ns) {
    return read_events(db_, from_unix_ns, until_unix_ns);
  }

  // Keeps kReserveBytes beside the file while the disk has four times as many. commit() gives them up when the disk is
  // full, and begins again: what frees something must be stored first.
  void keep_reserve();
  // True: there was a reserve of the store at `path`, and its bytes are free now.
  static bool give_up_reserve(const std::string& path);

  // Writes a copy as of now to a new file; the copy is not synced. For backups.
  base::Result<void> snapshot(const std::string& path);

  // How often this store was opened, this time included: numbers that must grow over restarts begin with it.
  std::uint64_t epoch() const { return epoch_; }
  // A commit could not be brought to the disk: nothing more is taken; end, and open the file anew.
  bool lost() const { return db_.lost(); }
  // The newest resourceVersion handed out; every commit takes the next one.
  std::uint64_t resource_version() const { return resource_version_; }
  // Hands out the next one for a change that is not stored; what is stored later has a higher one. After a restart
  // they go on only where raise_version() says, since nothing here remembers them.
  std::uint64_t take_version() { return ++resource_version_; }
  void raise_version(std::uint64_t least) { resource_version_ = std::max(resource_version_, least); }

 private:
  explicit Store(Database db) : db_(std::move(db)) {}
  base::Result<void> read_counters();
  base::Result<void> commit_once(std::span<Change> changes, std::span<Change> more);
  base::Result<void> write(const ServiceRecord& record);
  base::Result<void> write(const RevisionRecord& record);
  base::Result<void> write(const ImageName& name);
  base::Result<void> write(const ImageRecord& record);
  base::Result<void> write(const UsageRecord& record);
  base::Result<void> write(const UsageTotal& total);
  base::Result<void> write(const DropUsage& drop);
  base::Result<void> write(const DropService& drop);
  base::Result<void> write(const DropRevision& drop);
  base::Result<void> write(const DropImageName& drop);
  base::Result<void> write(const DropImage& drop);
  base::Result<void> write(const ReleaseRecord& record);
  base::Result<void> write(const ReleaseAuditRecord& record);
  base::Result<void> write(const ReleasePolicyRecord& record);
  base::Result<void> write(const DropRelease& drop);
  base::Result<void> write(const DropReleasePolicy& drop);
  base::Result<void> write(const NoticeRecord& record);
  base::Result<void> write(const DropNotice& drop);
  base::Result<void> write(const TimelineRecord& record);
  base::Result<void> write(const TimelineConfirmed& record);
  base::Result<void> write(const PlatformEventRecord& record);
  base::Result<void> write(const ExperimentRecord& record);
  base::Result<void> write(const DropExperiment& drop);

  Database db_;
  std::uint64_t epoch_ = 0;
  std::uint64_t resource_version_ = 0;
  bool wants_reserve_ = false;
  int commits_without_reserve_ = 0;
};

}  // namespace marea::store
