#include "telemetry/request_record.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/log.h"

namespace marea::telemetry {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Stands for itself in a JSON string.
bool plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// Whether all eight bytes may stand for themselves; false for some that may, too. Each term sets the high bit of a byte
// that is below 0x20, a quote, a backslash, or not ASCII (Hacker's Delight, 6-1).
bool all_plain(std::uint64_t bytes) {
  constexpr std::uint64_t kEach = 0x0101010101010101ULL;
  const auto has_zero = [](std::uint64_t x) { return (x - kEach) & ~x; };
  const std::uint64_t bad =
      ((bytes - kEach * 0x20) & ~bytes) | bytes | has_zero(bytes ^ (kEach * '"')) | has_zero(bytes ^ (kEach * '\\'));
  return (bad & (kEach * 0x80)) == 0;
}

constexpr std::size_t kMostEscaped = 6;  // bytes for one: \u00ff

// Writes into room that is large enough: what a line may take is known before.
class Line {
 public:
  explicit Line(char* at) : at_(at) {}
  char* end() const { return at_; }

  void raw(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  // `key` with its quotes, colon and the comma before.
  void text(std::string_view key, std::string_view text) {
    if (text.empty()) return;
    raw(key);
    *at_++ = '"';
    while (text.size() >= sizeof(std::uint64_t)) {
      std::uint64_t bytes = 0;
      std::memcpy(&bytes, text.data(), sizeof bytes);
      if (!all_plain(bytes)) break;
      std::memcpy(at_, &bytes, sizeof bytes);
      at_ += sizeof bytes;
      text.remove_prefix(sizeof bytes);
    }
    for (const char c : text) byte(c);
    *at_++ = '"';
  }
  void number(std::string_view key, std::uint64_t value) {
    raw(key);
    at_ = std::to_chars(at_, at_ + std::numeric_limits<std::uint64_t>::digits10 + 1, value).ptr;
  }

 private:
  void byte(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    if (plain(c)) {
      *at_++ = c;
    } else if (c == '"' || c == '\\') {
      *at_++ = '\\';
      *at_++ = c;
    } else {  // what is no ASCII came without saying in which encoding: each byte is told as itself
      const auto value = static_cast<unsigned char>(c);
      raw("\\u00");
      *at_++ = kDigits[value >> 4U];
      *at_++ = kDigits[value & 15U];
    }
  }
  char* at_;
};

// Appends what `write` writes, at most `most` bytes.
template <class Write>
void append(std::string& out, std::size_t most, Write write) {
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + most, [&](char* data, std::size_t /*size*/) {
    Line line(data + before);
    write(line);
    return static_cast<std::size_t>(line.end() - data);
  });
}

constexpr std::size_t kMostFixed = 512;  // a line without its texts

std::uint64_t in_us(base::Duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()) / 1000);
}

std::string mark(std::string_view key, std::string_view text) {
  std::string out;
  append(out, key.size() + 2 + kMostEscaped * text.size(), [&](Line& line) { line.text(key, text); });
  return out;
}

}  // namespace

std::string_view RecordTime::text(std::int64_t unix_ns) {
  const std::int64_t second = unix_ns / kSecond;
  if (second != second_) {
    second_ = second;
    text_ = base::rfc3339(second * kSecond).substr(0, 19) + ".000000Z";  // "2026-01-02T03:04:05"
  }
  std::int64_t us = unix_ns % kSecond / 1000;
  for (std::size_t at = 25; at > 19; --at, us /= 10) text_[at] = static_cast<char>('0' + us % 10);
  return text_;
}

void append_record(std::string& out, std::string_view time, const RequestRecord& record) {
  const std::string_view target = record.target.substr(0, kMostRecordedTarget);
  const std::string_view why = record.why.substr(0, kMostRecordedWhy);
  const std::size_t texts = record.id.size() + record.service.size() + record.revision.size() + record.instance.size() +
                            record.experiment.size() + record.arm.size() + record.rule.size() + record.method.size() +
                            target.size() + record.client.size() + record.trace.size() + record.caller_span.size() +
                            to_string(record.reason).size() + why.size();
  append(out, kMostFixed + time.size() + kMostEscaped * texts, [&](Line& line) {
    line.raw("{\"time\":\"");
    line.raw(time);
    line.raw("\"");
    line.text(",\"id\":", record.id);
    line.text(",\"service\":", record.service);
    line.text(",\"revision\":", record.revision);
    line.text(",\"instance\":", record.instance);
    line.text(",\"experiment\":", record.experiment);
    line.text(",\"arm\":", record.arm);
    line.text(",\"rule\":", record.rule);
    line.text(",\"method\":", record.method);
    line.text(",\"path\":", target);
    line.number(",\"status\":", static_cast<std::uint64_t>(std::max(0, record.status)));
    line.number(",\"bytes_in\":", record.bytes_in);
    line.number(",\"bytes_out\":", record.bytes_out);
    line.number(",\"queue_us\":", in_us(record.queue));
    line.number(",\"first_byte_us\":", in_us(record.first_byte));
    line.number(",\"total_us\":", in_us(record.total));
    line.text(",\"client\":", record.client);
    line.raw(record.http10 ? ",\"protocol\":\"HTTP/1.0\"" : ",\"protocol\":\"HTTP/1.1\"");
    line.text(",\"trace\":", record.trace);
    line.text(",\"caller_span\":", record.caller_span);
    if (record.cold) line.raw(",\"cold\":true");
    if (!record.complete) line.raw(",\"complete\":false");
    line.text(",\"reason\":", to_string(record.reason));
    line.text(",\"why\":", why);
    line.raw("}\n");
  });
}

void append_gap(std::string& out, std::string_view time, std::uint64_t dropped) {
  append(out, kMostFixed + time.size(), [&](Line& line) {
    line.raw("{\"time\":\"");
    line.raw(time);
    line.raw("\"");
    line.number(kGapMark, dropped);
    line.raw("}\n");
  });
}

std::string service_mark(std::string_view service) {
  return mark(",\"service\":", service);
}

std::string revision_mark(std::string_view revision) {
  return mark(",\"revision\":", revision);
}

std::string id_mark(std::string_view id) {
  return mark(",\"id\":", id);
}

}  // namespace marea::telemetry
