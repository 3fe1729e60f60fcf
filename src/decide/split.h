// Which arm of a release a key belongs to, the same in every process and after every restart:
//
//   bucket = (murmur3_32(salt + ":" + key) · 10000) >> 32        0 … 9,999, steps of 0.01 %
//   in the canary when bucket < weight
//
// so that who is in at 5 % stays in at 25 %. Each release has a salt of its own: who met the last canary first is no
// likelier to meet the next one. MurmurHash3_x86_32 is Austin Appleby's (public domain); Unleash and others split by
// it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace marea::decide {

inline constexpr std::uint32_t kBuckets = 10'000;  // of the whole; a weight is a number of them

// Takes text piece by piece, as if it were one; copied while half fed, so that a common beginning is hashed once.
class Murmur3 {
 public:
  explicit constexpr Murmur3(std::uint32_t seed = 0) : state_(seed) {}

  constexpr void add(std::string_view text) {
    length_ += static_cast<std::uint32_t>(text.size());
    while (held_ > 0 && !text.empty()) {
      tail_ |= std::uint32_t{static_cast<unsigned char>(text.front())} << (8 * held_);
      text.remove_prefix(1);
      if (++held_ < kBlock) continue;
      take_block(tail_);
      tail_ = held_ = 0;
    }
    while (text.size() >= kBlock) {
      take_block(word_of(text.substr(0, kBlock)));
      text.remove_prefix(kBlock);
    }
    if (text.empty()) return;
    tail_ = word_of(text);
    held_ = static_cast<std::uint32_t>(text.size());
  }

  constexpr std::uint32_t value() const {
    std::uint32_t hash = state_;
    if (held_ > 0) hash ^= scrambled(tail_);
    hash ^= length_;
    hash ^= hash >> 16U;
    hash *= 0x85EBCA6BU;
    hash ^= hash >> 13U;
    hash *= 0xC2B2AE35U;
    return hash ^ (hash >> 16U);
  }

 private:
  static constexpr std::uint32_t kBlock = 4;

  // Little endian, of up to four bytes.
  static constexpr std::uint32_t word_of(std::string_view bytes) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      word |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return word;
  }
  static constexpr std::uint32_t scrambled(std::uint32_t word) {
    return std::rotl(word * 0xCC9E2D51U, 15) * 0x1B873593U;
  }
  constexpr void take_block(std::uint32_t word) { state_ = std::rotl(state_ ^ scrambled(word), 13) * 5 + 0xE6546B64U; }

  std::uint32_t state_;
  std::uint32_t length_ = 0;
  std::uint32_t tail_ = 0;  // bytes that are no whole block yet
  std::uint32_t held_ = 0;  // so many
};

// The high half of the product: uniform below kBuckets for a uniform hash.
constexpr std::uint32_t bucket_of(std::uint32_t hash) {
  return static_cast<std::uint32_t>((std::uint64_t{hash} * kBuckets) >> 32U);
}

// The keys of one release.
class Split {
 public:
  constexpr explicit Split(std::string_view salt) {
    begun_.add(salt);
    begun_.add(":");
  }
  constexpr std::uint32_t bucket(std::string_view key) const {
    Murmur3 hash = begun_;
    hash.add(key);
    return bucket_of(hash.value());
  }

 private:
  Murmur3 begun_;
};

}  // namespace marea::decide
