#include "model/mixed_manifest.h"

#include <utility>

#include "model/readers.h"
#include "model/release_readers.h"
#include "model/tree.h"

namespace marea::model {

ManifestKind kind_of_object(const Json& object) {
  const auto kind = object.is_object() ? object.find("kind") : object.end();
  if (kind == object.end()) return ManifestKind::service;
  if (*kind == "ReleasePolicy") return ManifestKind::release_policy;
  return *kind == "Experiment" ? ManifestKind::experiment : ManifestKind::service;
}

namespace {

MixedDocument read_object(Findings& findings, const Node& node) {
  MixedDocument out{.kind = kind_of_object(*node.value), .name = {}, .document = *node.value, .notices = {}};
  switch (out.kind) {
    case ManifestKind::release_policy: out.name = read_release_policy_object(findings, node).name; break;
    case ManifestKind::experiment: out.name = read_experiment_object(findings, node).spec.name; break;
    case ManifestKind::service: out.name = read_service(findings, node).name.str(); break;
  }
  out.notices = findings.take_notices();
  return out;
}

}  // namespace

std::expected<std::vector<MixedDocument>, Faults> parse_mixed(std::string_view text) {
  Documents documents = read_documents(text);
  Findings findings;
  if (documents.trees.empty() && documents.faults.empty()) {
    documents.faults = {{1, 1, {}, "is empty: an object begins with apiVersion and kind, such as Service"}};
  }
  findings.add(std::move(documents.faults));
  std::vector<MixedDocument> out;
  for (const Tree& tree : documents.trees) {
    for (const Node& node : objects_in(findings, Node{&tree.value, &tree.place, {}})) {
      out.push_back(read_object(findings, node));
    }
  }
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  return out;
}

}  // namespace marea::model
