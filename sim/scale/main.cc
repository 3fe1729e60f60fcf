// marea-sim-scale --seed N | --runs N [--first N]: one world with its figures, or many and their comparison.
#include <charconv>
#include <cstdint>
#include <iostream>
#include <span>
#include <string_view>
#include <vector>

#include "sim/scale/scale.h"

namespace marea::sim::scale {
namespace {

constexpr int kUsage = 2;
constexpr int kStuck = 4;
constexpr int kWrong = 5;

int code_of(Ending ending) {
  switch (ending) {
    case Ending::passed: return 0;
    case Ending::stuck: return kStuck;
    case Ending::wrong: return kWrong;
  }
  return kWrong;
}

int run_all(std::uint64_t first, std::uint64_t runs) {
  int code = 0;
  std::vector<double> sums;
  for (std::uint64_t seed = first; seed - first < runs; ++seed) {
    const Verdict verdict = run(seed, runs == 1 ? &std::cout : nullptr);
    if (verdict.ending != Ending::passed) {
      std::cout << "scale: seed " << seed << ": " << verdict.what << "\n";
      if (code == 0) code = code_of(verdict.ending);
      continue;
    }
    sums.resize(verdict.figures.size());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += verdict.figures[i];
  }
  const Verdict all = conclude(sums, runs);
  std::cout << all.what << "\n";
  return code != 0 ? code : code_of(all.ending);
}

}  // namespace
}  // namespace marea::sim::scale

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t runs = 0;
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    const std::string_view option = words[i];
    const std::string_view text = words[i + 1];
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) break;
    if (option == "--runs") runs = value;
    if (option == "--seed" || option == "--first") first = value;
    if (option == "--seed") runs = 1;
  }
  if (runs == 0) {
    std::cerr << "usage: marea-sim-scale --seed N | --runs N [--first N]\n"
                 "exit codes: 0 passed, 2 usage, 4 stuck, 5 wrong\n";
    return marea::sim::scale::kUsage;
  }
  return marea::sim::scale::run_all(first, runs);
}
