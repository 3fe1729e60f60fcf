#include "base/random.h"

#include <sys/random.h>

#include <cstdlib>
#include <string_view>

namespace marea::base {

std::string Random::suffix(int length) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (int i = 0; i < length; ++i) out += kAlphabet[next() % kAlphabet.size()];
  return out;
}

std::uint64_t SystemRandom::next() {
  std::uint64_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) std::abort();
  return value;
}

void SystemRandom::fill(std::span<std::uint64_t> words) {
  // No signal interrupts one of up to 256 bytes (getrandom(2)).
  if (::getrandom(words.data(), words.size_bytes(), 0) != static_cast<ssize_t>(words.size_bytes())) std::abort();
}

std::uint64_t SeededRandom::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace marea::base
