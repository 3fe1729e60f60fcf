// Keys by their fingerprint, each with a word of state, in memory of a fixed size: open addressing, nothing is ever
// removed, twice as large when three quarters are taken, until it may grow no more. Then new keys find no place.
//
// Fingerprints are 64 well-mixed bits (whoever makes them mixes a secret in, so that nobody chooses keys that meet) and
// not zero. Of a million keys two share one with a probability of 3 in 100,000,000: then they count as one.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace marea::decide {

class KeyTable {
 public:
  static constexpr std::size_t kKeyBytes = sizeof(std::uint64_t) + sizeof(std::uint32_t);
  static constexpr std::size_t kFewest = 1024;  // places; a power of two, as every size

  // At most the largest power of two of places that fits into so many bytes, kFewest at least.
  explicit KeyTable(std::size_t most_bytes)
      : most_(std::max(kFewest, std::bit_floor(most_bytes / kKeyBytes))), keys_(kFewest), states_(kFewest) {}

  std::size_t size() const { return size_; }
  // How many it can hold.
  std::size_t room() const { return most_ / 4 * 3; }

  // Null: it is not there.
  std::uint32_t* find(std::uint64_t key) {
    const std::size_t at = place_of(key);
    return keys_[at] == key ? &states_[at] : nullptr;
  }
  bool has(std::uint64_t key) const { return keys_[place_of(key)] == key; }
  // `added`: it was not there before, and its state is zero. Null: there is no room for it.
  std::uint32_t* find_or_add(std::uint64_t key, bool& added) {
    added = false;
    std::size_t at = place_of(key);
    if (keys_[at] == key) return &states_[at];
    if (size_ >= keys_.size() / 4 * 3) {
      if (keys_.size() >= most_) return nullptr;
      grow();
      at = place_of(key);
    }
    ++size_;
    added = true;
    keys_[at] = key;
    return &states_[at];
  }

 private:
  // Where it is, or the free place where it would be.
  std::size_t place_of(std::uint64_t key) const {
    const std::size_t mask = keys_.size() - 1;
    std::size_t at = static_cast<std::size_t>(key) & mask;
    while (keys_[at] != 0 && keys_[at] != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<std::uint64_t> keys(keys_.size() * 2);
    std::vector<std::uint32_t> states(keys_.size() * 2);
    keys.swap(keys_);
    states.swap(states_);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == 0) continue;
      const std::size_t at = place_of(keys[i]);
      keys_[at] = keys[i];
      states_[at] = states[i];
    }
  }

  std::size_t most_;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> keys_;  // zero: free
  std::vector<std::uint32_t> states_;
};

}  // namespace marea::decide
