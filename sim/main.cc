// marea-sim WORLD --seed N | --runs N [--first N]: runs a seeded world, once with a trace or many times. A seed
// reproduces a run to the last event.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/drain/drain.h"
#include "sim/releases/releases.h"
#include "sim/scale/scale.h"
#include "sim/world.h"

namespace marea::sim {
namespace {

constexpr std::array kWorlds{
    World{"drain", "engine, router, control and their links: no request is lost, every victim ends", drain::run},
    World{"releases", "releases of good and bad canaries, beside fixed thresholds and a z-test on the same requests",
          releases::run, releases::conclude},
    World{"scale", "the scaling against Knative's autoscaler: less slowdown and less waste, load by load", scale::run,
          scale::conclude},
};

constexpr int kUsage = 2;
constexpr int kCrash = 3;
constexpr int kStuck = 4;
constexpr int kWrong = 5;
constexpr std::uint64_t kMostTold = 10;  // failures that are printed; the rest is counted

// What a signal finds: the run that it ended.
std::array<char, 128> g_run{};

extern "C" void on_crash(int) {
  [[maybe_unused]] const ssize_t wrote = ::write(STDERR_FILENO, g_run.data(), std::strlen(g_run.data()));
  ::_exit(kCrash);
}

struct Order {
  const World* world = nullptr;
  std::uint64_t first = 1;
  std::uint64_t runs = 1;
  bool trace = false;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Order> read(std::span<const std::string_view> words) {
  Order order;
  if (words.empty()) return std::nullopt;
  for (const World& world : kWorlds) {
    if (world.name == words[0]) order.world = &world;
  }
  if (order.world == nullptr) return std::nullopt;
  for (std::size_t i = 1; i < words.size(); i += 2) {
    const auto value = i + 1 < words.size() ? number(words[i + 1]) : std::nullopt;
    if (!value) return std::nullopt;
    if (words[i] == "--seed") {
      order.first = *value;
      order.trace = true;
    } else if (words[i] == "--runs") {
      order.runs = *value;
    } else if (words[i] == "--first") {
      order.first = *value;
    } else {
      return std::nullopt;
    }
  }
  if (order.trace && order.runs != 1) return std::nullopt;
  return words.size() > 1 ? std::optional(order) : std::nullopt;
}

int usage() {
  std::cerr << "usage: marea-sim WORLD --seed N | --runs N [--first N]; marea-sim worlds\n";
  for (const World& world : kWorlds) std::cerr << "  " << world.name << "  " << world.purpose << "\n";
  std::cerr << "exit codes: 0 passed, 2 usage, 3 crash, 4 stuck, 5 wrong\n";
  return kUsage;
}

int code_of(Ending ending) {
  switch (ending) {
    case Ending::passed: return 0;
    case Ending::stuck: return kStuck;
    case Ending::wrong: return kWrong;
  }
  return kCrash;
}

void add_up(std::vector<double>& sums, const std::vector<double>& figures) {
  sums.resize(std::max(sums.size(), figures.size()));
  for (std::size_t i = 0; i < figures.size(); ++i) sums[i] += figures[i];
}

const char* word_of(int code) {
  return code == kCrash ? "crash" : code == kStuck ? "stuck" : "wrong";
}

int run(const Order& order) {
  int code = 0;
  std::uint64_t failed = 0;
  std::vector<double> sums;
  const std::string world(order.world->name);
  for (std::uint64_t seed = order.first; seed - order.first < order.runs; ++seed) {
    std::string once_more = world;
    once_more.append(": crashed; once more: ./dev sim ").append(world).append(" --seed ").append(std::to_string(seed));
    std::strncpy(g_run.data(), (once_more + "\n").c_str(), g_run.size() - 1);
    int ended = kCrash;
    std::string what;
    try {
      Verdict verdict = order.world->run(seed, order.trace ? &std::cout : nullptr);
      ended = code_of(verdict.ending);
      add_up(sums, verdict.figures);
      what = std::move(verdict.what);
    } catch (const std::exception& thrown) {
      what = thrown.what();
    }
    if (order.trace && ended == 0) std::cout << what << "\n";
    if (ended == 0) continue;
    code = code == 0 ? ended : code;
    if (++failed <= kMostTold)
      std::cout << world << ": seed " << seed << ": " << word_of(ended) << ": " << what << std::endl;
  }
  if (order.world->conclude != nullptr) {
    const Verdict all = order.world->conclude(sums, order.runs);
    std::cout << all.what << "\n";
    if (code == 0) code = code_of(all.ending);
    if (all.ending != Ending::passed) std::cout << world << ": all runs: " << word_of(code_of(all.ending)) << "\n";
  }
  std::cout << world << ": " << order.runs - failed << " passed, " << failed << " failed\n";
  return code;
}

}  // namespace
}  // namespace marea::sim

#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "exitcode=3:handle_segv=0";
}
extern "C" const char* __ubsan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "exitcode=3";
}
#endif

int main(int argc, char** argv) {
  namespace sim = marea::sim;
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "worlds") {
    for (const sim::World& world : sim::kWorlds) std::cout << world.name << "\n";
    return 0;
  }
  const auto order = sim::read(words);
  if (!order) return sim::usage();
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, sim::on_crash);
  return sim::run(*order);
}
