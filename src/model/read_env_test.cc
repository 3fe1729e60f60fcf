#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/manifest_faults_test.h"
#include "model/secret_alias.h"

namespace marea::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The container of a manifest whose container has these lines, indented by six.
Container container(const std::string& lines) {
  const auto parsed = parse_manifests(std::string(kHead) + "metadata: {name: a}\nspec:\n template:\n  spec:\n" +
                                      "    containers:\n    - image: x\n" + lines);
  if (!parsed) {
    for (const Fault& fault : parsed.error()) ADD_FAILURE() << to_string(fault);
    return {};
  }
  return parsed->front().service.revision_template.container;
}

TEST(ReadEnv, values_and_references_are_kept_apart) {
  const Container read = container(
      "      env:\n"
      "      - {name: MODE, value: production}\n"
      "      - {name: DB, valueFrom: {secretKeyRef: {name: db, key: latest}}}\n"
      "      - {name: TEXT, valueFrom: {configMapKeyRef: {name: texts, key: es.txt, optional: true}}}\n"
      "      envFrom:\n"
      "      - {prefix: APP_, configMapRef: {name: settings}}\n"
      "      - {secretRef: {name: keys, optional: true}}\n");
  EXPECT_THAT(read.env, ElementsAre(std::pair<std::string, std::string>("MODE", "production")));
  const EnvReference db{.variable = "DB", .kind = SourceKind::secret, .name = "db", .key = "latest"};
  const EnvReference text{
      .variable = "TEXT", .kind = SourceKind::config, .name = "texts", .key = "es.txt", .optional = true};
  const EnvReference settings{.variable = "APP_", .kind = SourceKind::config, .name = "settings"};
  const EnvReference keys{.kind = SourceKind::secret, .name = "keys", .optional = true};
  EXPECT_THAT(read.env_references, ElementsAre(db, text, settings, keys));
}

TEST(ReadEnv, a_reference_has_a_name_a_key_and_one_source) {
  EXPECT_THAT(
      container_faults("      env:\n"
                       "      - {name: A, valueFrom: {secretKeyRef: {name: db}}}\n"
                       "      - {name: B, value: b, valueFrom: {configMapKeyRef: {name: -x, key: ''}}}\n"
                       "      - {name: C, valueFrom: {}}\n"
                       "      - {name: D, valueFrom: {secretKeyRef: {name: a, key: b, optional: 1},"
                       " configMapKeyRef: {name: a, key: b}}}\n"
                       "      - {name: A, valueFrom: {secretKeyRef: {name: db, key: '1'}}}\n"),
      ElementsAre(
          HasSubstr("env[0].valueFrom.secretKeyRef.key: is missing"), HasSubstr("env[1].valueFrom: contradicts"),
          HasSubstr("configMapKeyRef.name: must be 1 to 253"), HasSubstr("configMapKeyRef.key: must be 1 to 253"),
          HasSubstr("env[2].valueFrom: must have secretKeyRef or configMapKeyRef"),
          HasSubstr("secretKeyRef.optional: must be true or false"),
          HasSubstr("env[3].valueFrom.configMapKeyRef: contradicts"), HasSubstr("env[4].name: \"A\" is there twice")));
  EXPECT_THAT(
      container_faults("      envFrom:\n      - {}\n      - {prefix: '1', secretRef: {}}\n      - {other: 1}\n"),
      ElementsAre(HasSubstr("envFrom[0]: must have secretRef or configMapRef"),
                  HasSubstr("envFrom[1].prefix: \"1\" must"), HasSubstr("envFrom[1].secretRef.name: is missing"),
                  HasSubstr("envFrom[2]: must have"), HasSubstr("envFrom[2].other: is no field")));
}

TEST(ReadEnv, fields_of_pods_block_with_their_reason) {
  EXPECT_THAT(container_faults("      env:\n      - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n"
                               "      - {name: M, valueFrom: {resourceFieldRef: {resource: limits.memory}}}\n"),
              ElementsAre(HasSubstr("valueFrom.fieldRef: is not supported, and the service would be wrong without it: "
                                    "instances are no pods"),
                          HasSubstr("valueFrom.resourceFieldRef: is not supported")));
}

TEST(SecretAlias, aliases_lead_to_paths) {
  EXPECT_THAT(
      parse_secret_aliases("a:projects/1/secrets/x, b:projects/p/secrets/y/versions/3,").value(),
      ElementsAre(SecretAlias{"a", "projects/1/secrets/x"}, SecretAlias{"b", "projects/p/secrets/y/versions/3"}));
  EXPECT_THAT(parse_secret_aliases("").value(), IsEmpty());
}

TEST(SecretAlias, anything_else_is_a_fault) {
  for (const char* text :
       {"a", "a:", "a:secrets/x", "a:projects//secrets/x", ":projects/1/secrets/x", "-a:projects/1/secrets/x",
        "a:projects/1/secrets/x/versions", "a:projects/1/keys/x", "a:projects/1/secrets/x,a:projects/1/secrets/y"}) {
    EXPECT_FALSE(parse_secret_aliases(text)) << text;
  }
}

TEST(ReadProbe, grpc_is_kept_with_a_notice_and_connects) {
  const auto parsed = parse_manifests(std::string(kHead) + "metadata: {name: a}\nspec:\n template:\n  spec:\n" +
                                      "    containers:\n    - image: x\n      livenessProbe: {grpc: {port: 9, service: "
                                      "loans}}\n");
  ASSERT_TRUE(parsed);
  const auto& probe = parsed->front().service.revision_template.container.liveness;
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->kind, ProbeKind::grpc);
  EXPECT_EQ(probe->port, 9);
  EXPECT_EQ(probe->service, "loans");
  ASSERT_EQ(parsed->front().notices.size(), 1U);
  EXPECT_THAT(parsed->front().notices[0].message, HasSubstr("connects to the port"));
}

TEST(ReadProbe, a_readiness_probe_is_read_as_knative_writes_it) {
  const auto probe = container("      readinessProbe: {successThreshold: 1, tcpSocket: {port: 0}}\n").readiness;
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->kind, ProbeKind::tcp);
  EXPECT_EQ(probe->period, std::chrono::seconds(10));
  const auto full = container(
                        "      readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 300, "
                        "timeoutSeconds: 0, failureThreshold: 2, successThreshold: 2, initialDelaySeconds: 4}\n")
                        .readiness;
  ASSERT_TRUE(full);
  EXPECT_EQ(full->path, "/ready");
  EXPECT_EQ(full->period, std::chrono::seconds(300));
  EXPECT_EQ(full->timeout, std::chrono::seconds(1));
  EXPECT_EQ(full->failure_threshold, 2);
  EXPECT_EQ(full->success_threshold, 2);
  EXPECT_EQ(full->initial_delay, std::chrono::seconds(4));
  EXPECT_EQ(container("      readinessProbe: {}\n").readiness->kind, ProbeKind::tcp);
}

TEST(ReadProbe, thresholds_and_kinds_have_their_bounds) {
  EXPECT_THAT(container_faults("      startupProbe: {tcpSocket: {}, successThreshold: 2}\n"
                               "      livenessProbe: {periodSeconds: 1}\n"
                               "      readinessProbe: {httpGet: {}, grpc: {}, periodSeconds: 301}\n"),
              ElementsAre(HasSubstr("startupProbe.successThreshold: must be 1 for startup and liveness probes, is 2"),
                          HasSubstr("livenessProbe: must have httpGet, tcpSocket or grpc"),
                          HasSubstr("readinessProbe.grpc: contradicts httpGet"),
                          HasSubstr("readinessProbe.periodSeconds: must be between 0 and 300")));
}

}  // namespace
}  // namespace marea::model
