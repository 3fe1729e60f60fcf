#include "telemetry/record_search.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/rfc3339.h"
#include "telemetry/log_spool.h"
#include "telemetry/read_range.h"
#include "telemetry/request_record.h"

namespace marea::telemetry {
namespace {

constexpr std::string_view kTime = "{\"time\":\"";
constexpr std::size_t kTimeBytes = 64;

// From `from` on. glibc's search by words is several times faster than that of std::string where the first byte is as
// frequent as a comma.
std::size_t place_of(std::string_view text, std::string_view part, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  const void* found = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::uint64_t number_after(std::string_view text, std::string_view mark) {
  std::uint64_t out = 0;
  const std::size_t at = text.find(mark);
  if (at != std::string_view::npos) std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), out);
  return out;
}

}  // namespace

std::int64_t time_of_record(std::string_view line) {
  if (!line.starts_with(kTime)) return 0;
  line = line.substr(kTime.size(), kTimeBytes);
  return base::parse_rfc3339(line.substr(0, line.find('"'))).value_or(0);
}

RecordSearch::RecordSearch(std::string folder, std::string_view id, std::optional<std::int64_t> around_unix_ns)
    : folder_(std::move(folder)), mark_(id_mark(id)) {
  struct Segment {
    std::uint64_t number = 0;
    std::int64_t begins = 0;
    std::int64_t distance = 0;
  };
  const LogSpoolReader spool(folder_);
  std::vector<Segment> found;
  for (const std::uint64_t number : spool.segments()) {
    const std::int64_t begins = time_of_record(read_range(spool.path(number), 0, kTime.size() + kTimeBytes));
    if (oldest_unix_ns_ == 0) oldest_unix_ns_ = begins;
    found.push_back({.number = number, .begins = begins});
  }
  std::ranges::reverse(found);  // newest first
  if (around_unix_ns) {
    // A segment reaches from its first line to that of the next. A record is written when its request ends, and so may
    // be in a later one than its time says: of equal distance the newer is read first.
    std::int64_t ends = std::numeric_limits<std::int64_t>::max();
    for (Segment& each : found) {
      each.distance = std::max({std::int64_t{0}, each.begins - *around_unix_ns, *around_unix_ns - ends});
      ends = each.begins;
    }
    std::ranges::stable_sort(found, {}, &Segment::distance);
  }
  for (const Segment& each : found) segments_.push_back(each.number);
}

RecordSearch::State RecordSearch::step() {
  if (!segments_.empty()) read_slice();
  if (segments_.empty()) return record_.empty() ? State::absent : State::found;
  return State::searching;
}

void RecordSearch::read_slice() {
  const std::string path = LogSpoolReader(folder_).path(segments_.front());
  std::string text = std::move(rest_);
  rest_.clear();
  const std::string read = read_range(path, at_, kSearchSlice);
  at_ += static_cast<std::int64_t>(read.size());
  text += read;
  const bool last = read.size() < kSearchSlice;
  // What has no end yet is read with what follows; at the end of a segment it is still being written, or was torn.
  const std::size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  if (!last && text.size() - whole < kSearchSlice) rest_ = text.substr(whole);
  text.resize(whole);
  for (std::size_t at = place_of(text, mark_, 0); at != std::string::npos; at = place_of(text, mark_, at + 1)) {
    const std::size_t begins = text.rfind('\n', at) == std::string::npos ? 0 : text.rfind('\n', at) + 1;
    std::string line = text.substr(begins, text.find('\n', at) - begins);
    if (line.starts_with('{') && line.ends_with('}')) record_ = std::move(line);
  }
  for (std::size_t at = place_of(text, kGapMark, 0); at != std::string::npos; at = place_of(text, kGapMark, at + 1)) {
    dropped_ += number_after(std::string_view(text).substr(at, kTimeBytes), kGapMark);
  }
  if (!last) return;
  segments_.pop_front();
  at_ = 0;
  if (!record_.empty()) segments_.clear();
}

}  // namespace marea::telemetry
