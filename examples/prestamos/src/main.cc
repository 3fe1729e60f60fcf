// prestamos: a small bank's loan desk as a web service. README.md tells its addresses and settings.
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "http.h"
#include "log.h"
#include "sample.h"

namespace {

using prestamos::Severity;

void say(Severity severity, const std::string& message) {
  prestamos::write_line(prestamos::line_of(severity, message));
}

prestamos::Instant now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// The bad version that works for a while.
void crash_later(const std::stop_token& stop, int seconds) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::seconds(seconds), [] { return false; });
  if (stop.stop_requested()) return;
  say(Severity::critical, "the interest table is corrupt: aborting (PRESTAMOS_FAULT=crash)");
  std::abort();
}

int run(const prestamos::Settings& settings) {
  prestamos::Store store(settings.store);
  if (settings.sample && store.empty()) prestamos::add_sample(store, now());
  prestamos::Desk desk(settings, store,
                       {.now = now, .wait = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }});
  prestamos::Front front(desk, settings);
  if (!front.bind()) {
    say(Severity::critical, "port " + std::to_string(settings.port) + " is taken; set PORT to a free one");
    return EXIT_FAILURE;
  }
  std::jthread crash;
  if (settings.fault == prestamos::FaultKind::crash) {
    crash = std::jthread([&settings](const std::stop_token& stop) { crash_later(stop, settings.fault_number); });
  }
  const std::jthread stopper([&front] {
    const sigset_t signals = stop_signals();
    int received = 0;
    sigwait(&signals, &received);
    say(Severity::notice, "stopping: finishing the requests that have begun");
    front.stop();
  });
  say(Severity::notice,
      "listening on port " + std::to_string(settings.port) + ", version " + std::to_string(settings.version));
  front.serve();
  ::kill(::getpid(), SIGTERM);  // when it was not a signal that ended serve(), the stopper still waits for one
  return EXIT_SUCCESS;
}

}  // namespace

int main() {
  // Before any thread, so that all of them leave these to the one that waits for them.
  const sigset_t signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    return run(prestamos::read_settings(variable));
  } catch (const std::exception& error) {
    say(Severity::critical, error.what());
    return 2;
  }
}
