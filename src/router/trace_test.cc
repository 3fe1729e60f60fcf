#include "router/trace.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace marea::router {
namespace {

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kSpan = "b7ad6b7169203331";
const std::string kBegun = "00-00000000000000110000000000000012-0000000000000013-03";

struct Outcome {
  std::string parent;
  std::string caller_span;
  bool keeps_state = false;
};

// Random numbers are 0x11, 0x12, …
Outcome outcome(const std::string& fields) {
  net::http::RequestHead head;
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  EXPECT_EQ(net::http::parse_request(bytes, head), true) << fields;
  std::uint64_t next = 0x11;
  const Trace trace = Trace::of(head, [&] { return next++; });
  return {.parent = std::string(trace.parent()),
          .caller_span = std::string(trace.caller_span()),
          .keeps_state = trace.keeps_state()};
}

TEST(Trace, begins_with_the_request_that_has_none) {
  const Outcome is = outcome("tracestate: a=1\r\n");
  EXPECT_EQ(is.parent, kBegun);
  EXPECT_EQ(is.caller_span, "");
  EXPECT_FALSE(is.keeps_state) << "a state belongs to a trace (§3.4)";
}

TEST(Trace, goes_on_with_a_span_of_its_own) {
  const Outcome is = outcome("TraceParent: 00-" + kTrace + "-" + kSpan + "-01\r\ntracestate: a=1\r\n");
  EXPECT_EQ(is.parent, "00-" + kTrace + "-0000000000000011-01");
  EXPECT_EQ(is.caller_span, kSpan);
  EXPECT_TRUE(is.keeps_state);
}

TEST(Trace, keeps_the_flags_that_are_known_and_no_others) {
  const auto flags = [](const std::string& given) {
    return outcome("traceparent: 00-" + kTrace + "-" + kSpan + "-" + given + "\r\n").parent.substr(53);
  };
  EXPECT_EQ(flags("00"), "00");
  EXPECT_EQ(flags("02"), "02");
  EXPECT_EQ(flags("ff"), "03");
  EXPECT_EQ(flags("fc"), "00");
}

TEST(Trace, of_a_later_version_goes_on_in_ours) {
  const std::string ours = "00-" + kTrace + "-0000000000000011-01";
  EXPECT_EQ(outcome("traceparent: cc-" + kTrace + "-" + kSpan + "-01\r\n").parent, ours);
  EXPECT_EQ(outcome("traceparent: 01-" + kTrace + "-" + kSpan + "-01-what-the-future-will-be\r\n").parent, ours);
}

TEST(Trace, that_cannot_be_read_begins_anew) {
  const std::string sound = "-" + kTrace + "-" + kSpan;
  const std::vector<std::string> rows = {
      "",
      "ff" + sound + "-01",  // version ff is none (§3.2.2.1)
      "0" + sound + "-01",
      "0g" + sound + "-01",
      "CC" + sound + "-01",
      "00-" + std::string(32, '0') + "-" + kSpan + "-01",      // no trace id (§3.2.2.3)
      "00-" + kTrace + "-" + std::string(16, '0') + "-01",     // no parent id (§3.2.2.4)
      "00-0AF7651916CD43DD8448EB211C80319C-" + kSpan + "-01",  // upper case
      "00-" + kTrace + "-B7AD6B7169203331-01",
      "00-" + kTrace.substr(1) + "-" + kSpan + "-01",
      "00-" + kTrace + "0-" + kSpan + "-01",
      "00-" + kTrace + "-" + kSpan,
      "00-" + kTrace + "-" + kSpan + "-1",
      "00-" + kTrace + "-" + kSpan + "-0x",
      "00-" + kTrace + "-" + kSpan + "-0A",
      "00_" + kTrace + "-" + kSpan + "-01",
      "00-" + kTrace + "." + kSpan + "-01",
      "00" + sound + "-01-more",  // version 00 has an end (§3.2.2)
      "00" + sound + "-01.",
      "cc" + sound + "-01.more",
      "00" + sound + "-01, 00" + sound + "-01",
  };
  for (const std::string& row : rows) {
    const Outcome is = outcome("traceparent: " + row + "\r\ntracestate: a=1\r\n");
    EXPECT_EQ(is.parent, kBegun) << row;
    EXPECT_FALSE(is.keeps_state) << row;
  }
  EXPECT_EQ(outcome("traceparent: 00" + sound + "-01\r\ntraceparent: 00" + sound + "-01\r\n").parent, kBegun) << "two";
}

TEST(Trace, has_a_state_of_the_standards_form_or_none) {
  const auto kept = [](const std::string& fields) {
    return outcome("traceparent: 00-" + kTrace + "-" + kSpan + "-01\r\n" + fields).keeps_state;
  };
  const auto many = [](std::size_t count) {
    std::string out = "tracestate: ";
    for (std::size_t i = 0; i < count; ++i) out += "k" + std::to_string(i) + "=v,";
    return out + "\r\n";
  };
  EXPECT_TRUE(kept("tracestate: rojo=00f067aa0ba902b7 , ,\tcongo=t61 rcW\r\ntracestate: t@v=x\r\ntracestate:\r\n"));
  EXPECT_TRUE(kept(many(32)));
  EXPECT_FALSE(kept(many(33)));
  EXPECT_FALSE(kept(many(20) + many(13)));
  for (const char* bad :
       {"foo", "foo=", "=1", "FOO=1", "foo=1=2", "foo =1", "f\xc3\xb6=1", "-a=1", "foo=\xc3\xb6", "a=1,foo"}) {
    EXPECT_FALSE(kept("tracestate: " + std::string(bad) + "\r\n")) << bad;
  }
  EXPECT_FALSE(kept("tracestate: " + std::string(257, 'a') + "=1\r\n"));
  EXPECT_FALSE(kept("tracestate: a=" + std::string(257, '1') + "\r\n"));
}

}  // namespace
}  // namespace marea::router
