#include "api/protobuf.h"

#include <array>
#include <cstdint>
#include <string_view>

#include "model/manifest.h"

namespace marea::api {
namespace {

// One message, written field by field: a varint of number and wire type, then the value
// (protobuf.dev/programming-guides/encoding).
class Message {
 public:
  void text(unsigned field, std::string_view value) {
    constexpr unsigned kLengthDelimited = 2;
    varint(field << 3U | kLengthDelimited);
    varint(value.size());
    bytes_ += value;
  }
  void message(unsigned field, const Message& value) { text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    constexpr unsigned kBits = 7;
    for (; value >= 1U << kBits; value >>= kBits) bytes_ += static_cast<char>((value & 0x7FU) | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

std::string string_at(const Json& object, const char* name) {
  return object.contains(name) ? object[name].get<std::string>() : std::string();
}

// NamedSchema, NamedPathItem and NamedAny alike: 1 name, 2 value.
Message named(std::string_view name, const Message& value) {
  Message out;
  out.text(1, name);
  out.message(2, value);
  return out;
}

// What begins with "x-": 1 name, 2 value of Any, whose 2 is YAML.
void add_extensions(Message& out, unsigned field, const Json& object) {
  for (const auto& [name, value] : object.items()) {
    if (!name.starts_with("x-")) continue;
    Message any;
    any.text(2, model::print_yaml(value));
    out.message(field, named(name, any));
  }
}

Message schema_message(const Json& schema) {
  Message out;
  if (schema.contains("$ref")) out.text(1, string_at(schema, "$ref"));
  if (schema.contains("format")) out.text(2, string_at(schema, "format"));
  if (schema.contains("description")) out.text(4, string_at(schema, "description"));
  if (schema.contains("additionalProperties")) {
    Message item;
    item.message(1, schema_message(schema["additionalProperties"]));
    out.message(21, item);
  }
  if (schema.contains("type")) {
    Message type;
    type.text(1, string_at(schema, "type"));
    out.message(22, type);
  }
  if (schema.contains("items")) {
    Message items;
    items.message(1, schema_message(schema["items"]));
    out.message(23, items);
  }
  if (schema.contains("properties")) {
    Message properties;
    for (const auto& [name, property] : schema["properties"].items()) {
      properties.message(1, named(name, schema_message(property)));
    }
    out.message(25, properties);
  }
  add_extensions(out, 31, schema);
  return out;
}

Message operation_message(const Json& operation) {
  Message out;
  for (const Json& parameter : operation["parameters"]) {
    Message query;  // QueryParameterSubSchema
    query.text(2, string_at(parameter, "in"));
    query.text(4, string_at(parameter, "name"));
    query.text(6, string_at(parameter, "type"));
    Message non_body;
    non_body.message(3, query);
    Message either;
    either.message(2, non_body);
    Message item;
    item.message(1, either);
    out.message(8, item);
  }
  out.message(9, Message());
  add_extensions(out, 13, operation);
  return out;
}

Message path_message(const Json& path) {
  Message out;
  constexpr std::array kMethods = {"get", "put", "post", "delete", "options", "head", "patch"};
  unsigned field = 2;
  for (const char* method : kMethods) {
    if (path.contains(method)) out.message(field, operation_message(path[method]));
    ++field;
  }
  return out;
}

}  // namespace

std::string swagger_protobuf(const Json& document) {
  Message out;
  out.text(1, string_at(document, "swagger"));
  Message information;
  information.text(1, string_at(document["info"], "title"));
  information.text(2, string_at(document["info"], "version"));
  out.message(2, information);
  Message paths;
  for (const auto& [name, path] : document["paths"].items()) paths.message(2, named(name, path_message(path)));
  out.message(8, paths);
  Message definitions;
  for (const auto& [name, schema] : document["definitions"].items()) {
    definitions.message(1, named(name, schema_message(schema)));
  }
  out.message(9, definitions);
  return out.bytes();
}

}  // namespace marea::api
