// What clients send to the API as patches and selectors: never a crash or a hang, and a document that a patch made
// stays within the bounds that patches have. What was applied once changes nothing when it is applied again.
//
// Input: a document, a NUL, a patch or a selector.
// modules: api model base
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/field_owners.h"
#include "api/patches.h"
#include "api/selector.h"
#include "model/tree.h"
#include "must.h"

namespace marea::api {
namespace {

std::optional<Json> value_of(std::string_view text) {
  model::Documents documents = model::read_documents(text);
  if (!documents.faults.empty() || documents.trees.size() != 1) return std::nullopt;
  return std::move(documents.trees.front().value);
}

std::size_t values_in(const Json& value) {
  std::size_t out = 1;
  if (value.is_structured()) {
    for (const Json& child : value) out += values_in(child);
  }
  return out;
}

void check_applying(const Json& document, const Json& wanted) {
  const Applying by{.manager = "fuzz", .time = "t", .force = true};
  const auto first = apply_fields(document, Json(), wanted, by);
  MUST(first.has_value());
  const auto second = apply_fields(first->document, first->managed, wanted, by);
  MUST(second.has_value());
  MUST(second->document == first->document);
  MUST(second->managed == first->managed);
  updated_fields(first->managed, first->document, document, by);
}

void check(std::string_view text) {
  const std::size_t middle = text.find('\0');
  const std::string_view second = middle == std::string_view::npos ? "" : text.substr(middle + 1);
  if (const auto labels = LabelSelector::parse(second)) labels->matches({{"a", "b"}, {"c", ""}});
  const std::optional<Json> document = value_of(text.substr(0, middle));
  if (!document) return;
  if (const auto fields = FieldSelector::parse(second, Kind::event)) fields->matches(*document);
  const std::optional<Json> patch = value_of(second);
  if (!patch) return;
  Json changed = *document;
  if (apply_json_patch(changed, *patch)) MUST(values_in(changed) <= values_in(*document) + kMostPatchedValues);
  Json merged = *document;
  apply_merge_patch(merged, *patch);
  Json again = merged;
  apply_merge_patch(again, *patch);
  MUST(again == merged);
  if (document->is_object() && patch->is_object()) check_applying(*document, *patch);
}

}  // namespace
}  // namespace marea::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  marea::api::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
