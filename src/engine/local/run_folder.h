// engine's memory beyond its death, in DATA/run: a record of each instance whose app was started, the final reports
// that control has not acknowledged, and the last plan. Files are replaced whole (base/replace_file.h) and name their
// form (engine/local/run_file.h).
//
// kill -9, of engine or of every role, loses none of them. What a power cut may take:
//
//   .plan         nothing once save() has returned: a reboot with a damaged store must serve all the same.
//   .ended/ID     nothing once sync() has returned, which the owner calls in the background a moment after keep(): a
//                 report that control has acknowledged until then is in the store, and needs no sync at all.
//   .instances/ID everything: no instance outlives a boot, and a sync would be on the way of each cold start.
//
// A file that is damaged counts as absent and is removed; one in the form of a newer marea is left to it. Both are told
// once, by take_refused().
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/local/instance_record.h"
#include "model/instance.h"
#include "model/plan.h"

namespace marea::engine::local {

// While control is away; 10,000 ends of a crash loop are an hour's at three a second, and 5 MB.
inline constexpr std::size_t kMostKeptReports = 10'000;

class RunFolder {
 public:
  // Makes what is missing below `path`, which exists.
  static base::Result<RunFolder> open(std::string path);

  base::Result<void> write(const InstanceRecord& record) const;
  void forget(const base::InstanceId& id) const;
  std::vector<InstanceRecord> records();

  // Beyond kMostKeptReports the oldest is dropped. One that cannot be written is kept in memory, until take_unsynced()
  // writes it; its instance's record says the same meanwhile and should stay until drop().
  base::Result<void> keep(const model::InstanceReport& report);
  // control has it. Does nothing for what was not kept.
  void drop(const base::InstanceId& id);
  std::vector<model::InstanceReport> kept() const;

  // What was kept since the last call, by an earlier engine too, and is not dropped yet.
  std::vector<std::string> take_unsynced();
  bool all_written() const { return unwritten_.empty(); }
  // Makes these survive a power cut; those that were dropped meanwhile are passed over. On any thread.
  base::Result<void> sync(const std::vector<std::string>& reports) const;

  // On any thread, one call at a time.
  base::Result<void> save(const model::Plan& plan) const;
  std::optional<model::Plan> plan();

  // What was found and could not be used since the last call, for the log: one for all files of a kind.
  std::vector<base::Error> take_refused();

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::deque<std::string> kept_;  // oldest first
  std::set<std::string> unsynced_;
  std::map<std::string, model::InstanceReport> unwritten_;
  std::vector<base::Error> refused_;
};

}  // namespace marea::engine::local
