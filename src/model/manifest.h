// Text ↔ Service. A manifest is a Knative/Cloud Run `Service` (apiVersion serving.knative.dev/v1) in YAML or JSON,
// exactly as `gcloud run services describe --format export` prints it. Parsing finds every fault at once, each with its
// line and field path, and produces no half-valid value. Fields and annotations that Cloud Run or Knative know and
// marea does not act on yet are kept and reported as notices; what neither knows is a fault. Printing gives back what
// was read, without loss. Pure: text in, values out.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "model/service.h"

namespace marea::model {

using Json = nlohmann::ordered_json;

// Bounds against hostile input; a real manifest is a few kB.
inline constexpr std::size_t kMostManifestBytes = 1U << 20;
inline constexpr int kMostManifestNodes = 100'000;  // also bounds what YAML aliases may expand to
inline constexpr int kMostManifestDepth = 64;
inline constexpr std::size_t kMostManifestMembers = 2'000;   // of one map, which is searched member by member
inline constexpr std::size_t kMostExpandedBytes = 4U << 20;  // of text and names, aliases expanded

struct Fault {
  int line = 0;  // 1-based; 0 when the fault has no place in the text (an API object without text)
  int column = 0;
  std::string path;      // spec.template.spec.containers[0].ports[0].containerPort
  std::string message;   // "must be between 1 and 65535, is 99999"
  bool surplus = false;  // a member that nobody knows, or that is there twice: without it the rest may be right
  friend bool operator==(const Fault&, const Fault&) = default;
};

// "line 12: spec.template…: message"
std::string to_string(const Fault& fault);

// A manifest that was read: the typed values, the document as the user wrote it, and what marea keeps without acting.
struct ServiceDocument {
  Service service;
  Json document;
  std::vector<Fault> notices;
};

using Faults = std::vector<Fault>;

// One or more YAML documents (`---`) or one JSON value. The result keeps the order of the documents.
std::expected<std::vector<ServiceDocument>, Faults> parse_manifests(std::string_view text);

// The same for one object that is already a value (from the API or the store); faults have line 0.
std::expected<ServiceDocument, Faults> parse_service(Json document);

// The same for one that an earlier marea accepted and stored. It kept some parts without reading them which are acted
// on now; one of these that cannot be right counts as absent, and its faults are notices. `document` stays as it was.
std::expected<ServiceDocument, Faults> parse_stored(Json document);

// YAML that parse_manifests() reads back to an equal document.
std::string print_yaml(const Json& document);

}  // namespace marea::model
