// The apps' output on disk: one folder per service, numbered segments of plain lines, the oldest dropped when a service
// has used up its share. logs writes, control reads; both may die at any moment without harming what is written.
//
// A line:  unix_ns TAB revision TAB instance[/sidecar] TAB stdout|stderr TAB text LF
// The text is the app's own bytes, untouched, except that a line longer than kMostLogLineBytes is cut into several.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/strong_id.h"

namespace marea::telemetry {

inline constexpr std::size_t kMostLogLineBytes = 64U << 10;  // Cloud Run allows 256 kB an entry; a pipe holds 64 KiB
inline constexpr std::int64_t kLogSegmentBytes = 4 << 20;    // one segment is the unit of dropping
inline constexpr int kMostLogSegments = 16;                  // 64 MiB a service

enum class LogStream : std::uint8_t { out, err };
std::string_view to_string(LogStream stream);

struct LogLine {
  std::int64_t unix_ns = 0;
  base::RevisionName revision;
  base::InstanceId instance;
  LogStream stream = LogStream::out;
  std::string text;
  std::string container = {};  // the sidecar that wrote it; empty: the app
  friend bool operator==(const LogLine&, const LogLine&) = default;
};

// The written form, with its final newline.
void append_line(std::string& out, const LogLine& line);
// Nothing when the text is not a whole line in that form (a torn write after a crash).
std::optional<LogLine> parse_line(std::string_view text);

// What a spool's lines are: those of append_line(), or records of requests (request_record.h), which say all by
// themselves.
enum class LogForm : std::uint8_t { output, records };

// Resource: the open segment of one service.
class LogSpoolWriter {
 public:
  // `folder` is the service's own; it is made when missing.
  explicit LogSpoolWriter(std::string folder, LogForm form = LogForm::output);
  LogSpoolWriter(const LogSpoolWriter&) = delete;
  LogSpoolWriter& operator=(const LogSpoolWriter&) = delete;
  LogSpoolWriter(LogSpoolWriter&&) = default;

  // Whole lines of the spool's form. When the disk refuses, the lines are dropped and counted; the next
  // success is preceded by a line that tells how many, so that a gap is never silent.
  void write(std::string_view lines);
  std::uint64_t dropped() const { return dropped_; }
  // Lines that were lost before they came here; told with the next write().
  void add_dropped(std::uint64_t lines) { dropped_ += lines; }

 private:
  std::string gap() const;
  bool open_segment();
  bool put(std::string_view bytes);
  void drop_oldest();

  std::string folder_;
  LogForm form_;
  std::uint64_t number_ = 0;
  base::Fd file_;
  std::int64_t size_ = 0;
  std::uint64_t dropped_ = 0;
};

struct LogQuery {
  base::RevisionName revision;                // empty: all
  base::InstanceId instance;                  // empty: all
  std::optional<std::string> container = {};  // of lines; empty text: the app's; nothing: all
  std::size_t tail = 100;                     // how many of the newest lines
  LogForm form = LogForm::output;
  std::string having;  // of records: only those that contain it; a record is a line's text, whole
};

// A place in a service's spool, from which a follower goes on.
struct LogCursor {
  std::uint64_t segment = 0;
  std::int64_t offset = 0;
};

// Value type: where a service's spool is.
class LogSpoolReader {
 public:
  explicit LogSpoolReader(std::string folder) : folder_(std::move(folder)) {}

  // The newest query.tail lines that match, oldest first; `end` receives the place after them.
  std::vector<LogLine> tail(const LogQuery& query, LogCursor* end = nullptr) const;
  // Up to kMostFollowBytes of what was written since `cursor`, and moves it. Segments that were dropped meanwhile are
  // skipped, and so is what is no line: a power cut may leave zeros, or half a line at a segment's end.
  std::vector<LogLine> follow(const LogQuery& query, LogCursor& cursor) const;

  static constexpr std::size_t kMostFollowBytes = 256U << 10;

  // Oldest first; more may come, and the first may go at any time.
  std::vector<std::uint64_t> segments() const;
  std::string path(std::uint64_t segment) const;

 private:
  std::string folder_;
};

}  // namespace marea::telemetry
