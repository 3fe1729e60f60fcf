// What Cloud Run and Knative know: per kind of object its fields, and what marea does with each. One table, so that
// "unknown", "kept with a notice" and "blocks" are decided in one place and docs/manifest.md can be held against it.
// Sources: Cloud Run's v1 API reference, Knative Serving's specification 1.0 and its allow-list of Kubernetes fields;
// marea's own kinds are described in docs/releases.md.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "model/findings.h"

namespace marea::model {

enum class Treatment {
  acts,    // marea does what it says
  record,  // written by servers or tools, or without effect by nature: kept, not worth a word
  notice,  // known elsewhere, kept, marea does not act on it yet
  blocks,  // the service cannot be right without it: a fault while it has a value
};

struct Field {
  std::string_view name;
  Treatment treatment = Treatment::acts;
  std::string_view note = {};  // ends a notice or a fault
};

// The kinds of object in a manifest, in the order of the table.
enum class ObjectKind {
  service,
  metadata,
  service_spec,
  traffic,
  revision_template,
  revision_spec,
  pod_security,
  container,
  port,
  env,
  resources,
  limits,
  security,
  probe,
  http_get,
  tcp_socket,
  header,
  grpc,
  env_source,
  key_reference,
  env_from,
  source_reference,
  volume,
  empty_dir,
  volume_source,
  volume_item,
  projected,
  projection,
  volume_mount,
  // marea.dev/v1
  release_policy,
  release_policy_spec,
  ladder_step,
  release_tolerance,
  release_objectives,
  release_hold,
  release_gate,
  release_secret,
  release_notification,
  release_rollback,
  release,
  release_spec,
  experiment,
  experiment_spec,
  experiment_arm,
  experiment_customers,
  experiment_segment,
  experiment_condition,
  experiment_conversion,
  experiment_measure,
  experiment_guardrail,
  experiment_consent,
};

inline constexpr std::size_t kObjectKinds = static_cast<std::size_t>(ObjectKind::experiment_consent) + 1;
// Those before it make up a Service; the others are marea's own.
inline constexpr ObjectKind kFirstOwnKind = ObjectKind::release_policy;

std::span<const Field> fields_of(ObjectKind kind);

// Compares each member with the fields of the kind; false when `node` is no object at all.
bool check_fields(Findings& findings, const Node& node, ObjectKind kind);

// The notice or the fault for one known name that has a value.
void apply_treatment(Findings& findings, const Node& node, Treatment treatment, std::string_view note);

}  // namespace marea::model
