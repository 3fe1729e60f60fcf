#include "model/schema.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace marea::model {
namespace {

TEST(SchemaTest, every_typed_field_is_one_of_its_object_and_is_there_once) {
  for (const TypedField& one : typed_fields()) {
    const auto fields = fields_of(one.of);
    EXPECT_NE(std::ranges::find(fields, one.name, &Field::name), fields.end()) << type_name(one.of) << "." << one.name;
    EXPECT_EQ(typed_field(one.of, one.name), &one) << one.name;
  }
}

TEST(SchemaTest, every_kind_of_object_can_be_reached_from_a_whole_document) {
  std::vector<ObjectKind> reached = {ObjectKind::service, ObjectKind::release_policy, ObjectKind::release,
                                     ObjectKind::experiment};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    for (const TypedField& one : typed_fields()) {
      const bool nested = one.type == FieldType::object || one.type == FieldType::objects;
      if (nested && one.of == reached[i] && std::ranges::find(reached, one.holds) == reached.end()) {
        reached.push_back(one.holds);
      }
    }
  }
  EXPECT_EQ(reached.size(), kObjectKinds);
}

}  // namespace
}  // namespace marea::model
