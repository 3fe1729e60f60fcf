#include "control/apply.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace marea::control {
namespace {

constexpr const char* kRevisionNamePath = "spec.template.metadata.name";

// Members of an object compare without regard to their order.
bool same_spec(const model::Json& a, const model::Json& b) {
  const auto spec = [](const model::Json& document) {
    return document.contains("spec") ? nlohmann::json(document.at("spec")) : nlohmann::json();
  };
  return spec(a) == spec(b);
}

bool same_template(const model::Json& a, const model::Json& b) {
  const auto part = [](const model::Json& document) {
    const bool has = document.contains("spec") && document.at("spec").contains("template");
    return has ? nlohmann::json(document.at("spec").at("template")) : nlohmann::json();
  };
  return part(a) == part(b);
}

std::string text_of(const model::Json& document) {
  return document.dump(-1, ' ', false, model::Json::error_handler_t::replace);
}

model::Json json_of(const std::string& text) {
  return model::Json::parse(text, nullptr, false);
}

std::string generated_name(const std::string& service, int generation, const std::string& suffix) {
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "-%05d-", generation);
  return service + number.data() + suffix;
}

std::expected<void, Refusal> check_state(const ApplyService& command, const ApplyInput& input) {
  const std::string& name = command.document.service.name.str();
  if (input.service == nullptr) {
    if (command.expected_version) {
      return refuse(base::ErrorCode::conflict, "cannot replace service " + name, "it does not exist (any more)",
                    "Remove metadata.resourceVersion to create it");
    }
    return {};
  }
  if (command.must_be_new) {
    return refuse(base::ErrorCode::already_exists, "services.serving.knative.dev \"" + name + "\" already exists", {},
                  "Replace it with PUT, or with: marea apply");
  }
  if (input.service->deleting) {
    return refuse(base::ErrorCode::conflict, "cannot change service " + name, "it is being deleted",
                  "Try again in a moment");
  }
  // A version between the last change and now is that of a reader who saw its status move on meanwhile.
  const std::uint64_t expected = command.expected_version.value_or(input.service->resource_version);
  if (expected < input.service->resource_version || expected > input.newest_version) {
    return refuse(base::ErrorCode::conflict, "cannot replace service " + name,
                  "it was changed since it was read: resourceVersion " + std::to_string(expected) +
                      " is older than its last change " + std::to_string(input.service->resource_version),
                  "Read it again and apply your change to what you get");
  }
  return {};
}

std::expected<void, Refusal> check_new_name(const model::Template& wanted, const ApplyInput& input) {
  const std::string& name = wanted.revision_name;
  if (name.empty()) return {};
  const bool ours =
      std::ranges::any_of(input.revisions, [&](const auto* record) { return record->revision.name.str() == name; });
  if (!ours && !input.name_taken) return {};
  Refusal refusal;
  refusal.error = {.code = base::ErrorCode::manifest_invalid, .what = "the manifest has faults"};
  refusal.faults.push_back({.path = kRevisionNamePath,
                            .message = "revision " + name + " exists with another template, and revisions never " +
                                       "change; choose another name, or remove it and marea names the revision"});
  return std::unexpected<Refusal>(std::move(refusal));
}

// A newer deploy takes the place of one that is not decided yet.
void supersede(ApplyDecision& out, const ApplyInput& input, const std::string& by) {
  for (const store::RevisionRecord* old : input.revisions) {
    if (old->result != store::RevisionResult::pending) continue;
    store::RevisionRecord changed = *old;
    changed.result = store::RevisionResult::failed;
    changed.reason = model::Reason::superseded;
    changed.code = base::ErrorCode::conflict;
    changed.message = old->revision.name.str() + ": " + by + " took its place before it was ready.";
    changed.decided_unix_ns = input.now_unix_ns;
    out.revisions.push_back(std::move(changed));
  }
}

void retry(ApplyDecision& out, const store::RevisionRecord& failed) {
  store::RevisionRecord again = failed;
  again.result = store::RevisionResult::pending;
  again.reason = model::Reason::none;
  again.message.clear();
  again.decided_unix_ns = 0;
  out.revisions.push_back(std::move(again));
  out.changed = true;
}

}  // namespace

std::optional<model::StickyRule> sticky_of(const model::Service& service) {
  const auto said = service.annotations.find("marea.dev/sticky");
  if (said == service.annotations.end()) return std::nullopt;
  const auto rule = model::parse_sticky(said->second);
  return rule ? std::optional(*rule) : std::nullopt;
}

bool says_sticky(const store::ReleasePolicyRecord& policy) {
  const model::Json document = model::Json::parse(policy.document, nullptr, false);
  const auto spec = document.find("spec");
  return spec != document.end() && spec->contains("sticky");
}

const model::Json* managed_fields(const model::Json& document) {
  if (!document.contains("metadata") || !document.at("metadata").contains("managedFields")) return nullptr;
  return &document.at("metadata").at("managedFields");
}

void set_managed_fields(model::Json& document, const model::Json* fields) {
  if (fields != nullptr && fields->is_array() && !fields->empty()) document["metadata"]["managedFields"] = *fields;
}

model::Json stored_form(model::Json document) {
  document.erase("status");
  if (document.contains("metadata") && document["metadata"].is_object()) {
    for (const char* member : {"namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
                               "deletionTimestamp", "selfLink", "managedFields"}) {
      document["metadata"].erase(member);
    }
  }
  return document;
}

// Whether a name of an image leads to another digest than the revision was made with.
bool leads_elsewhere(const model::Revision& revision, const ApplyInput& input) {
  const auto differs = [](const std::string& before, const std::string& now) {
    return !before.empty() && !now.empty() && before != now;
  };
  bool out = differs(revision.image.digest, input.image_digest);
  for (std::size_t i = 0; i < std::min(revision.sidecar_images.size(), input.sidecar_digests.size()); ++i) {
    out = out || differs(revision.sidecar_images[i].digest, input.sidecar_digests[i]);
  }
  return out;
}

std::expected<ApplyDecision, Refusal> decide_apply(const ApplyService& command, const ApplyInput& input) {
  if (auto allowed = check_state(command, input); !allowed) return std::unexpected(std::move(allowed.error()));
  const model::Service& wanted = command.document.service;
  model::Json document = stored_form(command.document.document);
  const std::string text = text_of(document);
  ApplyDecision out{.notices = command.document.notices};
  out.created = input.service == nullptr;
  if (out.created) {
    out.service = {.uid = input.uid, .generation = 0, .created_unix_ns = input.now_unix_ns};
  } else {
    out.service = *input.service;
  }
  const store::RevisionRecord* newest = input.revisions.empty() ? nullptr : input.revisions.back();
  const model::Json before = out.created ? model::Json() : json_of(input.service->document);
  model::Json known = out.created ? model::Json() : stored_form(before);
  set_managed_fields(known, managed_fields(before));
  set_managed_fields(document, command.managed_fields ? &*command.managed_fields : managed_fields(before));
  const bool template_differs = out.created || newest == nullptr || !same_template(before, document) ||
                                input.service->service.revision_template != wanted.revision_template;
  bool rebuilt = !template_differs && leads_elsewhere(newest->revision, input);
  if (rebuilt && !wanted.revision_template.revision_name.empty()) {
    rebuilt = false;
    out.notices.push_back({.path = kRevisionNamePath,
                           .message = "the image name leads to another digest than revision " +
                                      newest->revision.name.str() + " runs; it keeps running it, because the " +
                                      "manifest fixes the revision's name"});
  }
  const bool new_revision = template_differs || rebuilt;
  if (new_revision || !same_spec(before, document)) ++out.service.generation;
  out.service.service = wanted;
  out.changed = new_revision || nlohmann::json(known) != nlohmann::json(document);
  if (out.changed) out.service.document = text_of(document);
  if (new_revision) {
    if (auto allowed = check_new_name(wanted.revision_template, input); !allowed) {
      return std::unexpected(std::move(allowed.error()));
    }
    const std::string& chosen = wanted.revision_template.revision_name;
    const std::string name =
        chosen.empty() ? generated_name(wanted.name.str(), out.service.generation, input.suffix) : chosen;
    supersede(out, input, name);
    store::RevisionRecord revision{.document = text, .uid = input.revision_uid};
    revision.revision = {.name = base::RevisionName(name),
                         .service = wanted.name,
                         .generation = out.service.generation,
                         .created_unix_ns = input.now_unix_ns,
                         .spec = wanted.revision_template};
    out.revisions.push_back(std::move(revision));
  } else if (newest->result == store::RevisionResult::failed) {
    retry(out, *newest);
  }
  return out;
}

}  // namespace marea::control
