#include <gmock/gmock.h>

#include "control/control.h"
#include "control/control_world_test.h"

namespace marea::control {
namespace {

using By = model::StickyRule::By;

// What a policy leaves unsaid is for the service to say: a release of one that may set no cookie sets none.
TEST(ControlPolicies, stickiness_is_the_policys_word_where_it_says_one_and_else_the_services) {
  ControlWorld world;
  world.connect();
  for (const char letter : {'a', 'b', 'c'}) world.have_image(std::string(1, letter), letter);
  for (const auto& [name, spec] : {std::pair("quick", "{ladder: [10%]}"), std::pair("known", "{sticky: cookie}")}) {
    const auto parsed = model::parse_release_policies(
        std::string("apiVersion: marea.dev/v1\nkind: ReleasePolicy\nmetadata: {name: ") + name + "}\nspec: " + spec);
    ASSERT_TRUE(parsed && world.execute(PutReleasePolicy{.document = parsed->front()}));
  }
  const auto deploy = [&](const std::string& image, const std::string& policy) {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"name": "hola", "annotations": {"marea.dev/sticky": "off"}},
        "spec": {"template": {"spec": {"containers": [{}]}}}})");
    document["metadata"]["annotations"]["marea.dev/release-policy"] = policy;
    document["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    const auto parsed = model::parse_service(std::move(document));
    ASSERT_TRUE(parsed && world.execute(ApplyService{.document = *parsed}));
    world.report(image, world.newest("hola"), model::InstanceState::running);
    world.apply_routes();
  };
  const auto sticky = [&] { return world.service("hola").releases.back().record().spec.policy.sticky.by; };
  deploy("a", "none");
  deploy("b", "quick");
  EXPECT_EQ(sticky(), By::off);
  deploy("c", "known");
  EXPECT_EQ(sticky(), By::cookie);
}

}  // namespace
}  // namespace marea::control
