#include "model/release.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace marea::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> release_faults(std::string_view text) {
  const auto parsed = parse_release_text(text);
  std::vector<std::string> out;
  if (parsed) return out;
  for (const Fault& fault : parsed.error()) out.push_back(to_string(fault));
  return out;
}

TEST(ReleaseObjectTest, a_release_is_read_and_printed) {
  const auto parsed = parse_release_text(
      "apiVersion: marea.dev/v1\nkind: Release\nmetadata: {name: loans-7}\nspec:\n service: loans\n stable: loans-6\n"
      " canary: loans-7\n policy: {ladder: [10%], watch: 1h}\n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->id, "loans-7");
  EXPECT_EQ(parsed->stable.str(), "loans-6");
  EXPECT_EQ(parsed->policy.ladder.size(), 1U);

  ReleaseState state{.phase = ReleasePhase::holding, .cause = ReleaseCause::unproven, .weight = 1000};
  state.deadline = std::chrono::minutes(62);
  state.steps.push_back({.weight = 1000, .proof = ReleaseProof::unproven});
  const Json document = release_document(*parsed, state);
  EXPECT_EQ(document["status"]["phase"], "holding");
  EXPECT_EQ(document["status"]["deadline"], "1h2m");
  EXPECT_EQ(document["status"]["steps"][0]["proof"], "unproven");
  const auto again = parse_release(document);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *parsed);
}

TEST(ReleaseObjectTest, all_faults_are_named_at_once) {
  EXPECT_THAT(
      release_faults("apiVersion: marea.dev/v1\nkind: Release\nmetadata: {name: r}\nspec:\n stable: A\n canary: b\n"
                     " policy: {alpha: 7}\n step: 3\n"),
      ElementsAre("line 4: spec.service: is missing: whose requests it is about", HasSubstr("line 5: spec.stable:"),
                  "line 7: spec.policy.alpha: must be between 0 and 0.5, both excluded, is 7",
                  HasSubstr("line 8: spec.step: is no field that marea knows in spec of a Release")));
  EXPECT_THAT(release_faults("apiVersion: marea.dev/v1\nkind: Release\nmetadata: {name: r}\n"
                             "spec: {service: a, stable: b, canary: b}\n"),
              ElementsAre(HasSubstr("spec.canary: must not be the stable revision")));
  EXPECT_THAT(release_faults(""), ElementsAre(HasSubstr("must be one Release, is 0 documents")));
}

TEST(ReleaseObjectTest, every_value_has_a_word_of_its_own) {
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < kReleasePhases; ++i) words.insert(to_string(static_cast<ReleasePhase>(i)));
  EXPECT_EQ(words.size(), kReleasePhases);
  words.clear();
  for (std::size_t i = 0; i < kReleaseCauses; ++i) words.insert(to_string(static_cast<ReleaseCause>(i)));
  EXPECT_EQ(words.size(), kReleaseCauses);
  words.clear();
  for (std::size_t i = 0; i < kReleaseEvents; ++i) words.insert(to_string(static_cast<ReleaseEvent>(i)));
  EXPECT_EQ(words.size(), kReleaseEvents);
}

TEST(ReleaseObjectTest, the_weakest_proof_is_what_a_release_ends_with) {
  ReleaseState state;
  EXPECT_EQ(weakest_proof(state), ReleaseProof::unjudged);
  state.steps = {{.proof = ReleaseProof::proven_good}, {.proof = ReleaseProof::unproven}, {}};
  EXPECT_EQ(weakest_proof(state), ReleaseProof::unproven);
  state.steps.push_back({.proof = ReleaseProof::cannot_know});
  EXPECT_EQ(weakest_proof(state), ReleaseProof::cannot_know);
}

}  // namespace
}  // namespace marea::model
