#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "net/wire.h"

namespace marea::net {

// A type as one marea knew it, and as the next one does.
namespace then {
struct Inner {
  std::string name;
};
struct Outer {
  int number = 0;
  std::vector<Inner> inner;
  std::optional<Inner> last;
};
template <class A, Is<Inner> T>
void visit(A& a, T& v) {
  a(v.name);
}
template <class A, Is<Outer> T>
void visit(A& a, T& v) {
  a(v.number, v.inner, v.last);
}
}  // namespace then

namespace now {
struct Inner {
  std::string name;
  int weight = 7;
};
struct Outer {
  int number = 0;
  std::vector<Inner> inner;
  std::optional<Inner> last;
  std::string note = "none";
};
template <class A, Is<Inner> T>
void visit(A& a, T& v) {
  a(v.name, v.weight);
}
template <class A, Is<Outer> T>
void visit(A& a, T& v) {
  a(v.number, v.inner, v.last, v.note);
}
}  // namespace now

namespace {

TEST(StoredForm, fields_that_are_newer_than_the_file_have_their_defaults) {
  const then::Outer written{.number = -3, .inner = {{"a"}, {"b"}}, .last = then::Inner{"c"}};
  const auto read = decode<now::Outer, Form::stored>(encode<Form::stored>(written));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number, -3);
  ASSERT_EQ(read->inner.size(), 2U);
  EXPECT_EQ(read->inner[1].name, "b");
  EXPECT_EQ(read->inner[1].weight, 7);
  EXPECT_EQ(read->last->name, "c");
  EXPECT_EQ(read->note, "none");
}

TEST(StoredForm, fields_that_the_reader_does_not_know_are_passed_over) {
  const now::Outer written{.number = 5, .inner = {{"a", 1}, {"b", 2}}, .last = now::Inner{"c", 3}, .note = "new"};
  const auto read = decode<then::Outer, Form::stored>(encode<Form::stored>(written));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number, 5);
  ASSERT_EQ(read->inner.size(), 2U);
  EXPECT_EQ(read->inner[1].name, "b");
  EXPECT_EQ(read->last->name, "c");
}

TEST(StoredForm, a_file_that_was_cut_or_grew_is_no_value) {
  const now::Outer value{.number = 5, .inner = {{"a", 1}}, .last = now::Inner{"c", 3}, .note = "new"};
  const std::string whole = encode<Form::stored>(value);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE((decode<now::Outer, Form::stored>(std::string_view(whole).substr(0, size)))) << size;
  }
  EXPECT_FALSE((decode<now::Outer, Form::stored>(whole + "x")));
}

}  // namespace
}  // namespace marea::net
