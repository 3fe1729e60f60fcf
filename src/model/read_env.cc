// env and envFrom of a container: values that the manifest has, and those that a secret or a config map gives.
#include <algorithm>
#include <array>
#include <set>

#include "model/names.h"
#include "model/readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

struct SourceField {
  std::string_view name;
  SourceKind kind;
};
constexpr std::array kKeyFields = {SourceField{"secretKeyRef", SourceKind::secret},
                                   SourceField{"configMapKeyRef", SourceKind::config}};
constexpr std::array kWholeFields = {SourceField{"secretRef", SourceKind::secret},
                                     SourceField{"configMapRef", SourceKind::config}};

bool read_optional(Findings& findings, const Node& reference) {
  const auto node = reference.member("optional");
  return node && findings.boolean(*node).value_or(false);
}

// `what` names the field's meaning where it is missing.
std::string read_source_word(Findings& findings, const Node& reference, std::string_view field, std::string_view what) {
  const auto node = reference.member(field);
  if (!node) {
    findings.missing(reference, field, what);
    return {};
  }
  const auto text = findings.text(*node);
  if (!text) return {};
  if (auto fault = source_name_fault(*text)) findings.fault(*node, *fault);
  return *text;
}

std::optional<EnvReference> read_value_from(Findings& findings, const Node& node) {
  if (!check_fields(findings, node, ObjectKind::env_source)) return std::nullopt;
  std::optional<EnvReference> out;
  for (const SourceField& field : kKeyFields) {
    const auto reference = node.member(field.name);
    if (!reference) continue;
    if (out) {
      findings.fault(*reference, "contradicts secretKeyRef; a value comes from one of them");
      continue;
    }
    if (!check_fields(findings, *reference, ObjectKind::key_reference)) return std::nullopt;
    const bool secret = field.kind == SourceKind::secret;
    out =
        EnvReference{.kind = field.kind,
                     .name = read_source_word(findings, *reference, "name",
                                              secret ? "the name of the secret" : "the name of the config map"),
                     .key = read_source_word(findings, *reference, "key",
                                             secret ? "the key in the secret; on Cloud Run its version, such as latest"
                                                    : "the key in the config map"),
                     .optional = read_optional(findings, *reference)};
  }
  const bool blocked = node.member("fieldRef") || node.member("resourceFieldRef");
  if (!out && !blocked) findings.fault(node, "must have secretKeyRef or configMapKeyRef");
  return out;
}

void read_variable(Findings& findings, const Node& variable, std::set<std::string>& names, Container& out) {
  if (!check_fields(findings, variable, ObjectKind::env)) return;
  const auto name = variable.member("name");
  const auto value = variable.member("value");
  const auto from = variable.member("valueFrom");
  if (!name) findings.missing(variable, "name", "the name of the variable");
  const auto name_text = name ? findings.text(*name) : std::nullopt;
  const auto value_text = value ? findings.text(*value) : std::string();
  if (value_text && value_text->size() > kMostEnvValueBytes) findings.fault(*value, "must have at most 32 KiB");
  auto reference = from ? read_value_from(findings, *from) : std::nullopt;
  if (from && value_text && !value_text->empty()) {
    findings.fault(*from, "contradicts value; a variable has one of them");
  }
  if (!name_text) return;
  if (auto fault = env_name_fault(*name_text)) findings.fault(*name, in_quotes(*name_text) + " " + *fault);
  if (!names.insert(*name_text).second) {
    findings.fault(*name, in_quotes(*name_text) + " is there twice; remove one of them");
  } else if (reference) {
    reference->variable = *name_text;
    out.env_references.push_back(*std::move(reference));
  } else if (value_text && !from) {
    out.env.emplace_back(*name_text, *value_text);
  }
}

void read_env_from(Findings& findings, const Node& node, Container& out) {
  if (!check_fields(findings, node, ObjectKind::env_from)) return;
  EnvReference reference;
  bool found = false;
  for (const SourceField& field : kWholeFields) {
    const auto source = node.member(field.name);
    if (!source) continue;
    if (found) findings.fault(*source, "contradicts secretRef; an element has one of them");
    if (found || !check_fields(findings, *source, ObjectKind::source_reference)) return;
    found = true;
    reference.kind = field.kind;
    reference.name =
        read_source_word(findings, *source, "name",
                         field.kind == SourceKind::secret ? "the name of the secret" : "the name of the config map");
    reference.optional = read_optional(findings, *source);
  }
  if (!found) findings.fault(node, "must have secretRef or configMapRef");
  if (const auto prefix = node.member("prefix")) {
    reference.variable = findings.text(*prefix).value_or("");
    const auto fault = reference.variable.empty() ? std::nullopt : env_name_fault(reference.variable);
    if (fault) findings.fault(*prefix, in_quotes(reference.variable) + " " + *fault);
  }
  if (found) out.env_references.push_back(std::move(reference));
}

}  // namespace

void read_environment(Findings& findings, const Node& container, Container& out) {
  if (const auto list = container.member("env"); list && findings.is_list(*list)) {
    if (list->value->size() > kMostEnv) {
      findings.fault(*list, "must have at most " + std::to_string(kMostEnv) + " variables");
    }
    std::set<std::string> names;
    for (const Node& variable : list->elements()) read_variable(findings, variable, names, out);
  }
  if (const auto list = container.member("envFrom"); list && findings.is_list(*list)) {
    if (list->value->size() > kMostEnvFrom) {
      findings.fault(*list, "must have at most " + std::to_string(kMostEnvFrom) + " elements");
    }
    for (const Node& element : list->elements()) read_env_from(findings, element, out);
  }
}

}  // namespace marea::model
