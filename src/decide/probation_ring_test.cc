#include "decide/probation_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.h"

namespace marea::decide {
namespace {

TEST(ProbationRing, holds_what_a_list_holds) {
  base::SeededRandom random(5);
  ProbationRing ring(64);
  std::vector<std::pair<std::uint64_t, bool>> all;  // in the order in which they came, and whether still there
  for (std::uint32_t n = 0; n < 20'000; ++n) {
    // Fingerprints that meet: their last bits are few.
    const std::uint64_t key = (std::uint64_t{n} + 1) << 8U | random.next() % 16;
    const std::optional<std::uint32_t> left = ring.add(key, n);
    const bool was = all.size() >= 64 && all[all.size() - 64].second;
    ASSERT_EQ(left.has_value(), was);
    if (was) {
      ASSERT_EQ(*left, n - 64);
      all[all.size() - 64].second = false;
    }
    all.emplace_back(key, true);
    auto& [other, there] = all[all.size() - 1 - random.next() % std::min<std::size_t>(all.size(), 80)];
    ASSERT_EQ(ring.find(other) != nullptr, there);
    if (random.next() % 2 == 0) {
      ASSERT_EQ(ring.take(other).has_value(), there);
      there = false;
    }
  }
}

}  // namespace
}  // namespace marea::decide
