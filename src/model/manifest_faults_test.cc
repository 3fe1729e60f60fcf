#include "model/manifest_faults_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(ManifestFaults, all_are_found_at_once_in_the_order_of_the_text) {
  EXPECT_THAT(faults_of(R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: Loans
spec:
  template:
    spec:
      containerConcurency: 5
      timeoutSeconds: 0
      containers:
      - ports:
        - containerPort: 99999
        env:
        - name: PORT
          value: 80
  traffic:
  - percent: 50
)"),
              ElementsAre("4:9 metadata.name: must consist of a-z, 0-9 and '-' and begin and end with a letter or "
                          "digit; for example \"loans\"",
                          "8:7 spec.template.spec.containerConcurency: is no field that Cloud Run or Knative knows in "
                          "spec.template.spec; did you mean containerConcurrency?",
                          "9:23 spec.template.spec.timeoutSeconds: must be between 1 and 3600, is 0",
                          "11:9 spec.template.spec.containers[0].image: is missing: what to run, such as oci:./app",
                          "12:26 spec.template.spec.containers[0].ports[0].containerPort: must be between 1 and 65535, "
                          "is 99999",
                          "14:17 spec.template.spec.containers[0].env[0].name: \"PORT\" is reserved: the platform sets "
                          "PORT; choose the port with ports[0].containerPort",
                          "15:18 spec.template.spec.containers[0].env[0].value: must be text, is a number; write it in "
                          "quotes: \"80\"",
                          "16:3 spec.traffic: the percents must sum to 100, sum to 50"));
}

TEST(ManifestFaults, a_host_of_the_service_that_is_one_of_its_tags_is_told) {
  EXPECT_THAT(faults_of(R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: loans
  annotations:
    marea.dev/hosts: loans.example, next---loans.localhost
spec:
  template: {spec: {containers: [{image: x}]}}
  traffic:
  - {latestRevision: true, percent: 100}
  - {revisionName: loans-00001, percent: 0, tag: next}
)"),
              ElementsAre(HasSubstr("6:22 metadata.annotations[\"marea.dev/hosts\"]: has next---loans.localhost, which "
                                    "leads to the tag \"next\"; leave it out")));
}

TEST(ManifestFaults, other_kinds_are_named) {
  EXPECT_THAT(
      faults_of("apiVersion: v1\nkind: Service\nspec: {ports: []}\n"),
      ElementsAre("1:13 apiVersion: must be serving.knative.dev/v1, is \"v1\", which is Kubernetes' own Service"));
  EXPECT_THAT(
      faults_of("apiVersion: run.googleapis.com/v1\nkind: Job\n"),
      ElementsAre(HasSubstr("must be serving.knative.dev/v1"), HasSubstr("2:7 kind: must be Service, is \"Job\"")));
  EXPECT_THAT(faults_of("apiVersion: serving.knative.dev/v1\nkind: Servcie\n"),
              ElementsAre("2:7 kind: must be Service, is \"Servcie\"; did you mean Service?"));
  EXPECT_THAT(faults_of("apiVersion: serving.knative.dev/v1beta1\nkind: Service\nmetadata: {name: a}\n"
                        "spec: {template: {spec: {containers: [{image: x}]}}}"),
              ElementsAre("1:13 apiVersion: must be serving.knative.dev/v1, is \"serving.knative.dev/v1beta1\""));
  EXPECT_THAT(faults_of("apiVersion: 1\nkind: [Service]\n"),
              testing::IsSupersetOf({HasSubstr("1:13 apiVersion: must be text, is a number"),
                                     HasSubstr("2:1 kind: must be text, is a list")}));
}

TEST(ManifestFaults, a_field_in_the_wrong_place_is_told_where_it_belongs) {
  EXPECT_THAT(
      container_faults("      timeoutSeconds: 5\n      tag: x\n      colour: red\n"),
      ElementsAre(HasSubstr("9:7 spec.template.spec.containers[0].timeoutSeconds: is no field that Cloud Run or "
                            "Knative knows in spec.template.spec.containers[]; it belongs in"),
                  HasSubstr("10:7 spec.template.spec.containers[0].tag: is no field"),
                  HasSubstr("move it to metadata.annotations if it is a note of your own")));
  EXPECT_THAT(container_faults("      Image: y\n      liveness_probe: {}\n"),
              ElementsAre(HasSubstr("did you mean image?"), HasSubstr("did you mean livenessProbe?")));
}

TEST(ManifestFaults, names_of_services_and_revisions_are_checked) {
  EXPECT_THAT(metadata_faults("  name: " + std::string(64, 'a') + "\n"),
              ElementsAre("4:9 metadata.name: must have at most 63 characters, has 64"));
  EXPECT_THAT(metadata_faults("  name: ''\n"), ElementsAre("4:9 metadata.name: must not be empty"));
  EXPECT_THAT(metadata_faults("  labels: {}\n"), ElementsAre("3:1 metadata.name: is missing: the name of the service"));
  EXPECT_THAT(
      faults_of(std::string(kHead) +
                "metadata: {name: a}\nspec: {template: {metadata: {name: b-1}, spec: {containers: [{image: x}]}}}"),
      ElementsAre("4:36 spec.template.metadata.name: must begin with the service's name and a hyphen, such as "
                  "a-b-1, or be left out"));
}

TEST(ManifestFaults, labels_and_annotations_are_text_with_good_names) {
  EXPECT_THAT(
      metadata_faults("  name: a\n  labels: {a b: c, tier: 2, long: 'not a label'}\n  annotations: {x: true}\n"),
      ElementsAre(StartsWith("5:12 metadata.labels[\"a b\"]: its name must be [prefix/]name"),
                  "5:26 metadata.labels.tier: must be text, is a number; write it in quotes: \"2\"",
                  StartsWith("5:35 metadata.labels.long: must be empty or have 1 to 63"),
                  "6:20 metadata.annotations.x: must be text, is a boolean; YAML reads yes, no, on, off, y and n "
                  "as that: write the word in quotes"));
}

TEST(ManifestFaults, sticky_is_off_without_quotes_too) {
  const auto parsed = parse_manifests(std::string(kHead) +
                                      "metadata: {name: a, annotations: {marea.dev/sticky: off}}\n"
                                      "spec: {template: {spec: {containers: [{image: x}]}}}\n");
  ASSERT_TRUE(parsed) << to_string(parsed.error().front());
  EXPECT_EQ(parsed->front().service.annotations.at("marea.dev/sticky"), "off");
  EXPECT_THAT(metadata_faults("  name: a\n  annotations: {marea.dev/sticky: yes}\n"),
              ElementsAre(HasSubstr("must be text, is a boolean; YAML reads")));
}

TEST(ManifestFaults, annotations_of_marea_are_a_closed_list) {
  EXPECT_THAT(
      metadata_faults("  name: a\n  annotations:\n    marea.dev/idle-timout: 5s\n    marea.dev/zzz: x\n"),
      ElementsAre("6:5 metadata.annotations[\"marea.dev/idle-timout\"]: is no annotation of marea; there are "
                  "marea.dev/idle-timeout marea.dev/egress marea.dev/capabilities marea.dev/hosts "
                  "marea.dev/rate-limit marea.dev/match marea.dev/source-branch "
                  "marea.dev/source-commit marea.dev/source-modified "
                  "marea.dev/release-policy marea.dev/rollback marea.dev/sticky; did you mean marea.dev/idle-timeout?",
                  HasSubstr("marea.dev/hosts")));
  EXPECT_THAT(metadata_faults("  name: a\n  labels:\n    marea.dev/hosts: x\n"),
              ElementsAre(HasSubstr("6:5 metadata.labels[\"marea.dev/hosts\"]: has no effect as a label")));
}

TEST(ManifestFaults, values_of_mareas_annotations_are_checked) {
  EXPECT_THAT(
      metadata_faults("  name: a\n  annotations:\n    marea.dev/idle-timeout: 5 minutes\n"
                      "    marea.dev/egress: internal\n    marea.dev/capabilities: all\n"
                      "    marea.dev/hosts: ok.example, bad_host, x:80\n"),
      ElementsAre("6:29 metadata.annotations[\"marea.dev/idle-timeout\"]: must be a time from \"0s\" to \"24h\", "
                  "such as \"30s\", \"5m\" or \"1h30m\", is \"5 minutes\"",
                  "7:23 metadata.annotations[\"marea.dev/egress\"]: must be one of internet, channels, none, is "
                  "\"internal\"; did you mean internet?",
                  "8:29 metadata.annotations[\"marea.dev/capabilities\"]: must be one of ordinary, none, is \"all\"",
                  HasSubstr("9:22 metadata.annotations[\"marea.dev/hosts\"]: the host \"bad_host\" must be labels"),
                  HasSubstr("the host \"x:80\" must be a host name alone, without a port")));
}

TEST(ManifestFaults, reserved_domains_of_annotations_are_closed_others_are_free) {
  EXPECT_THAT(metadata_faults("  name: a\n  annotations:\n    run.googleapis.com/ingres: all\n"
                              "    example.com/anything: goes\n    serving.knative.dev/xyz: a\n"),
              ElementsAre("6:5 metadata.annotations[\"run.googleapis.com/ingres\"]: is no annotation that Cloud Run, "
                          "Knative or marea knows; did you mean run.googleapis.com/ingress?",
                          HasSubstr("8:5 metadata.annotations[\"serving.knative.dev/xyz\"]")));
  EXPECT_THAT(metadata_faults("  name: a\n  annotations:\n    autoscaling.knative.dev/minScale: '1'\n"),
              ElementsAre(HasSubstr("move it to spec.template.metadata.annotations")));
}

TEST(ManifestFaults, scale_bounds_are_whole_numbers_in_order) {
  const auto scale = [](std::string_view annotations) {
    return faults_of(std::string(kHead) + "metadata: {name: a}\nspec:\n template:\n  metadata:\n   annotations:\n" +
                     std::string(annotations) + "  spec: {containers: [{image: x}]}\n");
  };
  EXPECT_THAT(
      scale("    autoscaling.knative.dev/minScale: '-1'\n    autoscaling.knative.dev/maxScale: many\n"),
      ElementsAre(HasSubstr("8:39 spec.template.metadata.annotations[\"autoscaling.knative.dev/minScale\"]: must "
                            "be a whole number between 0 and 1000, is \"-1\""),
                  HasSubstr("between 1 and 1000, is \"many\"")));
  EXPECT_THAT(
      scale("    autoscaling.knative.dev/min-scale: '5'\n    autoscaling.knative.dev/max-scale: '4'\n"),
      ElementsAre(HasSubstr("8:40 spec.template.metadata.annotations[\"autoscaling.knative.dev/min-scale\"]: must "
                            "not exceed maxScale (4), is 5")));
  EXPECT_THAT(scale("    autoscaling.knative.dev/minScale: '101'\n"), ElementsAre(HasSubstr("(100, the default)")));
  EXPECT_THAT(scale("    autoscaling.knative.dev/minScale: '1'\n    autoscaling.knative.dev/min-scale: '2'\n"),
              ElementsAre(HasSubstr("contradicts autoscaling.knative.dev/minScale")));
  EXPECT_THAT(scale("    autoscaling.knative.dev/minScale: 1\n"), ElementsAre(HasSubstr("write it in quotes: \"1\"")));
  EXPECT_THAT(scale("    autoscaling.knative.dev/initial-scale: '4'\n    autoscaling.knative.dev/maxScale: '3'\n"),
              ElementsAre(HasSubstr("initial-scale\"]: must not exceed maxScale (3), is 4")));
  EXPECT_THAT(scale("    autoscaling.knative.dev/target: '0'\n"
                    "    autoscaling.knative.dev/target-utilization-percentage: 70%\n"
                    "    autoscaling.knative.dev/scale-down-delay: 2h\n"
                    "    autoscaling.knative.dev/initialScale: '-1'\n"),
              ElementsAre(HasSubstr("must be a number of requests between 0.01 and 1000, is \"0\""),
                          HasSubstr("must be a percentage between 1 and 100, is \"70%\""),
                          HasSubstr("must be a time from \"0s\" to \"1h\""),
                          HasSubstr("must be a whole number between 0 and 1000, is \"-1\"")));
  EXPECT_THAT(scale("    marea.dev/hosts: a.example\n"), ElementsAre(HasSubstr("move it to metadata.annotations")));
}

TEST(ManifestFaults, traffic_is_whole_and_unambiguous) {
  EXPECT_THAT(traffic_faults("[{latestRevision: true, revisionName: a-1, percent: 100}]"),
              ElementsAre(HasSubstr("spec.traffic[0].latestRevision: contradicts revisionName")));
  EXPECT_THAT(traffic_faults("[{latestRevision: false, percent: 100}]"),
              ElementsAre(HasSubstr("spec.traffic[0].revisionName: is missing")));
  EXPECT_THAT(traffic_faults("[{percent: 101}]"), ElementsAre(HasSubstr("spec.traffic: the percents must sum to 100"),
                                                              HasSubstr("must be a number between 0 and 100")));
  EXPECT_THAT(traffic_faults("[{percent: 99.75}, {percent: 0.2, revisionName: a-1}]"),
              ElementsAre(HasSubstr("spec.traffic: the percents must sum to 100, sum to 99.95")));
  EXPECT_THAT(traffic_faults("[{percent: 0.005}, {percent: 100, revisionName: a-1}]"),
              ElementsAre(HasSubstr("spec.traffic[0].percent: must be a number between 0 and 100 in steps of 0.01, "
                                    "is 0.005")));
  EXPECT_THAT(traffic_faults("[{percent: '0.25'}, {percent: 100, revisionName: a-1}]"),
              ElementsAre(HasSubstr("is text; write it without quotes or %")));
  EXPECT_THAT(traffic_faults("[{percent: 99.75}, {percent: 0.25, revisionName: a-1}]"), IsEmpty());
  EXPECT_THAT(traffic_faults("[{percent: 50, tag: x}, {percent: 50, revisionName: A, tag: x}]"),
              ElementsAre(HasSubstr("spec.traffic[1].revisionName: must consist"),
                          HasSubstr("spec.traffic[1].tag: \"x\" is there twice")));
  EXPECT_THAT(traffic_faults("[{percent: 100, configurationName: a}]"), ElementsAre(HasSubstr("is not supported")));
  EXPECT_THAT(traffic_faults("[]"), IsEmpty());
  EXPECT_THAT(traffic_faults("[{percent: 60}, {percent: 40, revisionName: a-1}, {revisionName: a-0, tag: old}]"),
              IsEmpty());
}

TEST(ManifestFaults, faults_of_text_and_of_meaning_come_together) {
  EXPECT_THAT(faults_of(std::string(kHead) + "metadata: {name: a, name: b}\nspec: {}\n"),
              ElementsAre("3:21 metadata.name: is there twice; remove one of them",
                          "4:1 spec.template: is missing: what to run"));
}

TEST(ManifestFaults, a_hundred_faults_are_enough) {
  std::string text = std::string(kHead) + "metadata: {name: a}\n";
  for (int i = 0; i < 150; ++i) text += "x" + std::to_string(i) + ": 1\n";
  const auto faults = faults_of(text);
  ASSERT_EQ(faults.size(), 101U);
  EXPECT_EQ(faults.back(), "0:0 : and 51 more faults");
}

TEST(ManifestFaults, an_object_without_text_has_faults_without_lines) {
  const auto parsed = parse_service(Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
      "metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [{"image": "x", "ports":
      [{"containerPort": 70000}]}]}}}})"));
  ASSERT_FALSE(parsed);
  ASSERT_EQ(parsed.error().size(), 1U);
  EXPECT_EQ(to_string(parsed.error()[0]),
            "spec.template.spec.containers[0].ports[0].containerPort: must be between 1 and 65535, is 70000");
  Json deep = 1;
  for (int i = 0; i < 100; ++i) deep = Json::array({deep});
  EXPECT_FALSE(parse_service(deep));
  EXPECT_FALSE(parse_service(nullptr));
}

TEST(ManifestFaults, an_object_without_text_is_bounded_in_bytes_and_in_members_of_a_map) {
  const auto with = [](const Json& annotations) {
    Json out = Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}})");
    out["metadata"]["managedFields"] = Json::array({annotations});
    return out;
  };
  const std::string half(kMostExpandedBytes / 2, 'x');
  EXPECT_TRUE(parse_service(with({{"a", half}})));
  EXPECT_FALSE(parse_service(with({{"a", half}, {"b", half}})));
  EXPECT_FALSE(parse_service(with({{half, half}})));
  Json wide = Json::object();
  for (std::size_t i = 0; i < kMostManifestMembers; ++i) wide[std::to_string(i)] = 1;
  EXPECT_TRUE(parse_service(with(wide)));
  wide["one more"] = 1;
  EXPECT_FALSE(parse_service(with(wide)));
}

TEST(ManifestFaults, how_a_release_goes_is_said_in_words_that_are_known) {
  EXPECT_THAT(metadata_faults("  name: a\n  annotations: {marea.dev/release-policy: Canary!}\n"),
              ElementsAre(HasSubstr("must be none, canary, blue-green, all-at-once or the name of a ReleasePolicy, is "
                                    "\"Canary!\"")));
  EXPECT_THAT(metadata_faults("  name: a\n  annotations: {marea.dev/rollback: \"forbidden-after: 5%\"}\n"),
              ElementsAre(HasSubstr("has no effect on the service; move it to spec.template.metadata.annotations")));
  const auto of_template = [](std::string_view value) {
    return faults_of(std::string(kHead) + "metadata: {name: a}\nspec: {template: {metadata: {annotations: " +
                     "{marea.dev/rollback: \"" + std::string(value) + "\"}}, spec: {containers: [{image: x}]}}}\n");
  };
  EXPECT_THAT(of_template("forbidden-after: 25%"), IsEmpty());
  EXPECT_THAT(of_template("forbidden-after: promotion"), IsEmpty());
  for (const char* value : {"never", "forbidden-after: 0%", "forbidden-after: 100%", "forbidden-after:5%"}) {
    EXPECT_THAT(of_template(value), ElementsAre(HasSubstr("must be \"forbidden-after: STEP\""))) << value;
  }
}

}  // namespace
}  // namespace marea::model
