// Experiments are written as services are, and tell what they count.
#include <gmock/gmock.h>

#include "api/api_world_test.h"

namespace marea::api {
namespace {

using testing::HasSubstr;

constexpr const char* kExperimentsPath = "/apis/marea.dev/v1/namespaces/default/experiments";

class ExperimentsTest : public ApiWorld {
 protected:
  ExperimentsTest() {
    world.connect();
    for (const char letter : {'a', 'b'}) world.have_image(std::string(1, letter), letter);
    world.deploy("hola", "a", "i1");
    world.deploy("hola", "b", "i2");
    world.apply_routes();
    for (const auto& one : world.service("hola").revisions) revisions.push_back(one.record.revision.name.str());
  }
  std::string experiment(const std::string& more = "") {
    const std::int64_t month = std::chrono::nanoseconds(std::chrono::hours(24 * 30)).count();
    return "apiVersion: marea.dev/v1\nkind: Experiment\nmetadata: {name: form}\nspec:\n  service: hola\n  arms:\n"
           "  - {name: old, revision: " +
           revisions.at(0) + ", weight: 50%}\n  - {name: new, revision: " + revisions.at(1) +
           ", weight: 50%, customers: {header: X-Customer, ids: [17]}}\n"
           "  conversions: [{name: loan, route: POST /loans, status: 201}]\n  measures: [{name: lcp}]\n  ends: " +
           model::print_moment(world.loop().clock().wall().unix_ns + month) + "\n" + more;
  }
  static std::string path(const std::string& rest = "") { return std::string(kExperimentsPath) + "/form" + rest; }
  // 4,000 users of each arm, of whom so many convert.
  void tell(std::uint64_t old_loans, std::uint64_t new_loans) {
    model::ArmOutcomes arm{.keys = 4000, .due = 4000, .converted = {0}, .converted_in_due = {0}};
    arm.measures.resize(1);
    model::ArmOutcomes none{.converted = {0}, .converted_in_due = {0}};
    none.measures.resize(1);
    model::ExperimentCounts counts{.experiment = world.control().experiments().at("form").route_id(),
                                   .memory = 1,
                                   .split = {arm, arm},
                                   .led = {none, none},
                                   .untracked = 3};
    counts.split[0].converted[0] = counts.split[0].converted_in_due[0] = old_loans;
    counts.split[1].converted[0] = counts.split[1].converted_in_due[0] = new_loans;
    world.tell_outcomes(counts);
  }

  std::vector<std::string> revisions;
};

TEST_F(ExperimentsTest, one_is_created_tells_what_it_counted_and_is_ended_and_deleted) {
  const Reply made = call("POST", kExperimentsPath, experiment(), kYaml);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["status"]["phase"], "running");
  EXPECT_EQ(call("POST", kExperimentsPath, experiment(), kYaml).status, 409);
  tell(200, 320);
  const Json shown = call("GET", path()).json();
  const Json& status = shown["status"];
  EXPECT_EQ(status["control"], "old");
  EXPECT_EQ(status["arms"][1]["users"], 4000);
  EXPECT_EQ(status["arms"][1]["conversions"]["loan"], 320);
  EXPECT_EQ(status["arms"][1]["led"]["users"], 0);
  EXPECT_FALSE(status["arms"][0].contains("led"));
  EXPECT_EQ(status["comparisons"][0]["arm"], "new");
  EXPECT_EQ(status["comparisons"][0]["verdict"], "better");
  EXPECT_GT(status["comparisons"][0]["outcomes"][0]["difference"]["low"].get<double>(), 0);
  EXPECT_EQ(status["comparisons"][0]["outcomes"][0]["arm"]["rate"], 0.08);
  EXPECT_EQ(status["comparisons"][0]["outcomes"][1]["verdict"], "too-early") << "nobody was measured";
  EXPECT_FALSE(status["sampleRatio"]["mistrusted"].get<bool>());
  EXPECT_EQ(status["untracked"], 3);
  EXPECT_THAT(status["summary"]["en"].get<std::string>(), HasSubstr("\"new\" is better than \"old\""));
  EXPECT_THAT(status["summary"]["es"].get<std::string>(), HasSubstr("«new» es mejor que «old»"));
  const Reply ended = call("POST", "/apis/marea.dev/v1/experiments/form/end", R"({"reason":"enough"})");
  ASSERT_EQ(ended.status, 200) << ended.body;
  EXPECT_EQ(ended.json()["status"]["cause"], "person");
  EXPECT_EQ(ended.json()["status"]["detail"], "enough");
  EXPECT_EQ(call("POST", path("/end")).status, 409);
  EXPECT_EQ(call("GET", path("/end")).status, 405);
  EXPECT_EQ(call("DELETE", path()).status, 200);
  EXPECT_EQ(call("GET", path()).status, 404);
}

TEST_F(ExperimentsTest, a_dry_run_stores_nothing_and_faults_are_told_at_once) {
  EXPECT_EQ(call("POST", std::string(kExperimentsPath) + "?dryRun=All", experiment(), kYaml).status, 201);
  EXPECT_EQ(call("GET", path()).status, 404);
  std::string wrong = experiment("  alpha: 3\n  onDeploy: wait\n");
  const Reply bad = call("POST", kExperimentsPath, wrong, kYaml);
  EXPECT_EQ(bad.status, 422) << bad.body;
  EXPECT_THAT(bad.body, HasSubstr("spec.alpha"));
  EXPECT_THAT(bad.body, HasSubstr("spec.onDeploy"));
  std::string unknown = experiment();
  unknown.replace(unknown.find(revisions.at(0)), revisions.at(0).size(), "hola-77");
  const Reply missing = call("POST", kExperimentsPath, unknown, kYaml);
  EXPECT_EQ(missing.status, 422) << missing.body;
  EXPECT_THAT(missing.body, HasSubstr("spec.arms[0].revision"));
  unknown.replace(unknown.find("weight: 50%"), 11, "weight: 40%");
  unknown.replace(unknown.find("ends: 20"), 8, "ends: 19");
  const Reply both = call("POST", kExperimentsPath, unknown, kYaml);
  EXPECT_EQ(both.status, 422) << both.body;
  for (const char* place : {"spec.arms: ", "spec.arms[0].revision", "spec.ends"}) {
    EXPECT_THAT(both.body, HasSubstr(place)) << "of the document and of the platform at once";
  }
}

TEST_F(ExperimentsTest, only_its_end_is_changed_while_it_runs) {
  ASSERT_EQ(call("POST", kExperimentsPath, experiment(), kYaml).status, 201);
  const std::string merge = "Content-Type: application/merge-patch+json\r\n";
  EXPECT_EQ(call("PATCH", path(), R"({"spec":{"onDeploy":"refuse"}})", merge).status, 200);
  EXPECT_EQ(world.control().experiments().at("form").spec().deploys, model::DeployRule::refuse);
  EXPECT_EQ(call("PATCH", path(), R"({"spec":{"alpha":0.01}})", merge).status, 409);
  const Reply deploy = call("PUT", std::string(kServicesPath) + "/hola", hola_yaml("a"), kYaml);
  EXPECT_EQ(deploy.status, 409) << deploy.body;
}

TEST_F(ExperimentsTest, it_is_listed_watched_and_goes_with_its_service) {
  ASSERT_EQ(call("POST", kExperimentsPath, experiment(), kYaml).status, 201);
  const Json list =
      call("GET", std::string(kExperimentsPath) + "?labelSelector=serving.knative.dev/service%3Dhola").json();
  EXPECT_EQ(list["kind"], "ExperimentList");
  ASSERT_EQ(list["items"].size(), 1U);
  EXPECT_EQ(list["items"][0]["metadata"]["name"], "form");
  EXPECT_EQ(call("GET", std::string(kExperimentsPath) + "?labelSelector=serving.knative.dev/service%3Dother")
                .json()["items"]
                .size(),
            0U);
  const Json table =
      call("GET", kExperimentsPath, "", "Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json\r\n")
          .json();
  EXPECT_EQ(table["rows"][0]["cells"][3], "new too-early");
  world.execute(control::DeleteService{.name = base::ServiceName("hola")});
  world.apply_routes();
  EXPECT_EQ(call("GET", path()).status, 404);
}

}  // namespace
}  // namespace marea::api
