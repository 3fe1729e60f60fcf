#include "model/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::model {
namespace {

using testing::HasSubstr;

Json read(std::string_view text) {
  const Documents documents = read_documents(text);
  for (const Fault& fault : documents.faults) ADD_FAILURE() << to_string(fault);
  return documents.trees.size() == 1 ? documents.trees[0].value : Json("no single document");
}

// The only fault of a text, as people see it.
std::string fault(std::string_view text) {
  const Documents documents = read_documents(text);
  return documents.faults.size() == 1 ? to_string(documents.faults[0])
                                      : std::to_string(documents.faults.size()) + " faults";
}

TEST(Tree, plain_scalars_mean_what_they_mean_to_kubernetes) {
  EXPECT_EQ(read("[yes, On, y, true, no, OFF, n, False]").dump(), "[true,true,true,true,false,false,false,false]");
  EXPECT_EQ(read("[1, -2, 0x1F, 0777, 0o17, 0b101, 1_000, +3]").dump(), "[1,-2,31,511,15,5,1000,3]");
  EXPECT_EQ(read("[1.5, .5, 1e3, -2.]").dump(), "[1.5,0.5,1000.0,-2.0]");
  EXPECT_EQ(read("[~, null, , Null]").dump(), "[null,null,null,null]");
  EXPECT_EQ(read("[2026-11-23, 1.2.3, 1e, 0x, 12:30, .inf, yEs, tRue]").dump(),
            R"(["2026-11-23","1.2.3","1e","0x","12:30",".inf","yEs","tRue"])");
}

TEST(Tree, what_is_quoted_is_text) {
  EXPECT_EQ(read(R"(["80", '80', "yes", '', "null", !!str 80, !!int "80"])").dump(),
            R"(["80","80","yes","","null","80",80])");
}

TEST(Tree, whole_numbers_keep_64_bits) {
  EXPECT_EQ(read("[9223372036854775807, -9223372036854775808, 18446744073709551615]").dump(),
            "[9223372036854775807,-9223372036854775808,18446744073709551615]");
}

TEST(Tree, names_of_members_are_text_even_when_they_look_otherwise) {
  EXPECT_EQ(read("yes: 1\n80: 2\n\"on\": 3").dump(), R"({"true":1,"80":2,"on":3})");
}

TEST(Tree, members_keep_their_order) {
  EXPECT_EQ(read("z: 1\na: 2\nm: 3").dump(), R"({"z":1,"a":2,"m":3})");
}

TEST(Tree, json_is_read_with_its_escapes_and_tabs) {
  EXPECT_EQ(read("{\n\t\"a\\/b\": \"\\ud83d\\ude00\",\t\"n\":-1.5e2}"), Json({{"a/b", "😀"}, {"n", -150.0}}));
  EXPECT_EQ(read("{a: 1, b: [x]}").dump(), R"({"a":1,"b":["x"]})");
  EXPECT_EQ(read(R"(["x", {"a":null}])").dump(), R"(["x",{"a":null}])");
}

TEST(Tree, aliases_and_merges_are_expanded) {
  EXPECT_EQ(read("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\nd: {<<: [*x, {r: 4}]}").dump(),
            R"({"a":{"p":1,"q":2},"b":{"p":1,"q":2},"c":{"q":3,"p":1},"d":{"p":1,"q":2,"r":4}})");
}

TEST(Tree, every_value_knows_its_line_and_column_in_yaml) {
  const Documents documents = read_documents("a:\n  b: [1,\n    22]\n");
  const Place& b = documents.trees.at(0).place.children.at(0).children.at(0);
  EXPECT_EQ(b.key.line, 2);
  EXPECT_EQ(b.key.column, 3);
  EXPECT_EQ(b.children.at(1).value.line, 3);
  EXPECT_EQ(b.children.at(1).value.column, 5);
}

TEST(Tree, every_value_knows_its_line_and_column_in_json) {
  const Documents documents = read_documents("{\n  \"a\\\"\": [12,\n null, \"x\" , {}, true]}");
  const Place& a = documents.trees.at(0).place.children.at(0);
  EXPECT_EQ(a.key.line, 2);
  EXPECT_EQ(a.key.column, 3);
  EXPECT_EQ(a.value.column, 10);
  const auto at = [&](std::size_t i) { return std::pair(a.children.at(i).value.line, a.children.at(i).value.column); };
  EXPECT_EQ(at(0), std::pair(2, 11));
  EXPECT_EQ(at(1), std::pair(3, 2));
  EXPECT_EQ(at(2), std::pair(3, 8));
  EXPECT_EQ(at(3), std::pair(3, 14));
  EXPECT_EQ(at(4), std::pair(3, 18));
}

TEST(Tree, a_member_that_is_there_twice_is_a_fault_and_reading_goes_on) {
  const Documents documents = read_documents("a: 1\nb: {c: 1, c: 2}\na: 3\nd: 4\n");
  ASSERT_EQ(documents.faults.size(), 2U);
  EXPECT_EQ(to_string(documents.faults[0]), "line 2: b.c: is there twice; remove one of them");
  EXPECT_EQ(to_string(documents.faults[1]), "line 3: a: is there twice; remove one of them");
  EXPECT_EQ(documents.trees.at(0).value.dump(), R"({"a":1,"b":{"c":1},"d":4})");
  EXPECT_EQ(fault("{\"a\": 1,\n \"a\": 2}"), "line 2: a: is there twice; remove one of them");
}

TEST(Tree, several_documents_are_read_and_empty_ones_left_out) {
  const Documents documents = read_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n");
  EXPECT_TRUE(documents.faults.empty());
  ASSERT_EQ(documents.trees.size(), 2U);
  EXPECT_EQ(documents.trees[1].place.children.at(0).key.line, 6);
}

TEST(Tree, text_that_is_no_yaml_has_its_place) {
  EXPECT_THAT(fault("a: 1\nb: [1,\n"), HasSubstr("is no YAML"));
  EXPECT_THAT(fault("\n, a: 1"), HasSubstr("cannot begin with this character"));
  EXPECT_THAT(fault("a:\n\tb: 1\n"), HasSubstr("indent with spaces"));
  EXPECT_THAT(fault("a: {b: 1\n\nc: 2"), HasSubstr("line "));
  EXPECT_THAT(fault("{\"a\": 1,\n\"b\": }"), HasSubstr("line 2: is no JSON"));
  EXPECT_THAT(fault("{\"a\": 1"), HasSubstr("is no JSON: ends too early"));
  EXPECT_THAT(fault("{\"a\": 1,}"), HasSubstr("is no JSON: this is not expected here"));
  EXPECT_THAT(fault("a: !weird 1"), HasSubstr("unknown"));
  EXPECT_THAT(fault("? [a]\n: 1"), HasSubstr("a key must be plain text"));
  EXPECT_THAT(fault(": 1"), HasSubstr("a key must not be empty"));
}

TEST(Tree, bytes_that_are_no_text_are_refused_with_their_place) {
  EXPECT_THAT(fault("a: 1\nb: \xC3\x28"), HasSubstr("line 2: is not UTF-8 here"));
  EXPECT_THAT(fault(std::string_view("a: \0", 4)), HasSubstr("control character"));
  EXPECT_THAT(fault("a: \"\\0\""), HasSubstr("NUL"));
  EXPECT_THAT(fault(R"({"a": "\u0000"})"), HasSubstr("NUL"));
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a: ñ")
                .dump(),
            R"({"a":"ñ"})");
}

TEST(Tree, aliases_cannot_blow_up) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "" : ", ") + before;
    bomb += "]\n";
  }
  EXPECT_THAT(fault(bomb), HasSubstr("more than 100000 values"));
  std::string long_text = "- &a " + std::string(100'000, 'x') + "\n";
  for (int i = 0; i < 100; ++i) long_text += "- *a\n";
  EXPECT_THAT(fault(long_text), HasSubstr("more than 4 MiB of text"));
  EXPECT_THAT(fault("a: &a [*a]"), HasSubstr("an alias must not stand inside"));
}

TEST(Tree, a_map_is_bounded_in_members_merged_ones_too) {
  const auto map = [](const char* name, std::size_t count) {
    std::string out = "{";
    for (std::size_t i = 0; i < count; ++i) out += name + std::to_string(i) + ": 1, ";
    return out + "}";
  };
  EXPECT_EQ(read(map("a", kMostManifestMembers)).size(), kMostManifestMembers);
  EXPECT_THAT(fault(map("a", kMostManifestMembers + 1)), HasSubstr("more than 2000 members"));
  const std::string merged = "a: &a " + map("a", 1500) + "\nb: &b " + map("b", 1500) + "\nc: {<<: [*a, *b]}\n";
  EXPECT_THAT(fault(merged), HasSubstr("more than 2000 members"));
}

TEST(Tree, depth_number_and_size_are_bounded) {
  EXPECT_THAT(fault(std::string(65, '[') + std::string(65, ']')), HasSubstr("deeper than 64"));
  EXPECT_THAT(fault("a: " + std::string(400, '[') + std::string(400, ']')), HasSubstr("deeper than 64"));
  std::string deep = "a0: &a0 " + std::string(40, '[') + std::string(40, ']') + "\n";
  deep += "a1: " + std::string(40, '[') + "*a0" + std::string(40, ']') + "\n";
  EXPECT_THAT(fault(deep), HasSubstr("deeper than 64"));
  std::string many = "[";
  for (int i = 0; i < kMostManifestNodes; ++i) many += "1,";
  EXPECT_THAT(fault(many + "1]"), HasSubstr("more than 100000 values"));
  EXPECT_THAT(fault(std::string(kMostManifestBytes + 1, ' ')), HasSubstr("at most 1 MiB"));
}

}  // namespace
}  // namespace marea::model
