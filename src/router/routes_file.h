// The last routes in a file, so that a router that starts while control is down knows them. The file is replaced whole
// and durably (base/replace_file.h): what is acknowledged is on the disk. Its first line names its form; every form
// that a marea wrote is read for ever, because after an upgrade the file is all that there is until control has
// started.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "model/routes.h"

namespace marea::router {

// On failure the file is as it was, and nothing is left beside it.
base::Result<void> save_routes(const std::string& path, const model::Routes& routes);
// A broken one is an error, and the caller goes on without.
base::Result<model::Routes> load_routes(const std::string& path);

// The content of a file. `place` names it in errors.
std::string print_routes(const model::Routes& routes);
base::Result<model::Routes> parse_routes(std::string_view text, const std::string& place);

}  // namespace marea::router
