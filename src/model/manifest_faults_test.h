// Short manifests with one part left open, and their faults as "LINE:COLUMN PATH: MESSAGE". For tests of faults alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/manifest.h"

namespace marea::model {

inline constexpr std::string_view kHead = "apiVersion: serving.knative.dev/v1\nkind: Service\n";  // lines 1 and 2

inline std::vector<std::string> faults_of(std::string_view text) {
  const auto parsed = parse_manifests(text);
  std::vector<std::string> out;
  if (parsed) return out;
  for (const Fault& fault : parsed.error()) {
    out.push_back(std::to_string(fault.line) + ":" + std::to_string(fault.column) + " " + fault.path + ": " +
                  fault.message);
  }
  return out;
}

// Faults of a service whose metadata, from line 4 on, has these lines.
inline std::vector<std::string> metadata_faults(std::string_view metadata) {
  return faults_of(std::string(kHead) + "metadata:\n" + std::string(metadata) +
                   "spec: {template: {spec: {containers: [{image: x}]}}}\n");
}

// Faults of a service whose container has these lines, from line 9 on and indented by six.
inline std::vector<std::string> container_faults(std::string_view container) {
  return faults_of(std::string(kHead) + "metadata: {name: a}\nspec:\n template:\n  spec:\n    containers:\n" +
                   "    - image: x\n" + std::string(container));
}

// Faults of a service whose template spec has these lines, from line 7 on and indented by four.
inline std::vector<std::string> spec_faults(std::string_view spec) {
  return faults_of(std::string(kHead) + "metadata: {name: a}\nspec:\n template:\n  spec:\n" + std::string(spec) +
                   "    containers: [{image: x}]\n");
}

inline std::vector<std::string> traffic_faults(std::string_view traffic) {
  return faults_of(std::string(kHead) + "metadata: {name: a}\nspec:\n template: {spec: {containers: [{image: x}]}}\n" +
                   " traffic: " + std::string(traffic) + "\n");
}

}  // namespace marea::model
