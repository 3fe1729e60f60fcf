#include "telemetry/request_record.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.h"

namespace marea::telemetry {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

bool plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void append_text(std::string& out, std::string_view text) {
  if (std::ranges::all_of(text, plain)) {
    out += text;
    return;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : text) {
    if (plain(c)) {
      out += c;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {  // what is no ASCII came without saying in which encoding: each byte is told as itself
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
}

// `key` with its quotes, colon and the comma before.
void text_field(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  out += key;
  out += '"';
  append_text(out, text);
  out += '"';
}

void number_field(std::string& out, std::string_view key, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out += key;
  out.append(digits.data(), end);
}

std::uint64_t in_us(base::Duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()) / 1000);
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
  out += "{\"time\":\"";
  out += time;
  out += '"';
  text_field(out, ",\"id\":", record.id);
  text_field(out, ",\"service\":", record.service);
  text_field(out, ",\"revision\":", record.revision);
  text_field(out, ",\"instance\":", record.instance);
  text_field(out, ",\"method\":", record.method);
  text_field(out, ",\"path\":", record.target.substr(0, kMostRecordedTarget));
  number_field(out, ",\"status\":", static_cast<std::uint64_t>(std::max(0, record.status)));
  number_field(out, ",\"bytes_in\":", record.bytes_in);
  number_field(out, ",\"bytes_out\":", record.bytes_out);
  number_field(out, ",\"queue_us\":", in_us(record.queue));
  number_field(out, ",\"first_byte_us\":", in_us(record.first_byte));
  number_field(out, ",\"total_us\":", in_us(record.total));
  text_field(out, ",\"client\":", record.client);
  out += record.http10 ? ",\"protocol\":\"HTTP/1.0\"" : ",\"protocol\":\"HTTP/1.1\"";
  text_field(out, ",\"trace\":", record.trace);
  if (record.cold) out += ",\"cold\":true";
  if (!record.complete) out += ",\"complete\":false";
  text_field(out, ",\"reason\":", to_string(record.reason));
  text_field(out, ",\"why\":", record.why.substr(0, kMostRecordedWhy));
  out += "}\n";
}

void append_gap(std::string& out, std::string_view time, std::uint64_t dropped) {
  out += "{\"time\":\"";
  out += time;
  out += '"';
  number_field(out, kGapMark, dropped);
  out += "}\n";
}

std::string service_mark(std::string_view service) {
  std::string out;
  text_field(out, ",\"service\":", service);
  return out;
}

std::string revision_mark(std::string_view revision) {
  std::string out;
  text_field(out, ",\"revision\":", revision);
  return out;
}

}  // namespace marea::telemetry
