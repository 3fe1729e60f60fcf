#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/http/codec.h"

namespace marea::net::http {
namespace {

struct Decoded {
  std::string data;
  std::size_t consumed = 0;
  std::string trailer;
  bool done = false;
  std::optional<Violation> why;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

// Feeds the input in pieces of at most `piece` bytes.
Decoded decode(std::string_view input, std::size_t piece) {
  Decoded result;
  ChunkedDecoder decoder;
  while (result.consumed < input.size() && !result.done) {
    const auto step = decoder.next(input.substr(result.consumed, piece));
    if (!step) {
      result.why = step.error();
      return result;
    }
    EXPECT_GT(step->consumed, 0U);
    result.data += step->data;
    result.trailer += step->trailer;
    result.consumed += step->consumed;
    result.done = step->done;
  }
  return result;
}

TEST(ChunkedDecoder, GivesTheBodyHoweverTheBytesAreSplit) {
  const std::string body =
      "5\r\nhello\r\n0A\r\n, world!!!\r\n1\r\n\n\r\n000\r\nX-Check: a\tb\r\nY:\r\n\r\nnext message";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const Decoded decoded = decode(body, piece);
    EXPECT_EQ(decoded.why, std::nullopt);
    EXPECT_TRUE(decoded.done);
    EXPECT_EQ(decoded.data, "hello, world!!!\n");
    EXPECT_EQ(body.substr(decoded.consumed), "next message");
    EXPECT_EQ(decoded.trailer, "X-Check: a\tb\r\nY:\r\n\r\n");
  }
}

TEST(ChunkedDecoder, IgnoresExtensions) {
  const std::string body = "3;a\r\nabc\r\n2;b=c;d=\"e f;\"\r\nde\r\n0;last\r\n\r\n";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const Decoded decoded = decode(body, piece);
    EXPECT_EQ(
        decoded,
        (Decoded{.data = "abcde", .consumed = body.size(), .trailer = "\r\n", .done = true, .why = std::nullopt}));
  }
}

TEST(ChunkedDecoder, NeedsMoreForEveryPrefix) {
  const std::string body = "3\r\nabc\r\n0\r\nT: v\r\n\r\n";
  for (std::size_t size = 0; size < body.size(); ++size) {
    const Decoded decoded = decode(body.substr(0, size), body.size());
    EXPECT_EQ(decoded.why, std::nullopt);
    EXPECT_FALSE(decoded.done);
    EXPECT_EQ(decoded.consumed, size);
  }
}

TEST(ChunkedDecoder, RefusesEveryMalformedBody) {
  struct Row {
    const char* sentence;
    std::string body;
    Violation why;
  };
  using enum Violation;
  const std::vector<Row> rows = {
      {"no size", "\r\nabc", bad_chunk},
      {"a size that is not hexadecimal", "g\r\n", bad_chunk},
      {"a size with 0x", "0x3\r\nabc\r\n", bad_chunk},
      {"a size with a plus", "+3\r\nabc\r\n", bad_chunk},
      {"a size with a minus", "-3\r\nabc\r\n", bad_chunk},
      {"a size with a leading space", " 3\r\nabc\r\n", bad_chunk},
      {"a size with a trailing space", "3 \r\nabc\r\n", bad_chunk},
      {"a size with an underscore", "1_0\r\nabc\r\n", bad_chunk},
      {"an empty extension", "3;\r\nabc\r\n", bad_chunk},
      {"an extension with a line feed", "3;\nx\r\nabc\r\n", bare_lf},
      {"an extension with a line feed inside", "3;a=\"\n\"\r\nabc\r\n", bare_lf},
      {"an extension with a bare CR", "3;a\rb\r\nabc\r\n", bad_chunk},
      {"an extension with a NUL", std::string("3;a\0b\r\n", 8), bad_chunk},
      {"an extension without end", "3;" + std::string(kMostChunkLineBytes, 'a'), bad_chunk},
      {"a size that overflows 64 bits", "10000000000000003\r\nabc\r\n", bad_chunk},
      {"a size line without end", std::string(kMostChunkLineBytes + 1, '0'), bad_chunk},
      {"a bare LF after the size", "3\nabc\r\n", bare_lf},
      {"a bare CR after the size", "3\rabc", bad_chunk},
      {"more data than the size says", "3\r\nabcd\r\n", bad_chunk},
      {"a bare LF after the data", "3\r\nabc\n", bad_chunk},
      {"a bare CR after the data", "3\r\nabc\rx", bad_chunk},
      {"less data than the size says", "5\r\nabc\r\n0\r\n\r\n", bad_chunk},
      {"a bare LF at the end", "0\r\n\n", bare_lf},
      {"a trailer without a colon", "0\r\nabc\r\n\r\n", bad_trailer},
      {"a trailer with a space before the colon", "0\r\na : b\r\n\r\n", bad_trailer},
      {"a trailer without a name", "0\r\n: b\r\n\r\n", bad_trailer},
      {"a folded trailer", "0\r\na: b\r\n c\r\n\r\n", bad_trailer},
      {"a NUL in a trailer", std::string("0\r\na: \0\r\n\r\n", 11), bad_trailer},
      {"a bare CR in a trailer", "0\r\na: b\rc\r\n\r\n", bad_trailer},
      {"a bare LF in a trailer", "0\r\na: b\n\r\n", bare_lf},
      {"trailers without end", "0\r\na: " + std::string(kMostTrailerBytes, 'x'), bad_trailer},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sentence);
    EXPECT_EQ(decode(row.body, row.body.size()).why, row.why);
    EXPECT_EQ(decode(row.body, 1).why, row.why);
  }
}

TEST(Trailers, GiveTheirFieldsAndSayWhichMayNotGoOn) {
  std::string_view section =
      "X-Check: a b \r\nEmpty:\r\nContent-Length: 5\r\nset-cookie: a\r\nX_Check: c\r\nX-Forwarded-For: d\r\n\r\n";
  std::string seen;
  while (const auto field = next_trailer(section)) {
    seen.append(field->ends_here ? "-" : "+").append(field->name).append("=").append(field->value).append(" ");
  }
  EXPECT_EQ(seen, "+X-Check=a b +Empty= -Content-Length=5 -set-cookie=a -X_Check=c -X-Forwarded-For=d ");
  EXPECT_EQ(section, "\r\n");
}

TEST(ChunkPrefix, IsWhatTheDecoderReads) {
  for (const std::uint64_t size : {1ULL, 15ULL, 16ULL, 255ULL, 65536ULL, 0x7FFFFFFFFFFFFFFFULL}) {
    ChunkedDecoder decoder;
    const ChunkPrefix prefix = chunk_prefix(size);
    const auto step = decoder.next(prefix.view());
    ASSERT_TRUE(step.has_value());
    EXPECT_EQ(decoder.left_in_chunk(), size);
  }
  EXPECT_EQ(chunk_prefix(0x1a2b).view(), "1a2b\r\n");
  EXPECT_EQ(chunk_prefix(0).view(), "0\r\n");
  EXPECT_EQ(chunk_prefix(~0ULL).view(), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace marea::net::http
