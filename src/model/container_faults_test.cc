#include "model/manifest_faults_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ContainerFaults, what_the_service_cannot_be_right_without_blocks) {
  EXPECT_THAT(
      container_faults("      volumeDevices: [{name: d}]\n"
                       "      env:\n      - name: S\n        valueFrom: {fieldRef: {fieldPath: status.podIP}}\n"
                       "    initContainers: [{image: x}]\n"),
      ElementsAre(HasSubstr("9:7 spec.template.spec.containers[0].volumeDevices: is not supported, and the service "
                            "would be wrong without it: devices are not available"),
                  HasSubstr("12:21 spec.template.spec.containers[0].env[0].valueFrom.fieldRef: is not supported"),
                  HasSubstr("13:5 spec.template.spec.initContainers: is not supported")));
  EXPECT_THAT(container_faults("      ports: [{name: h2c}]\n      resources: {limits: {nvidia.com/gpu: '1'}}\n"
                               "      readinessProbe: {exec: {command: [a]}}\n"
                               "      securityContext: {privileged: true}\n"),
              ElementsAre(HasSubstr("9:16 spec.template.spec.containers[0].ports[0].name: is not supported"),
                          HasSubstr("resources.limits[\"nvidia.com/gpu\"]: is not supported"),
                          HasSubstr("readinessProbe.exec: is not supported"),
                          HasSubstr("securityContext.privileged: is not supported")));
}

TEST(ContainerFaults, what_blocks_is_fine_while_it_is_empty) {
  EXPECT_THAT(
      container_faults("      volumeMounts: []\n      envFrom: null\n      securityContext: {privileged: false}\n"
                       "    volumes: []\n"),
      IsEmpty());
}

TEST(ContainerFaults, ports_have_one_number_and_a_known_protocol) {
  EXPECT_THAT(
      container_faults("      ports:\n      - containerPort: 0\n      - containerPort: '80'\n        name: web\n"
                       "        protocol: UDP\n        hostPort: 80\n"),
      ElementsAre("10:24 spec.template.spec.containers[0].ports[0].containerPort: must be between 1 and 65535, is 0",
                  "11:9 spec.template.spec.containers[0].ports[1]: must not be there: a container has one port",
                  HasSubstr("11:24 spec.template.spec.containers[0].ports[1].containerPort: must be a whole "
                            "number, is text; write it without quotes: 80"),
                  HasSubstr("12:15 spec.template.spec.containers[0].ports[1].name: must be http1 or h2c"),
                  HasSubstr("13:19 spec.template.spec.containers[0].ports[1].protocol: must be TCP"),
                  HasSubstr("14:9 spec.template.spec.containers[0].ports[1].hostPort: is no field")));
}

TEST(ContainerFaults, limits_say_what_a_quantity_is) {
  EXPECT_THAT(
      container_faults("      resources:\n        limits: {memory: 512MB, cpu: 0}\n"),
      ElementsAre(HasSubstr("10:26 spec.template.spec.containers[0].resources.limits.memory: must be a number with "
                            "an optional unit (m, k, M, G, T, Ki, Mi, Gi, Ti); write M instead of MB"),
                  HasSubstr("10:38 spec.template.spec.containers[0].resources.limits.cpu: must be more than 0")));
  EXPECT_THAT(container_faults("      resources: {limits: {memory: 512m}}\n"),
              ElementsAre(HasSubstr("must be at least 16Mi, is \"512m\"; m is a thousandth, M a million")));
  EXPECT_THAT(container_faults("      resources: {limits: {memory: 1073741824, cpu: 0.5}}\n"), IsEmpty());
}

TEST(ContainerFaults, env_names_are_unique_and_not_the_platforms) {
  EXPECT_THAT(
      container_faults("      env:\n      - {name: A, value: 'x'}\n      - {name: A}\n      - {name: K_SERVICE}\n"
                       "      - {name: 1X}\n      - {value: x}\n"),
      ElementsAre(HasSubstr("11:16 spec.template.spec.containers[0].env[1].name: \"A\" is there twice"),
                  HasSubstr("12:16 spec.template.spec.containers[0].env[2].name: \"K_SERVICE\" is reserved"),
                  HasSubstr("13:16 spec.template.spec.containers[0].env[3].name: \"1X\" must consist of"),
                  HasSubstr("14:9 spec.template.spec.containers[0].env[4].name: is missing")));
}

TEST(ContainerFaults, probes_have_cloud_runs_bounds) {
  EXPECT_THAT(
      container_faults("      startupProbe:\n        httpGet: {path: healthz, port: web}\n        tcpSocket: {}\n"
                       "        periodSeconds: 100\n        failureThreshold: 3\n        timeoutSeconds: 101\n"),
      ElementsAre(HasSubstr("9:7 spec.template.spec.containers[0].startupProbe: periodSeconds x failureThreshold "
                            "must not exceed 240 seconds, is 300"),
                  HasSubstr("10:25 spec.template.spec.containers[0].startupProbe.httpGet.path: must begin with /"),
                  HasSubstr("10:40 spec.template.spec.containers[0].startupProbe.httpGet.port: must be a number"),
                  HasSubstr("11:9 spec.template.spec.containers[0].startupProbe.tcpSocket: contradicts httpGet"),
                  HasSubstr("14:25 spec.template.spec.containers[0].startupProbe.timeoutSeconds: must not exceed "
                            "periodSeconds (100), is 101")));
  EXPECT_THAT(container_faults("      livenessProbe: {initialDelaySeconds: 3601}\n"),
              ElementsAre(HasSubstr("livenessProbe: must have httpGet, tcpSocket or grpc"),
                          HasSubstr("must be between 0 and 3600, is 3601")));
  EXPECT_THAT(container_faults("      ports: [{name: http1}]\n      livenessProbe: {tcpSocket: {port: http1}}\n"),
              IsEmpty());
}

TEST(ContainerFaults, the_rest_of_a_container_is_checked) {
  EXPECT_THAT(
      container_faults("      name: My App\n      workingDir: app\n      command: sh -c x\n      args: [1, a]\n"
                       "      securityContext: {runAsUser: -1}\n"),
      ElementsAre(HasSubstr("9:13 spec.template.spec.containers[0].name: must consist"),
                  HasSubstr("10:19 spec.template.spec.containers[0].workingDir: must be an absolute path"),
                  HasSubstr("11:16 spec.template.spec.containers[0].command: must be a list, is text"),
                  HasSubstr("12:14 spec.template.spec.containers[0].args[0]: must be text, is a number; write it in "
                            "quotes: \"1\""),
                  HasSubstr("runAsUser: must be between 0 and 2147483647, is -1")));
  for (const char* image : {"''", "'a b'", "'oci:'", "x@sha256:12", "x@md5:0"}) {
    EXPECT_THAT(spec_faults("    containers: [{image: " + std::string(image) + "}]\n"), testing::SizeIs(2)) << image;
  }
}

TEST(ContainerFaults, concurrency_and_timeout_have_bounds) {
  EXPECT_THAT(spec_faults("    containerConcurrency: 1001\n    timeoutSeconds: 1.5\n"),
              ElementsAre("7:27 spec.template.spec.containerConcurrency: must be between 0 and 1000, is 1001",
                          "8:21 spec.template.spec.timeoutSeconds: must be a whole number, is 1.5"));
  EXPECT_THAT(spec_faults("    containerConcurrency: 0\n    timeoutSeconds: 3600.0\n"), IsEmpty());
  EXPECT_THAT(spec_faults("    timeoutSeconds: 300s\n"),
              ElementsAre("7:21 spec.template.spec.timeoutSeconds: must be a whole number, is text"));
}

TEST(ContainerFaults, a_template_has_one_container) {
  const auto containers = [](const std::string& text) {
    return faults_of(std::string(kHead) + "metadata: {name: a}\nspec: {template: {spec: {" + text + "}}}\n");
  };
  EXPECT_THAT(containers(""), ElementsAre(HasSubstr("spec.template.spec.containers: is missing")));
  EXPECT_THAT(containers("containers: []"), ElementsAre(HasSubstr("must have one container, has none")));
  EXPECT_THAT(containers("containers: {}"), ElementsAre(HasSubstr("must be a list, is a map")));
  EXPECT_THAT(containers("containers: [x]"), ElementsAre(HasSubstr("containers[0]: must be a map")));
}

}  // namespace
}  // namespace marea::model
