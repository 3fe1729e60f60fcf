#include "telemetry/record_search.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "base/rfc3339.h"
#include "telemetry/request_record.h"

namespace marea::telemetry {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBegin = 1'795'420'800 * kSecond;

class RecordSearchTest : public testing::Test {
 protected:
  RecordSearchTest() : folder_(testing::TempDir() + "records-XXXXXX") { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~RecordSearchTest() override { std::filesystem::remove_all(folder_); }

  static std::string record(const std::string& id, std::int64_t second, const std::string& target = "/") {
    std::string out;
    RecordTime time;
    append_record(out, time.text(kBegin + second * kSecond),
                  {.status = 200, .id = id, .service = "web", .target = target});
    return out;
  }
  void write(int segment, const std::string& text) const {
    std::ofstream(folder_ + "/0000000" + std::to_string(segment) + ".log", std::ios::app) << text;
  }
  RecordSearch find(const std::string& id, std::optional<std::int64_t> around = {}) {
    RecordSearch search(folder_, id, around);
    steps_ = 0;
    while (search.step() == RecordSearch::State::searching) ++steps_;
    return search;
  }

  std::string folder_;
  int steps_ = 0;
};

TEST_F(RecordSearchTest, a_request_is_found_by_its_whole_id_wherever_it_is) {
  write(1, record("aa", 0) + record("bb", 1));
  write(2, record("aab", 2) + record("cc", 3));
  for (const char* id : {"aa", "bb", "aab", "cc"}) {
    RecordSearch found = find(id);
    EXPECT_EQ(found.step(), RecordSearch::State::found) << id;
    EXPECT_NE(found.record().find(id_mark(id)), std::string::npos) << found.record();
    EXPECT_FALSE(found.record().ends_with('\n'));
  }
  EXPECT_EQ(time_of_record(find("cc").record()), kBegin + 3 * kSecond);
}

TEST_F(RecordSearchTest, what_a_caller_writes_into_a_path_is_not_taken_for_an_id) {
  write(1, record("aa", 0, "/x\",\"id\":\"bb\",\"service\":\"web"));
  EXPECT_EQ(find("bb").step(), RecordSearch::State::absent);
  write(1, record("q\"\\\n", 1));
  EXPECT_EQ(find("q\"\\\n").step(), RecordSearch::State::found) << "as little as quotes in an id hide it";
}

TEST_F(RecordSearchTest, an_absent_one_comes_with_what_is_known_of_the_gap) {
  std::string gap;
  append_gap(gap, "2026-11-23T08:00:01.000Z", 40);
  write(3, record("aa", 0) + gap + record("bb", 2));
  std::string other;
  append_gap(other, "2026-11-23T08:00:05.000Z", 2);
  write(4, record("cc", 4) + other);
  const RecordSearch search = find("zz");
  EXPECT_EQ(search.record(), "");
  EXPECT_EQ(search.oldest_unix_ns(), kBegin);
  EXPECT_EQ(search.dropped(), 42U);
  EXPECT_EQ(RecordSearch(folder_ + "/none", "aa").step(), RecordSearch::State::absent);
  EXPECT_EQ(RecordSearch(folder_ + "/none", "aa").oldest_unix_ns(), 0);
}

TEST_F(RecordSearchTest, a_time_leads_to_its_segment_first_and_of_one_id_to_the_request_near_it) {
  for (int i = 1; i <= 5; ++i) write(i, record("twice", 100 * i) + record("x" + std::to_string(i), 100 * i + 50));
  const auto second_of = [&](std::int64_t around) {
    return (time_of_record(find("twice", kBegin + around * kSecond).record()) - kBegin) / kSecond;
  };
  EXPECT_EQ(second_of(0), 100);
  EXPECT_EQ(second_of(199), 100);
  EXPECT_EQ(second_of(220), 200);
  EXPECT_EQ(second_of(1'000), 500);
  EXPECT_EQ((time_of_record(find("twice").record()) - kBegin) / kSecond, 500) << "without a time the newest";
  EXPECT_EQ(find("x1", kBegin + 500 * kSecond).step(), RecordSearch::State::found) << "and all others are read";
}

TEST_F(RecordSearchTest, a_record_that_lies_across_two_slices_is_found) {
  const std::string filler = record("f", 0, std::string(400, 'x'));
  std::string text;
  while (text.size() + filler.size() < kSearchSlice - 20) text += filler;
  text += record("across", 1, std::string(200, 'y'));
  text += filler;
  write(1, text);
  EXPECT_EQ(find("across").step(), RecordSearch::State::found);
  EXPECT_GT(steps_, 0) << "the slice ended within";
}

TEST_F(RecordSearchTest, half_a_line_and_zeros_are_no_record_and_hide_none) {
  write(1, record("aa", 0) + std::string(3 * kSearchSlice, '\0') + "\n" + record("bb", 1) +
               record("torn", 2).substr(0, 60));
  EXPECT_EQ(find("aa").step(), RecordSearch::State::found);
  EXPECT_EQ(find("bb").step(), RecordSearch::State::found);
  EXPECT_EQ(find("torn").step(), RecordSearch::State::absent);
}

}  // namespace
}  // namespace marea::telemetry
