#include "app/cli_manifest.h"

#include <gtest/gtest.h>

#include "app/cli_manifest_file.h"

namespace marea::app {
namespace {

TEST(CliManifest, AnImageBringsItsSourceAndEndsThatOfTheLastOne) {
  Json service = new_service("web");
  change_service(service, {.image = "a", .source = GitSource{.commit = "c1", .branch = "trunk", .dirty = true}});
  const auto annotation = [&](const char* key) {
    return text_at(service, {"spec", "template", "metadata", "annotations", key});
  };
  EXPECT_EQ(annotation(kSourceCommit), "c1");
  EXPECT_EQ(annotation(kSourceBranch), "trunk");
  EXPECT_EQ(annotation(kSourceModified), "true");
  EXPECT_EQ(text_at(service["spec"]["template"]["spec"]["containers"][0], {"image"}), "a");
  change_service(service, {.port = 9000});
  EXPECT_EQ(annotation(kSourceCommit), "c1");
  change_service(service, {.image = "b", .source = GitSource{.commit = "c2", .branch = "", .dirty = false}});
  EXPECT_EQ(annotation(kSourceCommit), "c2");
  EXPECT_EQ(annotation(kSourceBranch), "");
  change_service(service, {.image = "c"});
  EXPECT_EQ(annotation(kSourceCommit), "");
}

TEST(CliManifest, APathLeadsToItsLineOrToWhatIsAroundIt) {
  const model::Documents read = model::read_documents(
      "spec:\n  ends: 2001-01-01\n  arms:\n  - {name: a}\n  - name: b\n    revision: x\nmetadata:\n  annotations:\n"
      "    marea.dev/sticky: wrong\n");
  ASSERT_EQ(read.trees.size(), 1U);
  const auto line = [&](const char* path) { return mark_at(read.trees.front(), path).line; };
  EXPECT_EQ(line("spec.ends"), 2);
  EXPECT_EQ(line("spec.arms[1].revision"), 6);
  EXPECT_EQ(line("spec.arms[1].weight"), 5) << "it is absent";
  EXPECT_EQ(line("spec.arms[7]"), 3);
  EXPECT_EQ(line("metadata.annotations[\"marea.dev/sticky\"]"), 9);
  for (const char* odd : {"", "x", "spec.arms[", "spec.arms[99999999999]", "spec.arms[-1]", "[\"", "spec..", "]"}) {
    EXPECT_GE(line(odd), 1) << odd;
  }
}

TEST(CliManifest, ANewServiceHasOnlyWhatWasAskedFor) {
  Json service = new_service("web");
  change_service(service, {.image = "oci:/images/web:latest"});
  EXPECT_EQ(service, Json::parse(R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"web"},
      "spec":{"template":{"spec":{"containers":[{"image":"oci:/images/web:latest"}]}}}})"));
}

TEST(CliManifest, EverySettingHasItsPlace) {
  Json service = new_service("web");
  change_service(service, {.image = "i",
                           .port = 9000,
                           .env = {{"A", "1"}, {"B", ""}},
                           .concurrency = 10,
                           .min_scale = 1,
                           .max_scale = 5,
                           .cpu = "500m",
                           .memory = "256Mi",
                           .timeout_seconds = 30,
                           .idle_timeout = "3s",
                           .command = {"python3"},
                           .args = {"-m", "http.server"}});
  EXPECT_EQ(service["spec"]["template"], Json::parse(R"({
      "spec":{"containers":[{"image":"i","ports":[{"containerPort":9000}],
                "env":[{"name":"A","value":"1"},{"name":"B","value":""}],
                "command":["python3"],"args":["-m","http.server"],
                "resources":{"limits":{"cpu":"500m","memory":"256Mi"}}}],
              "containerConcurrency":10,"timeoutSeconds":30},
      "metadata":{"annotations":{"autoscaling.knative.dev/minScale":"1","autoscaling.knative.dev/maxScale":"5",
                                 "marea.dev/idle-timeout":"3s"}}})"));
}

TEST(CliManifest, AChangeKeepsAllElseAndTheResourceVersion) {
  Json service = Json::parse(R"({"kind":"Service","metadata":{"name":"web","resourceVersion":"7","labels":{"x":"y"}},
      "spec":{"template":{"metadata":{"name":"web-00001","annotations":{"autoscaling.knative.dev/max-scale":"3"}},
              "spec":{"containers":[{"image":"old","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],
                                     "ports":[{"name":"h2c","containerPort":8080}]}]}},
              "traffic":[{"latestRevision":true,"percent":100}]},"status":{"url":"http://web.localhost"}})");
  change_service(service, {.image = "new", .port = 90, .env = {{"A", "9"}}, .max_scale = 4});
  EXPECT_EQ(service,
            Json::parse(R"({"kind":"Service","metadata":{"name":"web","resourceVersion":"7","labels":{"x":"y"}},
      "spec":{"template":{"metadata":{"annotations":{"autoscaling.knative.dev/maxScale":"4"}},
              "spec":{"containers":[{"image":"new","env":[{"name":"A","value":"9"},{"name":"B","value":"2"}],
                                     "ports":[{"name":"h2c","containerPort":90}]}]}},
              "traffic":[{"latestRevision":true,"percent":100}]}})"));
}

TEST(CliManifest, AnUnexpectedShapeIsReplacedInsteadOfCrashing) {
  Json service = Json::parse(R"({"spec":{"template":{"metadata":5,"spec":{"containers":[7]}}}})");
  change_service(service, {.image = "i", .env = {{"A", "1"}}, .min_scale = 0});
  EXPECT_EQ(text_at(service["spec"]["template"]["spec"]["containers"][0], {"image"}), "i");
  EXPECT_EQ(text_at(service, {"spec", "template", "metadata", "annotations", "autoscaling.knative.dev/minScale"}), "0");
}

}  // namespace
}  // namespace marea::app
