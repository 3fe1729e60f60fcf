#include "engine/local/run_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/fd.h"

namespace marea::engine::local {
namespace {

constexpr std::string_view kInstances = "/.instances";
constexpr std::string_view kEnded = "/.ended";
constexpr std::string_view kPlan = "/.plan";
constexpr std::string_view kFresh = ".new";  // no instance's name has a dot

// Names the form of what follows: the length of an empty value differs with its fields.
template <class T>
std::string form_of() {
  return "marea " + std::to_string(net::encode(T{}).size()) + "\n";
}

template <class T>
base::Result<void> write_whole(const std::string& path, const T& value, bool durable) {
  const std::string fresh = path + std::string(kFresh);
  const std::string text = form_of<T>() + net::encode(value);
  const base::Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return base::fail(base::os_error("cannot write " + fresh));
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t wrote = ::write(file.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return base::fail(base::os_error("cannot write " + fresh));
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (durable && ::fdatasync(file.get()) != 0) return base::fail(base::os_error("cannot write " + fresh));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return base::fail(base::os_error("cannot replace " + path));
  return {};
}

template <class T>
std::optional<T> read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const std::string form = form_of<T>();
  if (!text.starts_with(form)) return std::nullopt;
  return net::decode<T>(std::string_view(text).substr(form.size()));
}

// Every whole value in a folder; the rest is removed.
template <class T>
std::vector<T> read_all(const std::string& folder) {
  std::vector<T> out;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    const std::string path = entry.path().string();
    const bool whole = entry.is_regular_file(problem) && !path.ends_with(kFresh);
    std::optional<T> value = whole ? read_whole<T>(path) : std::nullopt;
    if (value && value->id.str() == entry.path().filename().string()) {
      out.push_back(std::move(*value));
    } else {
      ::unlink(path.c_str());
    }
  }
  return out;
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
  for (const model::InstanceReport& report : out.kept()) out.kept_.push_back(report.id.str());
  return out;
}

base::Result<void> RunFolder::write(const InstanceRecord& record) const {
  return write_whole(path_ + std::string(kInstances) + "/" + record.id.str(), record, false);
}

void RunFolder::forget(const base::InstanceId& id) const {
  ::unlink((path_ + std::string(kInstances) + "/" + id.str()).c_str());
}

std::vector<InstanceRecord> RunFolder::records() const {
  return read_all<InstanceRecord>(path_ + std::string(kInstances));
}

base::Result<void> RunFolder::keep(const model::InstanceReport& report) {
  if (std::ranges::find(kept_, report.id.str()) == kept_.end()) kept_.push_back(report.id.str());
  if (kept_.size() > kMostKeptReports) drop(base::InstanceId(kept_.front()));
  return write_whole(path_ + std::string(kEnded) + "/" + report.id.str(), report, false);
}

void RunFolder::drop(const base::InstanceId& id) {
  const auto found = std::ranges::find(kept_, id.str());
  if (found == kept_.end()) return;  // whatever control says, no other file is removed
  kept_.erase(found);
  ::unlink((path_ + std::string(kEnded) + "/" + id.str()).c_str());
}

std::vector<model::InstanceReport> RunFolder::kept() const {
  auto out = read_all<model::InstanceReport>(path_ + std::string(kEnded));
  std::ranges::sort(out, {}, &model::InstanceReport::since_unix_ns);
  return out;
}

base::Result<void> RunFolder::save(const model::Plan& plan) const {
  return write_whole(path_ + std::string(kPlan), plan, true);
}

std::optional<model::Plan> RunFolder::plan() const {
  return read_whole<model::Plan>(path_ + std::string(kPlan));
}

}  // namespace marea::engine::local
