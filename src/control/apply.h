// What an applied document changes: the rows to write, decided without writing them. Pure.
//
// A new revision is made when the template differs, or when the name of the image leads to another digest than the
// newest revision runs (a rebuilt image is deployed by applying the same manifest). A document that changes nothing
// makes nothing, except that a newest revision that failed is tried again.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>

#include "control/command.h"
#include "store/records.h"

namespace marea::control {

// Cloud Run keeps 1,000; each costs a few kB of memory here. The oldest without traffic make room.
inline constexpr std::size_t kMostRevisionsPerService = 200;
inline constexpr std::size_t kMostServices = 20'000;  // twice the size that the numbers are measured at

struct ApplyInput {
  const store::ServiceRecord* service = nullptr;      // null: it does not exist
  std::span<const store::RevisionRecord*> revisions;  // of this service, oldest first
  std::string image_digest;                           // to which the template's image name leads now; empty: to nothing
  std::vector<std::string> sidecar_digests;           // the same of each sidecar
  bool name_taken = false;  // a revision of another service has the name that the template asks for
  std::string uid;          // for a new service
  std::string revision_uid;
  std::string suffix;  // ends a generated revision name
  std::int64_t now_unix_ns = 0;
  std::uint64_t newest_version = UINT64_MAX;  // the highest resourceVersion that anybody can have seen
};

struct ApplyDecision {
  store::ServiceRecord service;
  std::vector<store::RevisionRecord> revisions;  // new or changed; the new one is last
  bool created = false;
  bool changed = false;  // false: nothing to write
  std::vector<model::Fault> notices;
};

std::expected<ApplyDecision, Refusal> decide_apply(const ApplyService& command, const ApplyInput& input);

// By what its users keep their arm, as marea.dev/sticky says; nothing: it does not say.
std::optional<model::StickyRule> sticky_of(const model::Service& service);
// Whether the policy's document says it, or only has the default.
bool says_sticky(const store::ReleasePolicyRecord& policy);

// Without status and what only the server writes (uid, resourceVersion, …), as it is stored.
model::Json stored_form(model::Json document);

// metadata.managedFields: kept beside what the user writes. Null when there is none.
const model::Json* managed_fields(const model::Json& document);
// Does nothing without a list that has something.
void set_managed_fields(model::Json& document, const model::Json* fields);

}  // namespace marea::control
