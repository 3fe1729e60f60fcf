// What a plain (unquoted) YAML scalar means: exactly what Kubernetes' reader makes of it, so that a manifest means the
// same here and there. That reader (sigs.k8s.io/yaml over go-yaml 2) follows YAML 1.1: yes, on and y are true, 0777 is
// octal, 1_000 is a number, dates stay text. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/manifest.h"

namespace marea::model {

// Null, boolean, number or text.
Json resolve_plain(std::string_view text);

// A scalar with an explicit tag (tag:yaml.org,2002:int and its like); nothing when the tag is unknown or the text does
// not fit it.
std::optional<Json> resolve_tagged(std::string_view tag, std::string_view text);

// The name of a member from a plain scalar: booleans and numbers become their text, as Kubernetes' reader does. Nothing
// for null.
std::optional<std::string> resolve_key(std::string_view text);

}  // namespace marea::model
