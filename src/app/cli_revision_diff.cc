#include "app/cli_revision_diff.h"

#include <fmt/format.h>

#include "app/cli_manifest.h"

namespace marea::app {

std::string source_of_revision(const Json& revision, std::string_view modified) {
  constexpr std::size_t kShown = 12;
  const auto at = [&](const char* key) { return text_at(revision, {"metadata", "annotations", key}); };
  std::string out = at(kSourceCommit).substr(0, kShown);
  if (out.empty()) return out;
  std::string more = at(kSourceBranch);
  if (at(kSourceModified) == "true") more += fmt::format("{}{}", more.empty() ? "" : ", ", modified);
  return more.empty() ? out : fmt::format("{} ({})", out, more);
}

std::vector<Difference> differences(const Json& before, const Json& after) {
  return model::differences(model::revision_fields(before), model::revision_fields(after));
}

}  // namespace marea::app
