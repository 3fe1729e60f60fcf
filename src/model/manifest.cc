#include "model/manifest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/readers.h"
#include "model/tree.h"

namespace marea::model {
namespace {

constexpr std::array<std::string_view, 3> kLists = {"List", "ServiceList", "ReleasePolicyList"};

// Annotations of the template that were kept before they were acted on.
constexpr std::array<std::string_view, 5> kOnceKeptAnnotations = {
    "run.googleapis.com/container-dependencies", "run.googleapis.com/cpu-throttling", "run.googleapis.com/secrets",
    "run.googleapis.com/sessionAffinity", "run.googleapis.com/startup-cpu-boost"};

// A fault of the member or of something in it.
bool has_fault(const Faults& faults, const std::string& path) {
  return std::ranges::any_of(faults, [&](const Fault& fault) {
    if (!fault.path.starts_with(path)) return false;
    const std::string_view rest = std::string_view(fault.path).substr(path.size());
    return rest.empty() || rest.front() == '.' || rest.front() == '[';
  });
}

bool leave_out(Json& owner, const std::string& owner_path, std::string_view name, const Faults& faults) {
  if (!owner.is_object() || !has_fault(faults, member_path(owner_path, name))) return false;
  return owner.erase(std::string(name)) > 0;
}

// Takes out of a stored document what an earlier marea kept unread and is faulty. False: there is nothing of the kind.
bool leave_out_once_kept(Json& document, const Faults& faults) {
  const Json::json_pointer annotations("/spec/template/metadata/annotations");
  const Json::json_pointer containers("/spec/template/spec/containers");
  bool changed = false;
  if (document.contains(annotations)) {
    for (const std::string_view name : kOnceKeptAnnotations) {
      changed |= leave_out(document[annotations], "spec.template.metadata.annotations", name, faults);
    }
  }
  if (!document.contains(containers) || !document[containers].is_array()) return changed;
  std::size_t index = 0;
  for (Json& container : document[containers]) {
    const std::string path = element_path("spec.template.spec.containers", index++);
    changed |= leave_out(container, path, "readinessProbe", faults);
    for (const char* probe : {"startupProbe", "livenessProbe"}) {
      if (!container.is_object() || !container.contains(probe)) continue;
      changed |= leave_out(container[probe], member_path(path, probe), "successThreshold", faults);
    }
  }
  return changed;
}

}  // namespace

std::string to_string(const Fault& fault) {
  std::string out;
  if (fault.line > 0) out += "line " + std::to_string(fault.line) + ": ";
  if (!fault.path.empty()) out += fault.path + ": ";
  return out + fault.message;
}

std::vector<Node> objects_in(Findings& findings, const Node& node) {
  const auto kind = node.value->is_object() ? node.value->find("kind") : node.value->end();
  const auto* word = kind == node.value->end() ? nullptr : kind->get_ptr<const std::string*>();
  if (word == nullptr || std::ranges::find(kLists, *word) == kLists.end()) return {node};
  const auto items = node.member("items");
  if (!items || !findings.is_list(*items)) return {};
  if (items->value->size() <= kMostDocuments) return items->elements();
  findings.fault(*items, "must have at most " + std::to_string(kMostDocuments) + " objects");
  return {};
}

std::expected<std::vector<ServiceDocument>, Faults> parse_manifests(std::string_view text) {
  Documents documents = read_documents(text);
  Findings findings;
  if (documents.trees.empty() && documents.faults.empty()) {
    documents.faults = {
        {1, 1, {}, "is empty: a manifest begins with apiVersion: serving.knative.dev/v1 and kind: Service"}};
  }
  findings.add(std::move(documents.faults));
  std::vector<ServiceDocument> out;
  for (const Tree& tree : documents.trees) {
    for (const Node& node : objects_in(findings, Node{&tree.value, &tree.place, {}})) {
      Service service = read_service(findings, node);
      out.push_back({std::move(service), *node.value, findings.take_notices()});
    }
  }
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  return out;
}

std::expected<ServiceDocument, Faults> parse_service(Json document) {
  if (auto fault = size_fault(document)) return std::unexpected(Faults{*std::move(fault)});
  Findings findings;
  Service service = read_service(findings, Node{&document, nullptr, {}});
  if (findings.has_faults()) return std::unexpected(findings.take_faults());
  std::vector<Fault> notices = findings.take_notices();
  return ServiceDocument{std::move(service), std::move(document), std::move(notices)};
}

std::expected<ServiceDocument, Faults> parse_stored(Json document) {
  Faults left_out;
  Json readable = document;
  for (;;) {  // each round takes something out
    auto parsed = parse_service(readable);
    if (parsed) {
      parsed->document = std::move(document);
      parsed->notices.insert(parsed->notices.end(), left_out.begin(), left_out.end());
      return parsed;
    }
    if (!leave_out_once_kept(readable, parsed.error())) return parsed;
    left_out.insert(left_out.end(), parsed.error().begin(), parsed.error().end());
  }
}

}  // namespace marea::model
