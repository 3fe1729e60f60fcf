// The one door into a loop from another thread: a bounded queue of values with an eventfd. push() may be called from
// any thread; the consumer runs on the loop's thread. A full mailbox refuses, it never blocks.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "net/loop.h"

namespace marea::net {

template <class T>
class Mailbox final : public Watcher {
 public:
  Mailbox(Loop& loop, std::size_t most, std::function<void(T)> consume)
      : loop_(loop), most_(most), consume_(std::move(consume)), event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!loop_.add(event_.get(), EPOLLIN, *this)) std::abort();
  }
  ~Mailbox() override { loop_.remove(event_.get(), *this); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // False when the mailbox is full; the value is then untouched in the caller's hands (it was copied or moved in only
  // on success).
  bool push(T&& value) {
    bool wake = false;
    {
      const std::scoped_lock lock(mutex_);
      if (values_.size() >= most_) return false;
      wake = values_.empty();
      values_.push_back(std::move(value));
    }
    if (wake) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
    }
    return true;
  }

  void on_ready(std::uint32_t /*events*/) override {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(event_.get(), &count, sizeof count);
    std::vector<T> batch;
    {
      const std::scoped_lock lock(mutex_);
      batch.swap(values_);
    }
    for (T& value : batch) consume_(std::move(value));
  }

 private:
  Loop& loop_;
  std::size_t most_;
  std::function<void(T)> consume_;
  base::Fd event_;
  std::mutex mutex_;
  std::vector<T> values_;
};

}  // namespace marea::net
