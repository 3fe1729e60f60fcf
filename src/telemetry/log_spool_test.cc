#include "telemetry/log_spool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace marea::telemetry {
namespace {

class LogSpoolTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "spool-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string line(int n, std::string_view instance = "i1") {
    std::string out;
    append_line(out, {.unix_ns = n,
                      .revision = base::RevisionName("r"),
                      .instance = base::InstanceId(instance),
                      .text = "line " + std::to_string(n)});
    return out;
  }

  std::string folder_;
};

TEST_F(LogSpoolTest, a_line_keeps_every_byte_of_the_app_even_tabs) {
  const LogLine in{.unix_ns = 5,
                   .revision = base::RevisionName("r"),
                   .instance = base::InstanceId("i"),
                   .stream = LogStream::err,
                   .text = "a\tb\x01\xff"};
  std::string text;
  append_line(text, in);
  ASSERT_EQ(text.back(), '\n');
  text.pop_back();
  EXPECT_EQ(parse_line(text), in);
  EXPECT_EQ(parse_line("12\tr\ti\tstd"), std::nullopt);
}

TEST_F(LogSpoolTest, tail_gives_the_newest_lines_oldest_first_and_filters_by_instance) {
  LogSpoolWriter writer(folder_);
  for (int i = 0; i < 1000; ++i) writer.write(line(i, i % 2 == 0 ? "even" : "odd"));
  const LogSpoolReader reader(folder_);
  const auto newest = reader.tail({.tail = 3});
  ASSERT_EQ(newest.size(), 3U);
  EXPECT_EQ(newest[0].text, "line 997");
  EXPECT_EQ(newest[2].text, "line 999");
  const auto even = reader.tail({.instance = base::InstanceId("even"), .tail = 2});
  ASSERT_EQ(even.size(), 2U);
  EXPECT_EQ(even[1].text, "line 998");
  EXPECT_EQ(reader.tail({.tail = 5000}).size(), 1000U);
}

TEST_F(LogSpoolTest, tail_reads_lines_across_block_and_segment_borders) {
  LogSpoolWriter writer(folder_);
  std::string big;
  append_line(big, {.unix_ns = 1,
                    .revision = base::RevisionName("r"),
                    .instance = base::InstanceId("i"),
                    .text = std::string(60000, 'x')});
  for (int i = 0; i < 200; ++i) writer.write(big);  // 12 MB: three segments, lines across every read block
  const auto lines = LogSpoolReader(folder_).tail({.tail = 1000});
  ASSERT_EQ(lines.size(), 200U);
  for (const LogLine& one : lines) EXPECT_EQ(one.text.size(), 60000U);
}

TEST_F(LogSpoolTest, a_follower_sees_each_line_once_over_rotation) {
  LogSpoolWriter writer(folder_);
  writer.write(line(0));
  const LogSpoolReader reader(folder_);
  LogCursor cursor;
  EXPECT_EQ(reader.tail({.tail = 10}, &cursor).size(), 1U);
  int next = 1;
  int seen = 1;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 4000; ++i) writer.write(line(next++));
    for (;;) {
      const LogCursor before = cursor;
      const auto lines = reader.follow({}, cursor);
      for (const LogLine& one : lines) EXPECT_EQ(one.text, "line " + std::to_string(seen++));
      if (lines.empty() && before.segment == cursor.segment) break;
    }
  }
  EXPECT_EQ(seen, next);
  EXPECT_GT(cursor.segment, 1U);
}

TEST_F(LogSpoolTest, a_torn_line_of_a_crash_is_skipped_and_spoils_no_other) {
  {
    LogSpoolWriter writer(folder_);
    writer.write(line(1));
  }
  const base::Fd file(::open((folder_ + "/00000001.log").c_str(), O_WRONLY | O_APPEND));
  ASSERT_EQ(::write(file.get(), "17\tr\ti", 6), 6);
  EXPECT_EQ(LogSpoolReader(folder_).tail({}).size(), 1U);
  LogSpoolWriter again(folder_);
  again.write(line(2));
  const auto lines = LogSpoolReader(folder_).tail({});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1].text, "line 2");
}

TEST_F(LogSpoolTest, a_follower_passes_over_what_a_power_cut_left) {
  std::ofstream(folder_ + "/00000001.log") << line(1) << std::string(3 * LogSpoolReader::kMostFollowBytes, '\0') << '\n'
                                           << line(2) << "17\tr\ti";
  std::ofstream(folder_ + "/00000002.log") << line(3);
  const LogSpoolReader reader(folder_);
  LogCursor cursor;
  std::string seen;
  for (int i = 0; i < 10; ++i) {
    for (const LogLine& one : reader.follow({}, cursor)) seen += one.text + ";";
  }
  EXPECT_EQ(seen, "line 1;line 2;line 3;");
  EXPECT_EQ(reader.tail({}).size(), 3U);
}

// A segment as marea wrote it: it must be read for ever.
TEST_F(LogSpoolTest, a_segment_of_the_first_form_is_read) {
  std::ofstream(folder_ + "/00000007.log")
      << "1700000000000000001\thola-00002-xyz\thola-00002-xyz-abcde\tstdout\thola\n"
         "1700000000000000002\thola-00002-xyz\thola-00002-xyz-abcde\tstderr\ta\tb \xff\n"
         "1700000000000000003\t\t\tstderr\tmarea: 2 lines of output were dropped "
         "here: the disk refused\n";
  LogSpoolWriter(folder_).write(line(4));
  const auto lines = LogSpoolReader(folder_).tail({});
  ASSERT_EQ(lines.size(), 4U);
  const base::RevisionName revision("hola-00002-xyz");
  const base::InstanceId instance("hola-00002-xyz-abcde");
  EXPECT_EQ(lines[0], (LogLine{1'700'000'000'000'000'001, revision, instance, LogStream::out, "hola"}));
  EXPECT_EQ(lines[1], (LogLine{1'700'000'000'000'000'002, revision, instance, LogStream::err, "a\tb \xff"}));
  EXPECT_EQ(lines[2].text, "marea: 2 lines of output were dropped here: the disk refused");
  EXPECT_EQ(lines[3].text, "line 4");
}

TEST_F(LogSpoolTest, old_segments_go_when_the_share_is_used_up) {
  LogSpoolWriter writer(folder_);
  const std::string block = line(1) + std::string();
  std::string many;
  while (many.size() < (1U << 20)) many += block;
  for (int i = 0; i < 5 * (kMostLogSegments + 3); ++i) writer.write(many);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++files;
  EXPECT_LE(files, static_cast<std::size_t>(kMostLogSegments) + 1);
}

TEST_F(LogSpoolTest, a_refusing_disk_leaves_a_counted_marker) {
  LogSpoolWriter writer(folder_);
  std::filesystem::remove_all(folder_);
  writer.write(line(1) + line(2));
  EXPECT_EQ(writer.dropped(), 2U);
  std::filesystem::create_directories(folder_);
  writer.write(line(3));
  const auto lines = LogSpoolReader(folder_).tail({});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].text, "marea: 2 lines of output were dropped here: the disk refused");
}

TEST(LogLines, of_a_sidecar_bear_its_name) {
  const LogLine line{.unix_ns = 7,
                     .revision = base::RevisionName("r"),
                     .instance = base::InstanceId("i"),
                     .text = "a/b",
                     .container = "proxy"};
  std::string text;
  append_line(text, line);
  EXPECT_EQ(text, "7\tr\ti/proxy\tstdout\ta/b\n");
  text.pop_back();
  EXPECT_EQ(parse_line(text), line);
  EXPECT_EQ(parse_line("7\tr\ti\tstdout\ta/b")->container, "");
}

}  // namespace
}  // namespace marea::telemetry
