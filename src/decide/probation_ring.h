// Keys that have come once, each with a word of state, in the order in which they came: a ring of a fixed size. A key
// stays until as many others have come after it as the ring has places, whatever else was taken out meanwhile; so how
// long follows from the others' coming alone. Memory: 20 bytes a place, from the first key on.
//
// Keys are fingerprints as in key_table.h. The index is open addressing, at most half full; what is removed is closed
// up by moving back what stands behind it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace marea::decide {

class ProbationRing {
 public:
  explicit ProbationRing(std::size_t places) : places_(std::bit_ceil(std::max<std::size_t>(places, 1))) {}

  std::size_t places() const { return places_; }
  std::size_t size() const { return size_; }

  // Null: it is not there. Valid until the next change.
  std::uint32_t* find(std::uint64_t key) {
    if (size_ == 0) return nullptr;
    const std::uint32_t place = index_[slot_of(key)];
    return place == kFree ? nullptr : &states_[place];
  }

  bool has(std::uint64_t key) const { return size_ > 0 && index_[slot_of(key)] != kFree; }

  // One that is not there. The state of the one that had to leave for it, if one had.
  std::optional<std::uint32_t> add(std::uint64_t key, std::uint32_t state) {
    if (index_.empty()) {
      keys_.resize(places_);
      states_.resize(places_);
      index_.assign(places_ * 2, kFree);
    }
    const std::size_t place = next_++ & (places_ - 1);
    const std::optional<std::uint32_t> left = keys_[place] != 0 ? take(keys_[place]) : std::nullopt;
    keys_[place] = key;
    states_[place] = state;
    index_[slot_of(key)] = static_cast<std::uint32_t>(place);
    ++size_;
    return left;
  }

  // Takes it out: its state, if it was there.
  std::optional<std::uint32_t> take(std::uint64_t key) {
    if (size_ == 0) return std::nullopt;
    const std::size_t slot = slot_of(key);
    if (index_[slot] == kFree) return std::nullopt;
    const std::uint32_t place = index_[slot];
    keys_[place] = 0;
    --size_;
    close_up(slot);
    return states_[place];
  }

 private:
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};

  std::size_t mask() const { return index_.size() - 1; }
  // Where the key's place is said, or the free slot where it would be.
  std::size_t slot_of(std::uint64_t key) const {
    std::size_t slot = static_cast<std::size_t>(key) & mask();
    while (index_[slot] != kFree && keys_[index_[slot]] != key) slot = (slot + 1) & mask();
    return slot;
  }
  void close_up(std::size_t hole) {
    for (std::size_t slot = (hole + 1) & mask(); index_[slot] != kFree; slot = (slot + 1) & mask()) {
      const std::size_t home = static_cast<std::size_t>(keys_[index_[slot]]) & mask();
      // It may move back unless its home lies behind the hole.
      if (((slot - home) & mask()) < ((slot - hole) & mask())) continue;
      index_[hole] = index_[slot];
      hole = slot;
    }
    index_[hole] = kFree;
  }

  std::size_t places_;
  std::size_t next_ = 0;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> keys_;    // by place; zero: taken out
  std::vector<std::uint32_t> states_;  // by place
  std::vector<std::uint32_t> index_;   // places by key
};

}  // namespace marea::decide
