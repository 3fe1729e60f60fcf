#include "base/log.h"

#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include "base/clock.h"

namespace marea::base {
namespace {

// Length of the valid UTF-8 sequence that starts at text[0], or 0 (RFC 3629, Table 3-7 of Unicode).
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned lead = at(0);
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xE0 && at(1) < 0xA0) return 0;
    if (lead == 0xED && at(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0 && at(1) < 0x90) return 0;
    if (lead == 0xF4 && at(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::debug: return "DEBUG";
    case Severity::info: return "INFO";
    case Severity::notice: return "NOTICE";
    case Severity::warning: return "WARNING";
    case Severity::error: return "ERROR";
  }
  return "ERROR";
}

void append_json_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const char c = text.front();
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> buffer{};
      std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(c));
      out += buffer.data();
    } else {
      const std::size_t length = utf8_length(text);
      if (length == 0) {
        out += "\xEF\xBF\xBD";
      } else {
        out.append(text.substr(0, length));
        text.remove_prefix(length - 1);
      }
    }
    text.remove_prefix(1);
  }
}

std::string rfc3339(std::int64_t unix_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = unix_ns / kSecond;
  std::int64_t rest = unix_ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  const std::time_t whole = seconds;
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(rest / 1'000'000));
  return buffer.data();
}

std::string format_log_line(std::string_view time, Severity severity, std::string_view role, std::string_view message,
                            std::initializer_list<LogField> fields) {
  std::string out = "{\"time\":\"";
  out.append(time);
  out += "\",\"severity\":\"";
  out.append(to_string(severity));
  out += "\",\"role\":\"";
  append_json_escaped(out, role);
  out += "\",\"message\":\"";
  append_json_escaped(out, message);
  out += '"';
  for (const LogField& field : fields) {
    out += ",\"";
    append_json_escaped(out, field.key);
    out += "\":\"";
    append_json_escaped(out, field.value);
    out += '"';
  }
  out += "}\n";
  return out;
}

void Log::operator()(Severity severity, std::string_view message, std::initializer_list<LogField> fields) const {
  if (severity < least_) return;
  const std::string line = format_log_line(rfc3339(SystemClock().wall().unix_ns), severity, role_, message, fields);
  [[maybe_unused]] const ssize_t written = ::write(fd_, line.data(), line.size());
}

}  // namespace marea::base
