// Records of requests on their way to the disk: each worker gathers lines in a buffer of its own and hands it over when
// it is full or a moment old; a thread writes them. A worker never waits for the disk: when the thread does not keep
// up, lines are left out and counted, and the file says how many where they are missing.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"
#include "router/counts.h"
#include "telemetry/log_spool.h"
#include "telemetry/request_record.h"

namespace marea::router {

inline constexpr std::size_t kRecordBatchBytes = 32U << 10;                     // some hundred lines
inline constexpr std::size_t kRecordBatchRoom = 44U << 10;                      // with the longest line that can follow
inline constexpr std::size_t kMostRecordBatches = 128;                          // 5.5 MiB that wait for the disk
inline constexpr base::Duration kRecordDelay = std::chrono::milliseconds(250);  // before a line is handed over

// The thread. Thread-safe.
class RecordWriter {
 public:
  explicit RecordWriter(std::string folder);
  // Writes what it has.
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // Takes `lines`, so many of them, and leaves an empty text with room. False: it does not keep up, they are dropped.
  bool take(std::string& lines, std::uint64_t count);

 private:
  void run();

  telemetry::LogSpoolWriter spool_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> batches_;
  std::vector<std::string> free_;
  std::uint64_t dropped_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

// One worker's. On its thread alone.
class RequestLog {
 public:
  // `writer` null: nothing is recorded.
  RequestLog(net::Loop& loop, RecordWriter* writer, WorkerCounts& counts);
  bool on() const { return writer_ != nullptr; }
  // `begun`: when the request came.
  void add(base::Instant begun, const telemetry::RequestRecord& record);
  void flush();

 private:
  net::Loop& loop_;
  RecordWriter* writer_;
  WorkerCounts& counts_;
  net::Timer timer_;
  std::string lines_;
  std::uint64_t count_ = 0;
  std::int64_t wall_minus_now_ = 0;
  telemetry::RecordTime time_;
};

}  // namespace marea::router
