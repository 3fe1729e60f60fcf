#include "log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "output.h"

namespace prestamos {
namespace {

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

const char* severity_name(Severity severity) {
  switch (severity) {
    case Severity::info: return "INFO";
    case Severity::notice: return "NOTICE";
    case Severity::warning: return "WARNING";
    case Severity::error: return "ERROR";
    case Severity::critical: return "CRITICAL";
  }
  return "DEFAULT";
}

std::string seconds_text(std::chrono::microseconds time) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.6fs", std::chrono::duration<double>(time).count());
  return text.data();
}

}  // namespace

// https://www.w3.org/TR/trace-context/#traceparent-header: version "-" trace-id "-" parent-id "-" trace-flags.
Trace trace_of(std::string_view traceparent) {
  constexpr std::size_t kLength = 55;
  if (traceparent.size() < kLength || (traceparent.size() > kLength && traceparent[kLength] != '-')) return {};
  const std::string_view version = traceparent.substr(0, 2);
  const std::string_view id = traceparent.substr(3, 32);
  const std::string_view span = traceparent.substr(36, 16);
  const std::string_view flags = traceparent.substr(53, 2);
  if (version == "ff" || (version == "00" && traceparent.size() > kLength)) return {};
  if (traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-') return {};
  if (!is_hex(version) || !is_hex(id) || !is_hex(span) || !is_hex(flags) || is_zero(id) || is_zero(span)) return {};
  const char last = flags[1];
  const int digit = last <= '9' ? last - '0' : last - 'a' + 10;
  return {.id = std::string(id), .span = std::string(span), .sampled = digit % 2 == 1};
}

std::string line_of(Severity severity, std::string_view message) {
  return text_of({{"severity", severity_name(severity)}, {"message", message}});
}

std::string line_of(const RequestLine& request) {
  const Severity severity = request.status >= 500   ? Severity::error
                            : request.status >= 400 ? Severity::warning
                                                    : Severity::info;
  Json line = {
      {"severity", severity_name(severity)},
      {"message", std::string(request.method) + " " + std::string(request.path) + " " + std::to_string(request.status)},
      {"httpRequest",
       {{"requestMethod", request.method},
        {"requestUrl", request.path},
        {"status", request.status},
        {"latency", seconds_text(request.latency)}}}};
  if (!request.event.empty()) line["event"] = request.event;
  if (!request.problem.empty()) line["problem"] = request.problem;
  if (const Trace trace = trace_of(request.traceparent); !trace.id.empty()) {
    const std::string project(request.project);
    line["logging.googleapis.com/trace"] = project.empty() ? trace.id : "projects/" + project + "/traces/" + trace.id;
    line["logging.googleapis.com/spanId"] = trace.span;
    line["logging.googleapis.com/trace_sampled"] = trace.sampled;
  }
  return text_of(line);
}

void write_line(const std::string& line) {
  const std::string whole = line + "\n";
  // One write each: a pipe takes up to 4 KiB as a whole, and what is longer is not worth a lock.
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, whole.data(), whole.size());
}

}  // namespace prestamos
