// Releases and their policies as rows and pairs, for cli_view.cc.
#pragma once

#include "app/cli_view.h"

namespace marea::app {

View releases_view();
View release_policies_view();

}  // namespace marea::app
