// model::ReleaseState ↔ JSON text, for the store alone. Values of enums are their words, unknown members are ignored
// and missing ones keep their defaults, so that an older or newer marea reads what another wrote.
#pragma once

#include <string>

#include "base/error.h"
#include "model/release.h"

namespace marea::store {

std::string release_state_to_text(const model::ReleaseState& state);
// The error has no place: the caller knows the row. A word that is not known here is one: a release must not go on from
// a phase that this marea takes for another.
base::Result<model::ReleaseState> release_state_from_text(const std::string& text);

// Nothing where the word is of no value.
bool read_word(const std::string& word, model::ReleaseActor& out);
bool read_word(const std::string& word, model::ReleaseEvent& out);

}  // namespace marea::store
