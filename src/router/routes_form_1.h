// The form of the routes file that the first marea wrote: model::Routes as it was then, in the wire form of then.
// Frozen.
#pragma once

#include <optional>
#include <string_view>

#include "model/routes.h"

namespace marea::router {

std::optional<model::Routes> read_routes_form_1(std::string_view bytes);

}  // namespace marea::router
