// Everything that can be asked of control, as one closed list. The API, tests and control's own timers use the same
// values; there is no other door. Reading is not a command: control's state is read directly (control/control.h).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/strong_id.h"
#include "decide/release.h"
#include "model/experiment.h"
#include "model/manifest.h"
#include "store/records.h"

namespace marea::control {

struct ApplyService {
  model::ServiceDocument document;
  bool must_be_new = false;                        // refuse when it exists
  std::optional<std::uint64_t> expected_version;   // refuse when the service was changed after this resourceVersion
  std::optional<model::Json> managed_fields = {};  // metadata.managedFields from now on; else they stay as they are
  bool dry_run = false;                            // say what would be, and leave everything as it is
  std::string who = {};                            // asks for it; for the history
};
struct DeleteService {  // done when the router routes without it
  base::ServiceName name;
  std::string who = {};
};
struct DeleteRevision {
  base::RevisionName name;
};
struct DeleteInstance {
  base::InstanceId id;
};
struct NameImage {  // done when it is unpacked
  std::string name;
  std::string digest;
};
struct BuildImage {  // done when it is built and unpacked
  std::string name;
  std::string dockerfile;
  std::string context;  // directory that holds the packed context; stays until the command is done
};

struct DeleteImages {  // done when their files are gone
  std::string name;    // empty: every image that no revision uses, and what is left of interrupted uploads
};
struct DeleteBuilds {};  // buildah's cache; done when it is empty

// A person's word on the newest release of a service.
struct MoveRelease {
  base::ServiceName service;
  decide::OperatorCommand command;
  std::string release = {};  // refuse when it is not the newest; empty: whichever that is
};
// A person's answer to an open gate of a release, which is the newest of the service.
struct AnswerGate {
  base::ServiceName service;
  std::string release;
  std::string gate;
  bool passed = false;
  std::string detail;
  std::string who;
};
// All requests back, in one publication: a release that runs is aborted; else what is named, or the last known stable
// revision (control/rollback.h), gets them.
struct RollBack {
  base::ServiceName service;
  base::RevisionName revision = {};
  std::string reason;
  std::string who;
};
struct PutReleasePolicy {
  model::ReleasePolicyDocument document;
  bool must_be_new = false;                        // refuse when it exists
  std::optional<model::Json> managed_fields = {};  // as of ApplyService
  bool dry_run = false;
};
struct DeleteReleasePolicy {
  std::string name;
};

struct PutExperiment {
  model::ExperimentDocument document;
  bool must_be_new = false;                        // refuse when it exists
  std::optional<model::Json> managed_fields = {};  // as of ApplyService
  bool dry_run = false;                            // say what would be, and leave everything as it is
  std::string who = {};
};
struct EndExperiment {
  std::string name;
  std::string who;
  std::string reason;
  std::string promote = {};  // an arm: its revision gets all requests, by spec.traffic; empty: what that says now
};
struct DeleteExperiment {  // it ends, and what it counted goes
  std::string name;
  std::string who = {};
};

using Command = std::variant<ApplyService, DeleteService, DeleteRevision, DeleteInstance, NameImage, BuildImage,
                             DeleteImages, DeleteBuilds, MoveRelease, AnswerGate, RollBack, PutReleasePolicy,
                             DeleteReleasePolicy, PutExperiment, EndExperiment, DeleteExperiment>;

struct Applied {
  base::ServiceName name;
  bool created = false;
  std::vector<model::Fault> notices;
  std::optional<store::ServiceRecord> would_be = {};  // of a dry run
};
struct Deleted {
  std::string kind;  // "services", "revisions", "instances"
  std::string name;
  std::string uid;
};
struct ImageReady {
  std::string name;
  std::string digest;
  std::int64_t bytes = 0;
};

struct Freed {
  std::vector<std::string> names;  // images that went
  std::int64_t bytes = 0;
};

struct ReleaseMoved {
  std::string id;
};
struct RolledBack {
  base::ServiceName service;
  base::RevisionName from;
  base::RevisionName to;
  std::string release;      // whose history has it; empty: the service has none
  bool by_traffic = false;  // spec.traffic names `to` now, and so keeps later deploys from getting requests
};
struct PolicyPut {
  std::string name;
  bool created = false;
  std::vector<model::Fault> notices;
  std::optional<store::ReleasePolicyRecord> would_be = {};  // of a dry run
};

struct ExperimentPut {  // or ended
  std::string name;
  bool created = false;
  std::vector<model::Fault> notices;
  std::optional<store::ExperimentRecord> would_be = {};  // of a dry run
};

using Outcome = std::variant<Applied, Deleted, ImageReady, Freed, ReleaseMoved, RolledBack, PolicyPut, ExperimentPut>;

// Why a command was not carried out; faults when the document is to blame.
struct Refusal {
  base::Error error;
  model::Faults faults;
};

inline std::unexpected<Refusal> refuse(base::ErrorCode code, std::string what, std::string why = {},
                                       std::string remedy = {}) {
  return std::unexpected<Refusal>(
      Refusal{.error = {.code = code, .what = std::move(what), .why = std::move(why), .remedy = std::move(remedy)},
              .faults = {}});
}

}  // namespace marea::control
