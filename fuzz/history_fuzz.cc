// What a history is read from: moments, lines as they are stored, and records of requests, which callers write into.
// modules: telemetry model base
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/rfc3339.h"
#include "model/document_fields.h"
#include "model/timeline.h"
#include "must.h"
#include "telemetry/record_search.h"

namespace {

using namespace marea;

// What was read is written and read again as the same.
void try_line(const model::Json& document) {
  model::TimelineLine line;
  if (!model::read_timeline_document(document, line)) return;
  model::TimelineLine again;
  MUST(model::read_timeline_document(model::timeline_document(line), again));
  MUST(again == line);
}

void try_moment(std::string_view text) {
  const auto moment = base::parse_rfc3339(text);
  if (!moment) return;
  constexpr std::int64_t kMillisecond = 1'000'000;
  MUST(base::parse_rfc3339(base::rfc3339(*moment)) == *moment / kMillisecond * kMillisecond);
}

void try_records(const std::string& text) {
  static const std::string folder = "/tmp/history-fuzz-" + std::to_string(::getpid());
  static const bool made = ::mkdir(folder.c_str(), 0700) == 0;
  MUST(made);
  std::ofstream(folder + "/00000001.log", std::ios::trunc) << text;
  telemetry::RecordSearch search(folder, text.substr(0, 4), 0);
  while (search.step() == telemetry::RecordSearch::State::searching) {
  }
  if (search.record().empty()) return;
  MUST(text.find(search.record()) != std::string::npos);
  MUST(search.record().find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try_moment(text);
  const model::Json document = model::Json::parse(text, nullptr, false);
  if (!document.is_discarded()) {
    try_line(document);
    const model::Fields fields = model::service_fields(document);
    MUST(model::differences(fields, fields).empty());
    const model::Fields none;
    MUST(model::print_changes(model::differences(none, model::revision_fields(document)), 3).size() <= 3);
  }
  try_records(text);
  return 0;
}
