// A request as router saw it, as one line of JSON: what `marea logs NAME --requests` prints and docs/api.md describes.
// Pure. Formatting allocates nothing once the text has grown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/reason.h"

namespace marea::telemetry {

inline constexpr std::size_t kMostRecordedTarget = 512;  // bytes of the path and query; the rest is left out
inline constexpr std::size_t kMostRecordedWhy = 200;     // of the sentence that the caller got

struct RequestRecord {
  base::Duration queue{};       // waiting for a slot
  base::Duration first_byte{};  // from the head to the first byte of the answer; zero: there was none
  base::Duration total{};
  std::uint64_t bytes_in = 0;  // heads included, both ways
  std::uint64_t bytes_out = 0;
  int status = 0;         // 0: the caller got none
  bool complete = false;  // the caller was given all of the answer
  bool cold = false;      // it waited for an instance that had served nothing before
  bool http10 = false;
  model::Reason reason = model::Reason::none;  // why marea answered by itself
  std::string_view why;                        // its sentence
  std::string_view id;
  std::string_view service;
  std::string_view revision;
  std::string_view experiment;  // in which it took part; empty: none
  std::string_view arm;         // of it, or of the release that divided it: "stable" or "canary"; empty: none did
  std::string_view rule;        // that led it; empty: none did
  std::string_view instance;
  std::string_view method;
  std::string_view target;
  std::string_view client;
  std::string_view trace;        // traceparent (W3C Trace Context) that the app got: this request is a span of it
  std::string_view caller_span;  // that this one continues, if the caller sent one
};

// The moment of a line as text. Keeps the last second's, since most lines are of the same.
class RecordTime {
 public:
  // Microseconds, in the form of base::rfc3339; good until the next call.
  std::string_view text(std::int64_t unix_ns);

 private:
  std::int64_t second_ = -1;
  std::string text_;
};

// Appends the line with its newline. Any byte of its texts is safe.
void append_record(std::string& out, std::string_view time, const RequestRecord& record);

// What stands where records were left out.
void append_gap(std::string& out, std::string_view time, std::uint64_t dropped);

inline constexpr std::string_view kGapMark = ",\"dropped\":";

// A line of a service has it as it is here.
std::string service_mark(std::string_view service);
std::string revision_mark(std::string_view revision);  // …and this follows it
std::string id_mark(std::string_view id);              // stands before both

}  // namespace marea::telemetry
