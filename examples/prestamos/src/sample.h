// A few customers and loans in every state, so that a new desk is not an empty page. Invented, the same in each store.
#pragma once

#include "store.h"

namespace prestamos {

void add_sample(Store& store, Instant now);

}  // namespace prestamos
