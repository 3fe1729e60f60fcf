#include "router/request_log.h"

#include <utility>

namespace marea::router {

RecordWriter::RecordWriter(std::string folder)
    : spool_(std::move(folder), telemetry::LogForm::records), thread_([this] { run(); }) {}

RecordWriter::~RecordWriter() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool RecordWriter::take(std::string& lines, std::uint64_t count) {
  {
    const std::scoped_lock lock(mutex_);
    if (batches_.size() >= kMostRecordBatches) {
      dropped_ += count;
      lines.clear();
      return false;
    }
    batches_.push_back(std::move(lines));
    lines = {};
    if (!free_.empty()) {
      lines = std::move(free_.back());
      free_.pop_back();
    }
  }
  wake_.notify_one();
  lines.clear();
  lines.reserve(kRecordBatchRoom);
  return true;
}

void RecordWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !batches_.empty(); });
    if (batches_.empty()) {
      spool_.add_dropped(dropped_);
      if (dropped_ > 0) spool_.write({});
      return;
    }
    std::string lines = std::move(batches_.front());
    batches_.pop_front();
    const std::uint64_t dropped = std::exchange(dropped_, 0);
    lock.unlock();
    spool_.add_dropped(dropped);
    spool_.write(lines);
    lock.lock();
    if (free_.size() < kMostRecordBatches) free_.push_back(std::move(lines));
  }
}

RequestLog::RequestLog(net::Loop& loop, RecordWriter* writer, WorkerCounts& counts)
    : loop_(loop), writer_(writer), counts_(counts), timer_(loop, [this] { flush(); }) {
  if (on()) lines_.reserve(kRecordBatchRoom);
}

void RequestLog::add(base::Instant begun, const telemetry::RequestRecord& record) {
  if (!timer_.armed()) {
    wall_minus_now_ = loop_.clock().wall().unix_ns - loop_.now().time_since_epoch().count();
    timer_.arm_in(kRecordDelay);
  }
  append_record(lines_, time_.text(begun.time_since_epoch().count() + wall_minus_now_), record);
  ++count_;
  if (lines_.size() >= kRecordBatchBytes) flush();
}

void RequestLog::flush() {
  timer_.cancel();
  if (count_ == 0) return;
  if (!writer_->take(lines_, count_)) counts_.records_dropped.add(count_);
  count_ = 0;
}

}  // namespace marea::router
