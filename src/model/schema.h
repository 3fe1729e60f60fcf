// Of what type the fields of a manifest are, for those who describe it to other programs (OpenAPI). Which fields there
// are, and what marea does with each, is said in one place: shapes.h. A field that is not listed here may hold
// anything.
#pragma once

#include <span>
#include <string_view>

#include "model/shapes.h"

namespace marea::model {

enum class FieldType { anything, text, integer, number, boolean, texts, text_map, object, objects };

struct TypedField {
  ObjectKind of = ObjectKind::service;
  std::string_view name;
  FieldType type = FieldType::anything;
  ObjectKind holds = ObjectKind::service;  // of object and objects
  std::string_view about = {};             // a sentence; empty: its name says it
};

std::span<const TypedField> typed_fields();
const TypedField* typed_field(ObjectKind kind, std::string_view name);

// "Service", "RevisionSpec": what the kind of object is called where types have names.
std::string_view type_name(ObjectKind kind);

}  // namespace marea::model
