// One JSON object a line on standard output, with the fields that Cloud Logging knows.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace prestamos {

enum class Severity { info, notice, warning, error, critical };

struct Trace {
  std::string id;
  std::string span;
  bool sampled = false;
};

// Of a W3C `traceparent`; empty when it is none.
Trace trace_of(std::string_view traceparent);

struct RequestLine {
  std::string_view method;
  std::string_view path;  // without the query: that may name people
  int status = 0;
  std::chrono::microseconds latency{0};
  std::string_view event;
  std::string_view problem;
  std::string_view traceparent;
  std::string_view project;
};

std::string line_of(Severity severity, std::string_view message);
std::string line_of(const RequestLine& request);
// Whole lines, also from several threads.
void write_line(const std::string& line);

}  // namespace prestamos
