#include "model/document_fields.h"

#include <gtest/gtest.h>

namespace marea::model {
namespace {

Json revision(const Json& container) {
  return {{"metadata", {{"annotations", {{"marea.dev/source-commit", "abc"}}}}},
          {"spec", {{"containerConcurrency", 80}, {"containers", Json::array({container})}}}};
}

std::vector<std::string> changes(const Json& before, const Json& after, std::size_t most = 20) {
  return print_changes(differences(revision_fields(before), revision_fields(after)), most);
}

TEST(DocumentFields, a_secret_is_told_by_its_name_and_version_and_a_variable_by_its_name_alone) {
  const Json before =
      revision({{"env",
                 {{{"name", "TOKEN"}, {"value", "hunter2"}},
                  {{"name", "PASSWORD"}, {"valueFrom", {{"secretKeyRef", {{"name", "db"}, {"key", "3"}}}}}}}}});
  const Json after =
      revision({{"env",
                 {{{"name", "TOKEN"}, {"value", "hunter3"}},
                  {{"name", "PASSWORD"}, {"valueFrom", {{"secretKeyRef", {{"name", "db"}, {"key", "4"}}}}}}}}});
  EXPECT_EQ(changes(before, after), (std::vector<std::string>{"env TOKEN", "secret PASSWORD: db:3 → db:4"}));
  EXPECT_EQ(revision_fields(after).at("env TOKEN"), "hunter3") << "who asks for the difference gets it";
}

TEST(DocumentFields, variables_of_a_sidecar_are_not_told_either) {
  Json before = revision({{"name", "app"}});
  before["spec"]["containers"].push_back({{"name", "side"}, {"env", {{{"name", "A"}, {"value", "1"}}}}});
  Json after = before;
  after["spec"]["containers"][1]["env"][0]["value"] = "2";
  EXPECT_EQ(changes(before, after), std::vector<std::string>{"container side: env A"});
}

TEST(DocumentFields, of_many_changes_the_last_line_says_how_many_more_there_are) {
  Json before = revision({{"image", "a"}});
  Json after = revision({{"image", "b"}, {"workingDir", "/w"}});
  after["spec"]["containerConcurrency"] = 10;
  EXPECT_EQ(changes(before, after),
            (std::vector<std::string>{"containerConcurrency: 80 → 10", "image name: a → b", "workingDir: - → /w"}));
  EXPECT_EQ(changes(before, after, 2), (std::vector<std::string>{"containerConcurrency: 80 → 10", "and 2 more"}));
  EXPECT_TRUE(changes(after, after).empty());
}

TEST(DocumentFields, a_long_value_is_cut_between_characters) {
  const std::string found =
      changes(revision({{"image", "a"}}), revision({{"image", std::string(59, 'x') + "éé"}})).at(0);
  EXPECT_EQ(found, "image name: a → " + std::string(59, 'x') + "…");
}

TEST(DocumentFields, what_is_not_of_the_form_of_a_document_is_no_field_and_no_crash) {
  for (const char* text : {"null", "[]", "{\"spec\":7}", "{\"spec\":{\"containers\":{\"a\":1}}}",
                           "{\"metadata\":{\"labels\":[1]}}", "{\"spec\":{\"containers\":[7,null,{\"env\":[1]}]}}"}) {
    const Json document = Json::parse(text);
    const Fields fields = revision_fields(document);
    EXPECT_FALSE(fields.contains("image name")) << text;
    EXPECT_TRUE(service_fields(document).empty()) << text;
  }
}

}  // namespace
}  // namespace marea::model
