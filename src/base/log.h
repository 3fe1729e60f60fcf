// marea's own log: one JSON object per line on stderr, the shape that Cloud Run and journald collectors read
// ({"time":…,"severity":…,"role":…,"message":…, fields…}). The text of the apps never passes here.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace marea::base {

enum class Severity { debug, info, notice, warning, error };
std::string_view to_string(Severity severity);

struct LogField {
  std::string_view key;
  std::string value;
};

// Formats one line with its final newline; pure. `time` is RFC 3339 text.
std::string format_log_line(std::string_view time, Severity severity, std::string_view role, std::string_view message,
                            std::initializer_list<LogField> fields);

// Resource: writes whole lines to a descriptor, dropping those below `least`. Failures to write are ignored: there is
// nowhere to report them.
class Log {
 public:
  Log(int fd, std::string role, Severity least = Severity::info) : fd_(fd), role_(std::move(role)), least_(least) {}
  void operator()(Severity severity, std::string_view message, std::initializer_list<LogField> fields = {}) const;

 private:
  int fd_;
  std::string role_;
  Severity least_;
};

// Appends `text` as the inside of a JSON string (RFC 8259 §7); invalid UTF-8 becomes U+FFFD.
void append_json_escaped(std::string& out, std::string_view text);

// RFC 3339 in UTC with milliseconds: 2026-11-23T08:00:00.123Z.
std::string rfc3339(std::int64_t unix_ns);

}  // namespace marea::base
