// Times as people write them in annotations: "30s", "1m30s", "500ms", or whole seconds, "30"; as Knative (Go) and as
// Cloud Run write them.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace marea::model {

// 0 to `most`; nothing where it is no such time.
std::optional<base::Duration> parse_duration(std::string_view text, base::Duration most);

}  // namespace marea::model
