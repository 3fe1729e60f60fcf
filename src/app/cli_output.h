// What a verb prints on stdout: the same objects as a table for people, as JSON or YAML for programs, or as bare names
// for shells. JSON and YAML are the API's own objects, unchanged. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/manifest.h"

namespace marea::app {

using Json = model::Json;

enum class Format { table, json, yaml, name };
std::optional<Format> format_from(std::string_view text);

// Columns that a text takes: code points, which is right for the names, states and sentences here.
std::size_t width_of(std::string_view text);

// Columns as wide as their widest cell, two spaces between them, no space at the end of a line; an empty cell is "-".
std::string print_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

// "Key:  value" lines; an entry without a value is left out.
std::string print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs);

// For Format::json and Format::yaml, with the final newline.
std::string print_value(const Json& value, Format format);

// The member at a path of keys ("status", "url"), or nothing when any of them is not there.
const Json* find(const Json& value, std::initializer_list<std::string_view> path);

// The same as text: strings as they are, numbers and booleans in JSON's form, all else empty.
std::string text_at(const Json& value, std::initializer_list<std::string_view> path);

}  // namespace marea::app
