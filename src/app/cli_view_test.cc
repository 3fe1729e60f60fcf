#include "app/cli_view.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace marea::app {
namespace {

const Json kSpec = Json::parse(R"({"containers":[{"name":"proxy","image":"envoy"},
                                                {"name":"app","image":"web","ports":[{"containerPort":8080}]}]})");

std::string told(std::string_view noun, const Json& object, Text label) {
  const Words words(Language::en);
  const auto pairs = view_of(noun)->pairs(object, words);
  const auto found = std::ranges::find(pairs, std::string(words(label)), [](const auto& pair) { return pair.first; });
  return found == pairs.end() ? "nothing" : found->second;
}

TEST(CliView, OfSeveralContainersTheImageIsThatOfTheOneWithPorts) {
  const Json service = {{"spec", {{"template", {{"spec", kSpec}}}}}};
  EXPECT_EQ(told("services", service, Text::label_image), "web");
  EXPECT_EQ(told("revisions", {{"spec", kSpec}}, Text::label_image), "web");
  EXPECT_EQ(told("revisions", Json::parse(R"({"spec":{"containers":[{"image":"one"}]}})"), Text::label_image), "one");
  EXPECT_EQ(told("revisions", Json::object(), Text::label_image), "");
}

TEST(CliView, TheDigestIsThatOfTheContainerThatTheApiNamesFirst) {
  const Json revision = Json::parse(R"({"status":{"containerStatuses":[
      {"name":"app","imageDigest":"web@sha256:0123456789abcdef"},{"name":"proxy","imageDigest":"envoy@sha256:f"}]}})");
  EXPECT_EQ(digest_of(revision), "web@sha256:0123456789abcdef");
  EXPECT_EQ(view_of("revisions")->row(revision).back(), "sha256:0123456789ab");
}

}  // namespace
}  // namespace marea::app
