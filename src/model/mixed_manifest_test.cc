#include "model/mixed_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::model {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kService =
    "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: web}\n"
    "spec: {template: {spec: {containers: [{image: x}]}}}\n";
constexpr std::string_view kPolicy =
    "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: careful}\nspec: {strategy: canary}\n";

std::string both(std::string_view first, std::string_view second) {
  return std::string(first) + "---\n" + std::string(second);
}

TEST(MixedManifest, ServicesAndPoliciesMayStandInOneFile) {
  const auto parsed = parse_mixed(both(kService, kPolicy));
  ASSERT_TRUE(parsed.has_value()) << to_string(parsed.error().front());
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ((*parsed)[0].kind, ManifestKind::service);
  EXPECT_EQ((*parsed)[0].name, "web");
  EXPECT_EQ((*parsed)[1].kind, ManifestKind::release_policy);
  EXPECT_EQ((*parsed)[1].name, "careful");
  EXPECT_EQ((*parsed)[1].document["spec"]["strategy"], "canary");
}

TEST(MixedManifest, AnExperimentMayStandBesideItsService) {
  const auto parsed = parse_mixed(both(kService,
                                       "apiVersion: marea.dev/v1\nkind: Experiment\nmetadata: {name: form}\n"
                                       "spec:\n  service: web\n  ends: 2033-01-01\n"
                                       "  conversions: [{name: paid, event: payment}]\n"
                                       "  arms: [{name: a, revision: web-1, weight: 50%}, {name: b, revision: web-2, "
                                       "weight: 50%}]\n"));
  ASSERT_TRUE(parsed.has_value()) << to_string(parsed.error().front());
  EXPECT_EQ((*parsed)[1].kind, ManifestKind::experiment);
  EXPECT_EQ((*parsed)[1].name, "form");
}

TEST(MixedManifest, EveryFaultOfEveryKindIsFoundAtOnceWithItsLine) {
  const std::string service =
      "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: B_}\n"
      "spec: {template: {spec: {containers: [{image: x}]}}}\n";
  const std::string policy =
      "apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: careful}\nspec: {alpha: 2, ladder: [5%, 1%]}\n";
  const auto parsed = parse_mixed(both(service, policy));
  ASSERT_FALSE(parsed.has_value());
  std::vector<std::string> faults;
  for (const Fault& fault : parsed.error()) faults.push_back(to_string(fault));
  EXPECT_THAT(faults, ::testing::ElementsAre(HasSubstr("line 3: metadata.name"), HasSubstr("line 9: spec.alpha"),
                                             HasSubstr("line 9: spec.ladder[1]")));
}

TEST(MixedManifest, AListStandsForItsItemsOfWhateverKind) {
  const auto parsed =
      parse_mixed(R"({"apiVersion":"v1","kind":"List","items":[)"
                  R"({"apiVersion":"marea.dev/v1","kind":"ReleasePolicy","metadata":{"name":"a"},"spec":{}},)"
                  R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"b"},)"
                  R"("spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}]})");
  ASSERT_TRUE(parsed.has_value()) << to_string(parsed.error().front());
  EXPECT_EQ((*parsed)[0].name + (*parsed)[1].name, "ab");
}

TEST(MixedManifest, AKindThatNobodyKnowsIsAFaultAndSoIsNothing) {
  const auto unknown = parse_mixed("apiVersion: marea.dev/v1\nkind: Tide\nmetadata: {name: a}\nspec: {}\n");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(to_string(unknown.error().back()), HasSubstr("Tide"));
  EXPECT_FALSE(parse_mixed("").has_value());
}

}  // namespace
}  // namespace marea::model
