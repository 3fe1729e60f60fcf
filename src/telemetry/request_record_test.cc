#include "telemetry/request_record.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "telemetry/log_spool.h"

namespace marea::telemetry {
namespace {

using namespace std::chrono_literals;

RequestRecord served() {
  return {.queue = 0ms,
          .first_byte = 812us,
          .total = 1234567ns,
          .bytes_in = 90,
          .bytes_out = 300,
          .status = 200,
          .complete = true,
          .id = "0123456789abcdef0123456789abcdef",
          .service = "web",
          .revision = "web-00001",
          .instance = "web-00001-abcde",
          .method = "GET",
          .target = "/cuentas?id=7",
          .client = "192.0.2.1"};
}

std::string line_of(const RequestRecord& record) {
  std::string out;
  append_record(out, "2026-01-02T03:04:05.000006Z", record);
  return out;
}

TEST(RequestRecord, a_served_request_is_a_line_with_where_it_went_and_how_long_it_took) {
  EXPECT_EQ(line_of(served()),
            R"({"time":"2026-01-02T03:04:05.000006Z","id":"0123456789abcdef0123456789abcdef","service":"web",)"
            R"("revision":"web-00001","instance":"web-00001-abcde","method":"GET","path":"/cuentas?id=7","status":200,)"
            R"("bytes_in":90,"bytes_out":300,"queue_us":0,"first_byte_us":812,"total_us":1234,"client":"192.0.2.1",)"
            R"("protocol":"HTTP/1.1"})"
            "\n");
}

TEST(RequestRecord, one_that_a_release_or_a_rule_led_says_so) {
  RequestRecord record = served();
  record.arm = "canary";
  EXPECT_NE(line_of(record).find(R"("instance":"web-00001-abcde","arm":"canary","method")"), std::string::npos);
  record.experiment = "form";
  record.arm = "short";
  EXPECT_NE(line_of(record).find(R"("experiment":"form","arm":"short","method")"), std::string::npos);
  record.experiment = record.arm = {};
  record.rule = "vip \"2\"";
  EXPECT_NE(line_of(record).find(R"("instance":"web-00001-abcde","rule":"vip \"2\"","method")"), std::string::npos);
  EXPECT_NE(line_of(record).find(id_mark(record.id) + service_mark(record.service)), std::string::npos);
}

TEST(RequestRecord, a_refused_one_says_why) {
  EXPECT_EQ(line_of({.status = 429, .complete = true, .reason = model::Reason::max_scale, .why = "all \"busy\""}),
            R"({"time":"2026-01-02T03:04:05.000006Z","status":429,"bytes_in":0,"bytes_out":0,"queue_us":0,)"
            R"("first_byte_us":0,"total_us":0,"protocol":"HTTP/1.1","reason":"MaxScale","why":"all \"busy\""})"
            "\n");
}

TEST(RequestRecord, no_byte_of_a_request_can_end_the_line_or_its_quotes) {
  RequestRecord record = served();
  record.target = "/\"},{\n\\\x01\xff";
  const std::string line = line_of(record);
  EXPECT_NE(line.find(R"("path":"/\"},{\u000a\\\u0001\u00ff")"), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  // What looks like another service's mark is not one.
  record.target = "/?,\"service\":\"bank\"";
  EXPECT_EQ(line_of(record).find(service_mark("bank")), std::string::npos);
  EXPECT_NE(line_of(record).find(service_mark("web")), std::string::npos);
}

TEST(RequestRecord, a_long_path_and_a_long_sentence_are_cut) {
  RequestRecord record = served();
  const std::string long_path = "/" + std::string(5000, 'x');
  const std::string long_why(5000, 'y');
  record.target = long_path;
  record.why = long_why;
  EXPECT_LT(line_of(record).size(), 512U + 200U + 500U);
}

TEST(RecordTime, is_the_moment_in_microseconds_whatever_came_before) {
  RecordTime time;
  const std::int64_t moment = 1'700'000'000'123'456'789;
  EXPECT_EQ(time.text(moment), base::rfc3339(moment).substr(0, 19) + ".123456Z");
  EXPECT_EQ(time.text(moment + 1'000), base::rfc3339(moment).substr(0, 19) + ".123457Z");
  EXPECT_EQ(time.text(moment + 10'000'000'000), base::rfc3339(moment + 10'000'000'000).substr(0, 19) + ".123456Z");
  EXPECT_EQ(time.text(moment), base::rfc3339(moment).substr(0, 19) + ".123456Z");
}

TEST(RequestRecord, lines_of_a_service_are_read_back_whole_and_a_gap_is_told) {
  std::string folder = testing::TempDir() + "records-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  LogSpoolWriter writer(folder, LogForm::records);
  RequestRecord other = served();
  other.service = "web-2";
  writer.write(line_of(served()) + line_of(other));
  writer.add_dropped(7);
  writer.write(line_of(served()));
  const LogSpoolReader reader(folder);
  LogCursor end;
  const auto lines = reader.tail({.form = LogForm::records, .having = service_mark("web")}, &end);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].text + "\n", line_of(served()));
  EXPECT_TRUE(lines[1].text.ends_with(",\"dropped\":7}")) << lines[1].text;
  const auto all = reader.tail({.form = LogForm::records});
  EXPECT_EQ(all.size(), 4U);
  writer.write(line_of(served()) + line_of(other));
  EXPECT_EQ(reader.follow({.form = LogForm::records, .having = service_mark("web-2")}, end).size(), 1U);
  std::filesystem::remove_all(folder);
}

// A segment as marea wrote it: it must be read for ever. What is printed for it is the line itself.
TEST(RequestRecord, a_segment_of_the_first_form_is_read_and_half_a_record_is_none) {
  std::string folder = testing::TempDir() + "records-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string served =
      R"({"time":"2026-01-02T03:04:05.000006Z","id":"la-primera","service":"hola","revision":"hola-00002-xyz",)"
      R"("instance":"hola-00002-xyz-abcde","method":"GET","path":"/?a=\"\u00ff","status":200,"bytes_in":90,)"
      R"("bytes_out":300,"queue_us":7,"first_byte_us":812,"total_us":1234,"client":"192.0.2.1",)"
      R"("protocol":"HTTP/1.1","trace":"00-1-2-01","cold":true,"complete":false})";
  const std::string refused =
      R"({"time":"2026-01-02T03:04:06.000006Z","id":"2","service":"hola","method":"GET","path":"/","status":429,)"
      R"("bytes_in":0,"bytes_out":0,"queue_us":0,"first_byte_us":0,"total_us":0,"client":"192.0.2.1",)"
      R"("protocol":"HTTP/1.0","reason":"MaxScale","why":"all busy"})";
  const std::string gap = R"({"time":"2026-01-02T03:04:07.000006Z","dropped":7})";
  std::ofstream(folder + "/00000007.log") << served << "\n"
                                          << served.substr(0, 120) << "\n"
                                          << refused << "\n"
                                          << gap << "\n";
  LogSpoolWriter(folder, LogForm::records).write(line_of({.complete = true, .service = "adios"}));
  const LogSpoolReader reader(folder);
  const auto texts = [&](const std::string& having) {
    std::vector<std::string> out;
    for (const LogLine& line : reader.tail({.form = LogForm::records, .having = having})) out.push_back(line.text);
    return out;
  };
  EXPECT_EQ(texts(service_mark("hola")), (std::vector{served, refused, gap}));
  EXPECT_EQ(texts(service_mark("hola") + revision_mark("hola-00002-xyz")), (std::vector{served, gap}));
  EXPECT_EQ(texts("").size(), 4U);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace marea::telemetry
