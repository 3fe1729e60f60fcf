#include "api/patches.h"

#include <gtest/gtest.h>

#include "api/field_owners.h"

namespace marea::api {
namespace {

std::string patched(const char* document, const char* patch) {
  Json value = Json::parse(document);
  const auto done = apply_json_patch(value, Json::parse(patch));
  return done ? value.dump() : "refused: " + done.error();
}

TEST(PatchesTest, every_operation_of_a_json_patch_does_what_rfc_6902_says) {
  struct Case {
    const char* document;
    const char* patch;
    const char* after;
  };
  const Case cases[] = {
      {R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/2","value":2}])",
       "refused: operation 0: its path is beyond the end of the list"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/00","value":2}])",
       "refused: operation 0: its path is beyond the end of the list"},
      {R"({"a":1})", R"([{"op":"add","path":"/b/c","value":2}])",
       "refused: operation 0: there is no map or list for its path"},
      {R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
      {R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/0"}])", R"({"a":[2]})"},
      {R"({})", R"([{"op":"remove","path":"/a"}])", "refused: operation 0: there is nothing at its path"},
      {R"({"a":1})", R"([{"op":"replace","path":"/a","value":{"b":1}}])", R"({"a":{"b":1}})"},
      {R"({})", R"([{"op":"replace","path":"/a","value":1}])", "refused: operation 0: there is nothing at its path"},
      {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a/b","path":"/c"}])", R"({"a":{},"c":1})"},
      {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/c"}])",
       "refused: operation 0: a value cannot be moved into itself"},
      {R"({"a":1})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":1,"b":1})"},
      {R"({"a/b":{"m~n":1}})", R"([{"op":"replace","path":"/a~1b/m~0n","value":2}])", R"({"a/b":{"m~n":2}})"},
      {R"({"a":{"b":1,"c":2}})", R"([{"op":"test","path":"/a","value":{"c":2,"b":1}}])", R"({"a":{"b":1,"c":2}})"},
      {R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])",
       "refused: operation 0: the value at its path is another"},
      {R"({"a":1})", R"([{"op":"add","path":"/b","value":2},{"op":"fly","path":"/b"}])",
       "refused: operation 1: there is no operation \"fly\""},
      {R"({"a":1})", R"([{"op":"add","path":"b","value":2}])",
       "refused: operation 0: it has no \"path\" that is a JSON pointer"},
      {R"({"a":1})", R"({"op":"add"})", "refused: a JSON patch is a list of operations"},
  };
  for (const Case& one : cases) EXPECT_EQ(patched(one.document, one.patch), one.after) << one.patch;
}

// As CVE-2019-1002100 did to Kubernetes: each copy doubles the document.
TEST(PatchesTest, copies_of_copies_end_at_a_bound) {
  Json patch = Json::array();
  for (int i = 0; i < 40; ++i) {
    patch.push_back({{"op", "copy"}, {"from", "/a"}, {"path", "/a/x" + std::to_string(i)}});
  }
  Json document = {{"a", {{"b", 1}}}};
  const auto done = apply_json_patch(document, patch);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().find("too large"), std::string::npos) << done.error();
}

TEST(PatchesTest, copies_of_a_large_text_end_at_a_bound) {
  Json patch = Json::array();
  for (int i = 0; i < 9; ++i) {
    patch.push_back({{"op", "copy"}, {"from", "/a"}, {"path", "/x" + std::to_string(i)}});
  }
  Json document = {{"a", std::string(kMostPatchedBytes / 8, 'x')}};
  const auto done = apply_json_patch(document, patch);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().find("too large"), std::string::npos) << done.error();
}

TEST(PatchesTest, copies_into_what_was_copied_do_not_go_deeper_than_a_document_may) {
  Json patch = Json::array();
  std::string path;
  for (int i = 0; i < model::kMostManifestDepth; ++i) {
    path += "/0";
    patch.push_back({{"op", "copy"}, {"from", "/1"}, {"path", path}});
  }
  Json document = Json::parse("[[],[]]");
  const auto done = apply_json_patch(document, patch);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().find("deeper than 64"), std::string::npos) << done.error();
  const std::string far = path + path;
  EXPECT_FALSE(apply_json_patch(document, Json::array({{{"op", "remove"}, {"path", far}}})));
}

TEST(PatchesTest, a_merge_patch_removes_what_is_null_and_replaces_lists) {
  Json document = Json::parse(R"({"a":{"b":1,"c":2},"l":[1,2],"s":"x"})");
  apply_merge_patch(document, Json::parse(R"({"a":{"b":null,"d":3},"l":[3],"s":{"n":null}})"));
  EXPECT_EQ(document.dump(), R"({"a":{"c":2,"d":3},"l":[3],"s":{}})");
}

class FieldOwnersTest : public testing::Test {
 protected:
  // The document after the apply, or the conflicts.
  std::string apply(const std::string& manager, const char* wanted, bool force = false) {
    auto done = apply_fields(live_, managed_, Json::parse(wanted), {.manager = manager, .time = "t", .force = force});
    if (!done) {
      std::string out = "conflict:";
      for (const FieldConflict& one : done.error()) out += " " + one.manager + one.path;
      return out;
    }
    live_ = done->document;
    managed_ = done->managed;
    return live_.dump();
  }
  Json live_;
  Json managed_;
};

TEST_F(FieldOwnersTest, who_applies_less_than_before_takes_back_what_nobody_else_wants) {
  EXPECT_EQ(apply("a", R"({"m":{"x":1,"y":2},"l":[1]})"), R"({"m":{"x":1,"y":2},"l":[1]})");
  EXPECT_EQ(apply("b", R"({"m":{"y":2}})"), R"({"m":{"x":1,"y":2},"l":[1]})");
  EXPECT_EQ(apply("a", R"({"l":[1]})"), R"({"m":{"y":2},"l":[1]})") << "b wants y";
  EXPECT_EQ(apply("b", R"({})"), R"({"l":[1]})") << "the empty map goes with its last member";
}

TEST_F(FieldOwnersTest, a_value_that_another_one_manages_is_a_conflict_unless_forced) {
  apply("a", R"({"m":{"x":1}})");
  EXPECT_EQ(apply("b", R"({"m":{"x":2}})"), "conflict: a.m.x");
  EXPECT_EQ(apply("b", R"({"m":{"x":1}})"), R"({"m":{"x":1}})") << "the same value is shared";
  EXPECT_EQ(apply("b", R"({"m":{"x":2}})", true), R"({"m":{"x":2}})");
  EXPECT_EQ(apply("a", R"({"m":{"x":1}})"), "conflict: b.m.x");
}

TEST_F(FieldOwnersTest, an_object_that_was_never_applied_belongs_to_who_made_it) {
  live_ = Json::parse(R"({"m":{"x":1}})");
  EXPECT_EQ(apply("a", R"({"m":{"x":2}})"), "conflict: before-first-apply.m.x");
  EXPECT_EQ(apply("a", R"({"m":{"y":2}})"), R"({"m":{"x":1,"y":2}})");
}

// Each of them would be kept with the long name before it.
TEST_F(FieldOwnersTest, many_fields_below_a_long_name_are_too_many) {
  Json many = Json::object();
  for (int i = 0; i < 1000; ++i) many[std::to_string(i)] = 1;
  EXPECT_TRUE(fields_fit({{"m", many}}));
  EXPECT_FALSE(fields_fit({{std::string(10'000, 'm'), many}}));
  EXPECT_TRUE(fields_fit(Json()));
}

TEST_F(FieldOwnersTest, a_map_that_was_applied_empty_stays_while_somebody_wants_a_member) {
  apply("a", R"({"m":{}})");
  EXPECT_EQ(apply("a", R"({"m":{"x":1}})"), R"({"m":{"x":1}})") << "what a now wants is below what it wanted";
  apply("b", R"({"n":{},"m":{"x":1}})");
  apply("a", R"({"n":{"y":1},"m":{"x":1}})");
  EXPECT_EQ(apply("b", R"({"m":{"x":1}})"), R"({"m":{"x":1},"n":{"y":1}})") << "a wants a member of n";
}

TEST_F(FieldOwnersTest, other_writes_take_over_what_they_change) {
  apply("a", R"({"m":{"x":1,"y":1}})");
  const Json after = Json::parse(R"({"m":{"x":2}})");
  managed_ = updated_fields(managed_, live_, after, {.manager = "edit", .time = "t"});
  live_ = after;
  EXPECT_EQ(apply("a", R"({"m":{"x":1,"y":1}})"), "conflict: edit.m.x");
  EXPECT_EQ(updated_fields(Json(), live_, after, {.manager = "edit", .time = "t"}), Json());
}

}  // namespace
}  // namespace marea::api
