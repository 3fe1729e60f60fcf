#include "net/http/head_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace marea::net::http {
namespace {

TEST(HeadWriter, WritesWhatTheParserReads) {
  std::array<char, 512> room;
  HeadWriter writer(room);
  writer.request_line("POST", "/a?b");
  writer.field("Host", "a.localhost");
  writer.field("Forwarded", {"for=", "127.0.0.1", ";proto=http"});
  writer.field("X-Number", 18446744073709551615ULL);
  writer.forward({.name = "X-Copied", .value = "as it was"});
  writer.framing({.kind = BodyKind::chunked});
  writer.lines("Via: 1.1 marea\r\n");
  ASSERT_TRUE(writer.finish());
  RequestHead head;
  ASSERT_EQ(parse_request(writer.view(), head), true);
  EXPECT_EQ(head.bytes, writer.view().size());
  EXPECT_EQ(head.find("forwarded"), "for=127.0.0.1;proto=http");
  EXPECT_EQ(head.find("x-number"), "18446744073709551615");
  EXPECT_EQ(head.find("x-copied"), "as it was");
  EXPECT_EQ(head.find("via"), "1.1 marea");
  EXPECT_EQ(head.body.kind, BodyKind::chunked);
}

TEST(HeadWriter, WritesResponsesWithTheStandardReason) {
  std::string out = "before ";
  ASSERT_TRUE(append_head(out, 256, [](HeadWriter& head) {
    head.status_line(404);
    head.framing({.kind = BodyKind::length, .length = 3});
  }));
  EXPECT_EQ(out, "before HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n");
}

TEST(HeadWriter, RefusesWhatCouldEndALineEarly) {
  const auto refuses = [](auto write) {
    std::string out = "x";
    const bool written = append_head(out, 256, write);
    EXPECT_EQ(out == "x", !written);
    return !written;
  };
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.field("A", "b\r\nC: d"); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.field("A", "b\nc"); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.field("A", std::string_view("b\0c", 3)); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.field("A", {"fine", "not\r"}); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.field("A:", "b"); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.field("", "b"); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.request_line("GET", "/ HTTP/1.1\r\n"); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.request_line("G T", "/"); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.status_line(200, "O\nK"); }));
  EXPECT_TRUE(refuses([](HeadWriter& head) { head.status_line(20); }));
  EXPECT_FALSE(refuses([](HeadWriter& head) { head.field("A", "b"); }));
}

TEST(HeadWriter, RefusesWhatDoesNotFitAndNeverWritesBeyondItsRoom) {
  for (std::size_t size = 0; size < 38; ++size) {
    std::string room(size, '-');
    HeadWriter writer(room);
    writer.status_line(200);
    writer.field("Content-Type", "a/b");
    EXPECT_FALSE(writer.finish()) << size;
  }
  std::string room(38, '-');
  HeadWriter writer(room);
  writer.status_line(200);
  writer.field("Content-Type", "a/b");
  EXPECT_TRUE(writer.finish());
}

}  // namespace
}  // namespace marea::net::http
