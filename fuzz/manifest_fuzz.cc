// Manifests: any bytes are read or refused, never a crash, a hang or an exception; what is read prints to YAML and to
// JSON that read back to the same documents and services, and so does the value alone. As a file of several kinds the
// same text is read too, and alike where it has services alone.
//
// Input: the text of a manifest.
// modules: model base
#include <cstdint>
#include <string>
#include <string_view>

#include "model/mixed_manifest.h"
#include "must.h"

namespace marea::model {
namespace {

void reads_back(const ServiceDocument& read, const std::string& text) {
  const auto again = parse_manifests(text);
  MUST(again.has_value());
  MUST(again->size() == 1);
  MUST(again->front().document == read.document);
  MUST(again->front().service == read.service);
  MUST(again->front().notices.size() == read.notices.size());
}

void names_its_faults(const Faults& faults, std::string_view text) {
  MUST(!faults.empty());
  for (const Fault& fault : faults) {
    MUST(!fault.message.empty());
    MUST(fault.line >= 0 && static_cast<std::size_t>(fault.line) <= text.size() + 1);
  }
}

void check(std::string_view text) {
  const auto parsed = parse_manifests(text);
  const auto mixed = parse_mixed(text);
  if (!mixed) names_its_faults(mixed.error(), text);
  if (parsed) MUST(mixed.has_value() && mixed->size() == parsed->size());
  if (!parsed) {
    names_its_faults(parsed.error(), text);
    return;
  }
  for (const ServiceDocument& read : *parsed) {
    reads_back(read, print_yaml(read.document));
    reads_back(read, read.document.dump());
    const auto value = parse_service(read.document);
    MUST(value.has_value());
    MUST(value->service == read.service);
  }
}

}  // namespace
}  // namespace marea::model

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  marea::model::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
