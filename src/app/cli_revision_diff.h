// What people read of a revision beside its own fields, and what differs between two. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/cli_output.h"
#include "model/document_fields.h"

namespace marea::app {

// "1f2e3d4c5b6a (main, modified)"; empty: unknown. `modified` is the word for it.
std::string source_of_revision(const Json& revision, std::string_view modified);

using model::Difference;

// Of two Revisions as the API shows them: model/document_fields.h.
std::vector<Difference> differences(const Json& before, const Json& after);

}  // namespace marea::app
