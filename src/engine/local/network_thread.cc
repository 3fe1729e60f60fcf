#include "engine/local/network_thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <csignal>

#include <cstdlib>
#include <utility>

namespace marea::engine::local {

NetworkThread::NetworkThread() {
  // Signals are the main thread's.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

NetworkThread::~NetworkThread() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void NetworkThread::give(std::function<void()> job) {
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
}

void NetworkThread::run(const std::function<void()>& job) {
  std::mutex mutex;
  std::condition_variable done;
  bool finished = false;
  give([&] {
    job();
    // Under the lock to its end: the waiter owns `done` and destroys it once it sees `finished`.
    const std::scoped_lock lock(mutex);
    finished = true;
    done.notify_all();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&finished] { return finished; });
}

void NetworkThread::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      working_ = false;
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      working_ = true;
    }
    job();
  }
}

bool NetworkThread::busy() {
  const std::scoped_lock lock(mutex_);
  return working_ || !jobs_.empty();
}

NetworkVisit::NetworkVisit(const base::Fd& to) : home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  inside_ = home_ && ::setns(to.get(), CLONE_NEWNET) == 0;
}

NetworkVisit::~NetworkVisit() {
  if (inside_ && ::setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

}  // namespace marea::engine::local
