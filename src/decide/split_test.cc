#include "decide/split.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"

namespace marea::decide {
namespace {

std::uint32_t hash_of(std::string_view text, std::uint32_t seed = 0) {
  Murmur3 hash(seed);
  hash.add(text);
  return hash.value();
}

// MurmurHash3_x86_32 as its author's code gives it (the vectors that implementations of it are checked with).
TEST(Murmur3, gives_the_published_values) {
  struct Row {
    std::string text;
    std::uint32_t seed;
    std::uint32_t hash;
  };
  const std::vector<Row> rows = {
      {"", 0, 0},
      {"", 1, 0x514E28B7},
      {"", 0xFFFFFFFF, 0x81F16F39},
      {"\xFF\xFF\xFF\xFF", 0, 0x76293B50},
      {"!Ce\x87", 0, 0xF55B516B},
      {"!Ce\x87", 0x5082EDEE, 0x2362F9DE},
      {"!Ce", 0, 0x7E4A8634},
      {"!C", 0, 0xA0F7B07A},
      {"!", 0, 0x72661CF4},
      {std::string(4, '\0'), 0, 0x2362F9DE},
      {std::string(3, '\0'), 0, 0x85F0B427},
      {std::string(2, '\0'), 0, 0x30F4C306},
      {std::string(1, '\0'), 0, 0x514E28B7},
      {"aaaa", 0x9747B28C, 0x5A97808A},
      {"aaa", 0x9747B28C, 0x283E0130},
      {"aa", 0x9747B28C, 0x5D211726},
      {"a", 0x9747B28C, 0x7FA09EA6},
      {"abcd", 0x9747B28C, 0xF0478627},
      {"Hello, world!", 0x9747B28C, 0x24884CBA},
      {"\xCF\x80\xCF\x80\xCF\x80\xCF\x80\xCF\x80\xCF\x80\xCF\x80\xCF\x80", 0x9747B28C, 0xD58063C1},
      {"The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD},
  };
  for (const Row& row : rows) EXPECT_EQ(hash_of(row.text, row.seed), row.hash) << row.text;
}

TEST(Murmur3, pieces_hash_as_their_whole) {
  const std::string text = "The quick brown fox";
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      Murmur3 hash;
      hash.add(std::string_view(text).substr(0, first));
      hash.add(std::string_view(text).substr(first, second - first));
      hash.add(std::string_view(text).substr(second));
      EXPECT_EQ(hash.value(), hash_of(text)) << first << " " << second;
    }
  }
}

// The values that the specification of Unleash's clients gives for its normalised buckets, hash(group:id) mod 100 + 1.
TEST(Split, hashes_salt_and_key_as_others_do) {
  EXPECT_EQ(hash_of("gr1:123") % 100 + 1, 73U);
  EXPECT_EQ(hash_of("groupX:999") % 100 + 1, 25U);
  EXPECT_EQ(Split("gr1").bucket("123"), bucket_of(hash_of("gr1:123")));
}

TEST(Split, buckets_are_the_whole_in_steps_of_a_hundredth_of_a_percent) {
  EXPECT_EQ(bucket_of(0), 0U);
  EXPECT_EQ(bucket_of(0xFFFFFFFF), kBuckets - 1);
  EXPECT_EQ(bucket_of(0x80000000), kBuckets / 2);
}

// P: within 0.1 percentage point over a million distinct keys, at each weight of the ladder and of the 0.01 % kind.
TEST(Split, the_share_of_a_million_keys_is_the_weight) {
  constexpr int kKeys = 1'000'000;
  const std::vector<std::uint32_t> weights = {1, 100, 500, 1000, 2500, 5000, 9900};
  const Split split("loans-00007");
  std::vector<int> in(weights.size());
  base::SeededRandom random(11);
  for (int i = 0; i < kKeys; ++i) {
    const std::uint32_t bucket = split.bucket(std::to_string(random.next()));
    for (std::size_t w = 0; w < weights.size(); ++w) in[w] += bucket < weights[w] ? 1 : 0;
  }
  for (std::size_t w = 0; w < weights.size(); ++w) {
    EXPECT_NEAR(in[w] * 100.0 / kKeys, weights[w] / 100.0, 0.1) << weights[w];
  }
}

// Numbers in a row, as customer ids are, split as evenly.
TEST(Split, keys_in_a_row_are_no_worse) {
  const Split split("s");
  int in = 0;
  for (int i = 0; i < 1'000'000; ++i) in += split.bucket(std::to_string(i)) < 1000 ? 1 : 0;
  EXPECT_NEAR(in / 10'000.0, 10.0, 0.1);
}

// Who is in one release's canary is no likelier to be in the next one's.
TEST(Split, another_salt_splits_anew) {
  const Split first("r-1");
  const Split second("r-2");
  int both = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string key = std::to_string(i);
    both += first.bucket(key) < 1000 && second.bucket(key) < 1000 ? 1 : 0;
  }
  EXPECT_NEAR(both / 10'000.0, 1.0, 0.1);
}

}  // namespace
}  // namespace marea::decide
