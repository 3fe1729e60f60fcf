#include "telemetry/log_spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "telemetry/read_range.h"
#include "telemetry/request_record.h"

namespace marea::telemetry {
namespace {

constexpr std::size_t kReadBlock = 256U << 10;

std::string segment_path(const std::string& folder, std::uint64_t number) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/%08llu.log", static_cast<unsigned long long>(number));
  return folder + name.data();
}

std::vector<std::uint64_t> list_segments(const std::string& folder) {
  std::vector<std::uint64_t> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
  if (!dir) return out;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (!name.ends_with(".log")) continue;
    std::uint64_t number = 0;
    const char* end = name.data() + name.size() - 4;
    if (const auto [at, error] = std::from_chars(name.data(), end, number); error == std::errc{} && at == end) {
      out.push_back(number);
    }
  }
  std::ranges::sort(out);
  return out;
}

bool matches(const LogQuery& query, const LogLine& line) {
  return (query.revision.empty() || query.revision == line.revision) &&
         (query.instance.empty() || query.instance == line.instance) &&
         (!query.container || *query.container == line.container);
}

// The line, when it is one and is asked for.
std::optional<LogLine> select(const LogQuery& query, std::string_view text) {
  if (query.form == LogForm::records) {
    const auto has = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
    const bool whole = text.starts_with('{') && text.ends_with('}');
    if (!whole || (!has(query.having) && !has(kGapMark))) return std::nullopt;
    return LogLine{.text = std::string(text)};
  }
  std::optional<LogLine> line = parse_line(text);
  if (line && !matches(query, *line)) line.reset();
  return line;
}

std::int64_t size_of(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? std::int64_t{info.st_size} : 0;
}

}  // namespace

std::string_view to_string(LogStream stream) {
  switch (stream) {
    case LogStream::out: return "stdout";
    case LogStream::err: return "stderr";
  }
  return "stdout";
}

void append_line(std::string& out, const LogLine& line) {
  out += std::to_string(line.unix_ns);
  out += '\t';
  out += line.revision.str();
  out += '\t';
  out += line.instance.str();
  if (!line.container.empty()) out.append("/").append(line.container);
  out += '\t';
  out += to_string(line.stream);
  out += '\t';
  out += line.text;
  out += '\n';
}

std::optional<LogLine> parse_line(std::string_view text) {
  std::array<std::string_view, 4> parts;
  for (std::string_view& part : parts) {
    const std::size_t tab = text.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    part = text.substr(0, tab);
    text.remove_prefix(tab + 1);
  }
  LogLine line;
  const auto [at, error] = std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), line.unix_ns);
  if (error != std::errc{} || at != parts[0].data() + parts[0].size()) return std::nullopt;
  if (parts[3] != "stdout" && parts[3] != "stderr") return std::nullopt;
  line.revision = base::RevisionName(parts[1]);
  const std::size_t slash = std::min(parts[2].find('/'), parts[2].size());
  line.instance = base::InstanceId(parts[2].substr(0, slash));
  line.container = parts[2].substr(std::min(slash + 1, parts[2].size()));
  line.stream = parts[3] == "stderr" ? LogStream::err : LogStream::out;
  line.text = text;
  return line;
}

LogSpoolWriter::LogSpoolWriter(std::string folder, LogForm form) : folder_(std::move(folder)), form_(form) {
  ::mkdir(folder_.c_str(), 0750);
  const std::vector<std::uint64_t> have = list_segments(folder_);
  number_ = have.empty() ? 1 : have.back();
}

bool LogSpoolWriter::open_segment() {
  const std::string path = segment_path(folder_, number_);
  file_ = base::Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!file_) return false;
  size_ = size_of(path);
  // A crash may have torn the last line: end it, so that it is skipped and not glued to the next.
  if (size_ > 0 && read_range(path, size_ - 1, 1) != "\n" && ::write(file_.get(), "\n", 1) == 1) ++size_;
  return true;
}

bool LogSpoolWriter::put(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote = ::write(file_.get(), bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      // Half a line must not stay in front of the next one.
      if (done > 0) [[maybe_unused]]
        const int cut = ::ftruncate(file_.get(), size_);
      return false;
    }
    done += static_cast<std::size_t>(wrote);
  }
  size_ += static_cast<std::int64_t>(bytes.size());
  return true;
}

void LogSpoolWriter::drop_oldest() {
  const std::vector<std::uint64_t> have = list_segments(folder_);
  if (have.size() <= static_cast<std::size_t>(kMostLogSegments)) return;
  for (std::size_t i = 0; i < have.size() - kMostLogSegments; ++i) ::unlink(segment_path(folder_, have[i]).c_str());
}

std::string LogSpoolWriter::gap() const {
  const std::int64_t now = base::SystemClock().wall().unix_ns;
  std::string out;
  if (form_ == LogForm::records) {
    append_gap(out, base::rfc3339(now), dropped_);
  } else {
    append_line(
        out, {.unix_ns = now,
              .stream = LogStream::err,
              .text = "marea: " + std::to_string(dropped_) + " lines of output were dropped here: the disk refused"});
  }
  return out;
}

void LogSpoolWriter::write(std::string_view lines) {
  if (size_ >= kLogSegmentBytes) {
    file_.reset();
    ++number_;
    size_ = 0;
  }
  const auto drop = [&] { dropped_ += static_cast<std::uint64_t>(std::ranges::count(lines, '\n')); };
  const bool fresh = !file_;
  if (fresh && !open_segment()) {
    drop();
    return;
  }
  if (fresh) drop_oldest();
  if (dropped_ > 0) {
    const std::string marker = gap();
    if (!put(marker)) {
      drop();
      return;
    }
    dropped_ = 0;
  }
  if (!put(lines)) drop();
}

std::vector<std::uint64_t> LogSpoolReader::segments() const {
  return list_segments(folder_);
}

std::string LogSpoolReader::path(std::uint64_t segment) const {
  return segment_path(folder_, segment);
}

std::vector<LogLine> LogSpoolReader::tail(const LogQuery& query, LogCursor* end) const {
  const std::vector<std::uint64_t> have = segments();
  std::vector<LogLine> found;  // newest first
  if (end != nullptr) *end = {};
  for (auto segment = have.rbegin(); segment != have.rend(); ++segment) {
    std::int64_t rest = size_of(path(*segment));
    std::string carry;  // beginning of a line whose end was read already
    bool last_block = true;
    while (rest > 0 && found.size() < query.tail) {
      const std::int64_t from = std::max<std::int64_t>(0, rest - static_cast<std::int64_t>(kReadBlock));
      std::string block = read_range(path(*segment), from, static_cast<std::size_t>(rest - from));
      if (last_block) {
        // What has no newline yet is still being written.
        const std::size_t whole = block.rfind('\n');
        block.resize(whole == std::string::npos ? 0 : whole + 1);
        if (end != nullptr && segment == have.rbegin()) {
          *end = {.segment = *segment, .offset = from + static_cast<std::int64_t>(block.size())};
        }
        last_block = false;
      }
      block += carry;
      carry.clear();
      while (!block.empty() && found.size() < query.tail) {
        const std::size_t stop = block.size() - (block.back() == '\n' ? 1 : 0);
        const std::size_t newline = stop == 0 ? std::string::npos : block.rfind('\n', stop - 1);
        if (newline == std::string::npos && from > 0) {
          carry = block;
          break;
        }
        const std::size_t start = newline == std::string::npos ? 0 : newline + 1;
        std::optional<LogLine> line = select(query, std::string_view(block).substr(start, stop - start));
        if (line) found.push_back(std::move(*line));
        block.resize(start);
      }
      rest = from;
    }
    if (end != nullptr && end->segment == 0) *end = {.segment = *segment, .offset = 0};
    if (found.size() >= query.tail) break;
  }
  std::ranges::reverse(found);
  return found;
}

std::vector<LogLine> LogSpoolReader::follow(const LogQuery& query, LogCursor& cursor) const {
  std::vector<LogLine> out;
  const std::vector<std::uint64_t> have = segments();
  auto segment = std::ranges::lower_bound(have, cursor.segment);
  if (segment == have.end()) return out;
  if (*segment != cursor.segment) cursor = {.segment = *segment, .offset = 0};
  const std::string block = read_range(path(cursor.segment), cursor.offset, kMostFollowBytes);
  std::size_t start = 0;
  for (std::size_t newline = block.find('\n'); newline != std::string::npos; newline = block.find('\n', start)) {
    std::optional<LogLine> line = select(query, std::string_view(block).substr(start, newline - start));
    if (line) out.push_back(std::move(*line));
    start = newline + 1;
  }
  // No line is so long: what a power cut left without an end is passed over.
  if (start == 0 && block.size() == kMostFollowBytes) start = block.size();
  cursor.offset += static_cast<std::int64_t>(start);
  // A segment that has a successor is finished, half a line at its end included.
  if (start == 0 && std::next(segment) != have.end()) cursor = {.segment = *std::next(segment), .offset = 0};
  return out;
}

}  // namespace marea::telemetry
