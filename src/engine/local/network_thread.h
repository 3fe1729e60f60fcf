// A thread for work in other network namespaces: a namespace belongs to a thread, and the main thread never leaves its
// own. Jobs run one after another in the order they were given, which is also the promise that a device is gone before
// the next one with its name is made.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace marea::engine::local {

class NetworkThread {
 public:
  NetworkThread();
  ~NetworkThread();  // finishes what was given
  NetworkThread(const NetworkThread&) = delete;
  NetworkThread& operator=(const NetworkThread&) = delete;

  void give(std::function<void()> job);
  bool busy();  // a job is running or waits
  // Gives the job and waits for its end: microseconds, unless slow jobs wait before it.
  void run(const std::function<void()>& job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  bool working_ = false;
  std::thread thread_;
};

// Makes the calling thread a member of the network namespace `to` while it lives; then of the one before.
class NetworkVisit {
 public:
  explicit NetworkVisit(const base::Fd& to);
  ~NetworkVisit();  // dies when the way back is barred: the thread would work in the wrong place
  NetworkVisit(const NetworkVisit&) = delete;
  NetworkVisit& operator=(const NetworkVisit&) = delete;
  explicit operator bool() const { return inside_; }

 private:
  base::Fd home_;
  bool inside_ = false;
};

}  // namespace marea::engine::local
