// engine's memory beyond its death, in DATA/run: a record of each instance whose app was started, the final reports
// that control has not acknowledged, and the last plan. Files are replaced whole, so that a reader finds the old one or
// the new one; what cannot be read, or was written by a build with other fields, counts as absent and is removed.
//
// Only the plan is forced to the disk. The others describe processes of this boot: the page cache lives as long as
// they.
#pragma once

#include <deque>
#include <optional>
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
  std::vector<InstanceRecord> records() const;

  // Beyond kMostKeptReports the oldest is dropped.
  base::Result<void> keep(const model::InstanceReport& report);
  void drop(const base::InstanceId& id);
  std::vector<model::InstanceReport> kept() const;

  base::Result<void> save(const model::Plan& plan) const;
  std::optional<model::Plan> plan() const;

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::deque<std::string> kept_;  // oldest first
};

}  // namespace marea::engine::local
