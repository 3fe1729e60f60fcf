#include "engine/local/run_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/replace_file.h"
#include "engine/local/run_file.h"
#include "engine/local/small_file.h"

namespace marea::engine::local {
namespace {

constexpr std::string_view kInstances = "/.instances";
constexpr std::string_view kEnded = "/.ended";
constexpr std::string_view kPlan = "/.plan";

template <class T>
struct Found {
  std::vector<T> whole;
  std::vector<base::Error> refused;
};

bool is_newer(const base::Error& error) {
  return error.code == base::ErrorCode::not_allowed;
}

// Every value in a folder that can be used. No instance's name has a dot, so none ends as what a killed writer left.
template <class T>
Found<T> read_all(const std::string& folder) {
  Found<T> out;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    const std::string path = entry.path().string();
    if (!entry.is_regular_file(problem) || path.ends_with(base::kFresh)) {
      ::unlink(path.c_str());
      continue;
    }
    base::Result<T> value = parse_run_file<T>(read_small_file(path), path);
    if (value && value->id.str() == entry.path().filename().string()) {
      out.whole.push_back(std::move(*value));
      continue;
    }
    if (value) value = base::fail(base::ErrorCode::invalid_argument, "cannot use " + path, "it has another's name");
    if (!is_newer(value.error())) ::unlink(path.c_str());
    out.refused.push_back(std::move(value.error()));
  }
  return out;
}

// One of each cause, with how many more there are.
void tell(const std::vector<base::Error>& refused, std::vector<base::Error>& out) {
  std::map<std::string, std::pair<base::Error, std::size_t>> by_cause;
  for (const base::Error& error : refused) ++by_cause.emplace(error.why, std::pair(error, 0U)).first->second.second;
  for (auto& [why, told] : by_cause) {
    if (told.second > 1) told.first.what += " and " + std::to_string(told.second - 1) + " more";
    out.push_back(std::move(told.first));
  }
}

base::Result<void> sync_file(const std::string& path) {
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  if (!file || ::fdatasync(file.get()) != 0) return base::fail(base::os_error("cannot sync " + path));
  return {};
}

}  // namespace

base::Result<RunFolder> RunFolder::open(std::string path) {
  RunFolder out(std::move(path));
  for (const std::string_view part : {kInstances, kEnded}) {
    const std::string folder = out.path_ + std::string(part);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return base::fail(base::os_error("cannot make " + folder));
    }
  }
  if (base::Result<void> synced = base::sync_folder(out.path_); !synced) return std::unexpected(synced.error());
  Found<model::InstanceReport> found = read_all<model::InstanceReport>(out.path_ + std::string(kEnded));
  tell(found.refused, out.refused_);
  std::ranges::sort(found.whole, {}, &model::InstanceReport::since_unix_ns);
  for (const model::InstanceReport& report : found.whole) {
    out.kept_.push_back(report.id.str());
    out.unsynced_.insert(report.id.str());
  }
  return out;
}

base::Result<void> RunFolder::write(const InstanceRecord& record) const {
  return base::replace_file(path_ + std::string(kInstances) + "/" + record.id.str(), print_run_file(record),
                            base::Durable::no);
}

void RunFolder::forget(const base::InstanceId& id) const {
  ::unlink((path_ + std::string(kInstances) + "/" + id.str()).c_str());
}

std::vector<InstanceRecord> RunFolder::records() {
  Found<InstanceRecord> found = read_all<InstanceRecord>(path_ + std::string(kInstances));
  tell(found.refused, refused_);
  return std::move(found.whole);
}

base::Result<void> RunFolder::keep(const model::InstanceReport& report) {
  const std::string& id = report.id.str();
  if (std::ranges::find(kept_, id) == kept_.end()) kept_.push_back(id);
  if (kept_.size() > kMostKeptReports) drop(base::InstanceId(kept_.front()));
  base::Result<void> written =
      base::replace_file(path_ + std::string(kEnded) + "/" + id, print_run_file(report), base::Durable::no);
  if (written) {
    unwritten_.erase(id);
    unsynced_.insert(id);
  } else {
    unwritten_.insert_or_assign(id, report);
  }
  return written;
}

void RunFolder::drop(const base::InstanceId& id) {
  const auto found = std::ranges::find(kept_, id.str());
  if (found == kept_.end()) return;  // whatever control says, no other file is removed
  kept_.erase(found);
  unsynced_.erase(id.str());
  if (unwritten_.erase(id.str()) != 0) forget(id);
  ::unlink((path_ + std::string(kEnded) + "/" + id.str()).c_str());
}

std::vector<model::InstanceReport> RunFolder::kept() const {
  std::vector<model::InstanceReport> out = read_all<model::InstanceReport>(path_ + std::string(kEnded)).whole;
  for (const auto& [id, report] : unwritten_) out.push_back(report);
  std::ranges::sort(out, {}, &model::InstanceReport::since_unix_ns);
  return out;
}

std::vector<std::string> RunFolder::take_unsynced() {
  for (const auto& [id, report] : std::map(unwritten_)) {
    if (!keep(report)) break;
    forget(report.id);
  }
  const std::set<std::string> names = std::exchange(unsynced_, {});
  return {names.begin(), names.end()};
}

base::Result<void> RunFolder::sync(const std::vector<std::string>& reports) const {
  const std::string folder = path_ + std::string(kEnded);
  const std::string inside = folder + "/";
  for (const std::string& id : reports) {
    if (base::Result<void> synced = sync_file(inside + id); !synced) return synced;
  }
  return base::sync_folder(folder);
}

base::Result<void> RunFolder::save(const model::Plan& plan) const {
  return base::replace_file(path_ + std::string(kPlan), print_run_file(plan), base::Durable::yes);
}

std::optional<model::Plan> RunFolder::plan() {
  const std::string path = path_ + std::string(kPlan);
  std::error_code problem;
  if (!std::filesystem::exists(path, problem)) return std::nullopt;
  base::Result<model::Plan> plan = parse_run_file<model::Plan>(read_small_file(path), path);
  if (plan) return std::move(*plan);
  refused_.push_back(std::move(plan.error()));
  return std::nullopt;
}

std::vector<base::Error> RunFolder::take_refused() {
  return std::exchange(refused_, {});
}

}  // namespace marea::engine::local
