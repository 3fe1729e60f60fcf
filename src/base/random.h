// Randomness as a dependency that is passed in, so that a seed reproduces a run.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace marea::base {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  // `length` characters of [a-z0-9] without those that are easily confused; for names.
  std::string suffix(int length);
};

// The kernel's generator (getrandom); dies if the kernel has none.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
  // Up to 32 words with one call of the kernel.
  static void fill(std::span<std::uint64_t> words);
};

// splitmix64 (Steele, Lea, Flood 2014): small, seedable, for tests and simulation; not for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

}  // namespace marea::base
