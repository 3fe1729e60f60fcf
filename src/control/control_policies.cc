// Policies of releases: kept by name, beside the services that name them.
#include <string>
#include <utility>
#include <vector>

#include "control/apply.h"
#include "control/control.h"

namespace marea::control {

std::expected<Outcome, Refusal> Control::run(const PutReleasePolicy& command) {
  const model::ReleasePolicyDocument& document = command.document;
  const auto known = policies_.find(document.name);
  if (command.must_be_new && known != policies_.end()) {
    return control::refuse(base::ErrorCode::already_exists,
                           "releasepolicies.marea.dev \"" + document.name + "\" already exists", {},
                           "Replace it with PUT, or with: marea apply");
  }
  if (known == policies_.end() && policies_.size() >= kMostReleasePolicies) {
    return control::refuse(base::ErrorCode::too_large, "cannot create release policy " + document.name,
                           "there are " + std::to_string(kMostReleasePolicies) + " already", "Delete one first");
  }
  Refusal refusal;
  const auto check = [&](const model::SecretKey& secret, const std::string& list, std::size_t index) {
    if (secret.name.empty() && secret.key.empty()) return;
    refusal.faults.push_back({.path = "spec." + list + "[" + std::to_string(index) + "].secretKeyRef",
                              .message = "this platform holds no secrets yet; without secretKeyRef requests are signed "
                                         "with its own key, which GET /apis/marea.dev/v1/webhook-key shows"});
  };
  for (std::size_t i = 0; i < document.policy.gates.size(); ++i) check(document.policy.gates[i].secret, "gates", i);
  for (std::size_t i = 0; i < document.policy.notifications.size(); ++i) {
    check(document.policy.notifications[i].secret, "notifications", i);
  }
  if (!refusal.faults.empty()) {
    refusal.error = {.code = base::ErrorCode::manifest_invalid, .what = "the release policy has faults"};
    return std::unexpected<Refusal>(std::move(refusal));
  }
  model::Json stored = stored_form(document.document);
  const bool created = known == policies_.end();
  const model::Json before = created ? model::Json() : model::Json::parse(known->second.document, nullptr, false);
  if (command.managed_fields) {
    set_managed_fields(stored, &*command.managed_fields);
  } else {
    set_managed_fields(stored, managed_fields(before));
  }
  store::ReleasePolicyRecord record{.name = document.name,
                                    .policy = document.policy,
                                    .document = stored.dump(-1, ' ', false, model::Json::error_handler_t::replace),
                                    .created_unix_ns = loop_.clock().wall().unix_ns};
  if (!created) record.created_unix_ns = known->second.created_unix_ns;
  PolicyPut out{.name = document.name, .created = created, .notices = document.notices};
  if (command.dry_run) {
    out.would_be = std::move(record);
    return out;
  }
  if (!created && known->second == record) return out;
  std::vector<store::Change> changes{record};
  if (auto done = commit(changes); !done) {
    return std::unexpected<Refusal>(Refusal{.error = std::move(done.error()), .faults = {}});
  }
  policies_[document.name] = std::move(record);
  changed({});
  return out;
}

std::expected<Outcome, Refusal> Control::run(const DeleteReleasePolicy& command) {
  const auto known = policies_.find(command.name);
  if (known == policies_.end()) {
    return control::refuse(base::ErrorCode::not_found, "releasepolicies.marea.dev \"" + command.name + "\" not found");
  }
  for (const auto& [name, service] : services_) {
    if (service.record.service.release_policy != command.name) continue;
    return control::refuse(base::ErrorCode::conflict, "cannot delete release policy " + command.name,
                           "service " + name.str() + " names it", "Change marea.dev/release-policy there first");
  }
  std::vector<store::Change> changes{store::DropReleasePolicy{.name = command.name}};
  if (auto done = commit(changes); !done) {
    return std::unexpected<Refusal>(Refusal{.error = std::move(done.error()), .faults = {}});
  }
  policies_.erase(known);
  changed({});
  return Deleted{.kind = "releasepolicies", .name = command.name, .uid = {}};
}

}  // namespace marea::control
