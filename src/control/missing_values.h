// What a revision needs of secrets and config maps, which this platform does not hold yet: such a revision cannot be
// ready, and says which value is missing, where it is used and what to do. What is marked `optional: true` is left out.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/deploy_check.h"
#include "model/revision.h"

namespace marea::control {

inline constexpr std::size_t kMostNamedValues = 10;  // of a message; the others are counted

struct MissingValue {
  model::SourceKind kind = model::SourceKind::secret;
  std::string name;   // as the manifest has it, which may be an alias of run.googleapis.com/secrets
  std::string key;    // empty: all of them
  std::string place;  // "the variable DB of container app", "the files under /etc/loans of container app"
  friend bool operator==(const MissingValue&, const MissingValue&) = default;
};

// In the order of the manifest: per container its variables, then its volumes.
std::vector<MissingValue> missing_values(const model::Template& spec);

// Nothing when none is missing.
std::optional<Failure> describe_missing_values(const model::Revision& revision);

}  // namespace marea::control
