#include "model/tree.h"

#include <algorithm>

namespace marea::model {
namespace {

// The length of the UTF-8 sequence at `at`, 0 when it is none (RFC 3629: no overlong forms, no surrogates).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// The first byte that no manifest may hold.
std::optional<Fault> encoding_fault(std::string_view text) {
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = sequence_length(text, at);
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F;
    if (length == 0 || control) {
      return Fault{line,
                   static_cast<int>(at - line_start) + 1,
                   {},
                   control ? "is no text: it has a control character here" : "is not UTF-8 here; save it as UTF-8"};
    }
    at += length;
    if (byte == '\n') {
      ++line;
      line_start = at;
    }
  }
  return std::nullopt;
}

// Bounds for a value that did not come through read_documents().
struct Measured {
  int nodes = 0;
  int deepest = 0;
  std::size_t bytes = 0;
  std::size_t widest = 0;  // of the maps

  bool fits() const {
    return deepest <= kMostManifestDepth && nodes <= kMostManifestNodes && bytes <= kMostExpandedBytes &&
           widest <= kMostManifestMembers;
  }
};

void measure_json(const Json& value, int depth, Measured& out) {
  ++out.nodes;
  out.deepest = std::max(out.deepest, depth);
  if (const auto* text = value.get_ptr<const std::string*>()) out.bytes += text->size();
  if (value.is_object()) out.widest = std::max(out.widest, value.size());
  if (!value.is_structured() || !out.fits()) return;
  for (const auto& [name, child] : value.items()) {
    if (value.is_object()) out.bytes += name.size();
    measure_json(child, depth + 1, out);
  }
}

}  // namespace

std::optional<Fault> size_fault(const Json& value) {
  Measured measured;
  measure_json(value, 0, measured);
  if (measured.fits()) return std::nullopt;
  return Fault{0,
               0,
               {},
               "is nested deeper than 64 levels or has more than 100000 values, 2000 members in "
               "one map or 4 MiB of text"};
}

Documents read_documents(std::string_view text) {
  Documents documents;
  if (text.size() > kMostManifestBytes) {
    documents.faults.push_back(
        {0, 0, {}, "must have at most 1 MiB, has " + std::to_string(text.size()) + " bytes; is it a manifest?"});
    return documents;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  if (auto fault = encoding_fault(text)) {
    documents.faults.push_back(*std::move(fault));
    return documents;
  }
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  const bool maybe_json = start != std::string_view::npos && (text[start] == '{' || text[start] == '[');
  if (!maybe_json || !read_json(text, documents)) read_yaml(text, documents);
  return documents;
}

}  // namespace marea::model
