#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/manifest_faults_test.h"

namespace marea::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A service whose template has these annotations (line 5) and this spec, from line 7 on and indented by four.
std::string text_of(std::string_view annotations, std::string_view spec) {
  return std::string(kHead) + "metadata: {name: a}\nspec: {template: {metadata: {annotations: {" +
         std::string(annotations) + "}},\n spec:\n  {" + std::string(spec) + "}}}\n";
}

Template template_of(std::string_view annotations, std::string_view spec) {
  const auto parsed = parse_manifests(text_of(annotations, spec));
  if (parsed) return parsed->at(0).service.revision_template;
  for (const Fault& fault : parsed.error()) ADD_FAILURE() << to_string(fault);
  return {};
}

std::vector<std::string> faults(std::string_view annotations, std::string_view spec) {
  return faults_of(text_of(annotations, spec));
}

std::string depends(const std::string& json) {
  return "run.googleapis.com/container-dependencies: '" + json + "'";
}

constexpr std::string_view kThree =
    "containers: [{image: p, name: proxy, startupProbe: {tcpSocket: {port: 9000}}},"
    " {image: a, name: app, ports: [{containerPort: 3000}]}, {image: c, name: cache}]";

TEST(Containers, the_one_with_ports_gets_the_requests_and_the_others_have_no_port) {
  const Template spec = template_of("", kThree);
  EXPECT_EQ(spec.container.name, "app");
  EXPECT_EQ(spec.container.port, 3000);
  ASSERT_EQ(spec.sidecars.size(), 2U);
  EXPECT_EQ(spec.sidecars[0].name, "proxy");
  EXPECT_EQ(spec.sidecars[0].port, 0);
  EXPECT_EQ(spec.sidecars[0].startup.port, 9000);
  EXPECT_FALSE(spec.sidecars[1].startup.declared);
}

TEST(Containers, those_without_a_name_get_one_that_nobody_has) {
  const Template spec =
      template_of("", "containers: [{image: a, ports: [{}]}, {image: b}, {image: c, name: user-container-1}]");
  EXPECT_EQ(spec.container.name, "user-container-0");
  EXPECT_EQ(spec.sidecars[0].name, "user-container-1-x");
  EXPECT_EQ(spec.sidecars[1].name, "user-container-1");
  EXPECT_EQ(template_of("", "containers: [{image: a}]").container.name, "");
}

TEST(Containers, exactly_one_of_several_has_ports_and_names_are_unique) {
  EXPECT_THAT(faults("", "containers: [{image: a, name: x}, {image: b, name: x}]"),
              ElementsAre(HasSubstr("spec.template.spec.containers: must have one container with ports"),
                          HasSubstr("spec.template.spec.containers[1].name: \"x\" is there twice")));
  EXPECT_THAT(faults("", "containers: [{image: a, ports: [{}]}, {image: b, ports: [{containerPort: 1}]}]"),
              ElementsAre(HasSubstr("containers[1].ports: must not be there: only one container gets requests")));
  std::string many = "containers: [{image: a, ports: [{}]}";
  for (int i = 0; i < 10; ++i) many += ", {image: b}";
  EXPECT_THAT(faults("", many + "]"), ElementsAre(HasSubstr("containers[10]: is one too many")));
}

TEST(Containers, a_probe_of_a_sidecar_names_its_port) {
  EXPECT_THAT(faults("",
                     "containers: [{image: a, ports: [{}], livenessProbe: {httpGet: {path: /}}},"
                     " {image: b, startupProbe: {tcpSocket: {}}, livenessProbe: {httpGet: {path: /, port: 1}}}]"),
              ElementsAre(HasSubstr("containers[1].startupProbe: must name its port")));
}

TEST(Containers, memory_and_cpu_of_an_instance_are_those_of_its_containers_together) {
  const Template spec =
      template_of("",
                  "containers: [{image: a, ports: [{}], resources: {limits: {memory: 100Mi, cpu: 500m}}},"
                  " {image: b, resources: {limits: {memory: 28Mi, cpu: 250m}}}], securityContext: {runAsUser: 7}");
  EXPECT_EQ(instance_limits(spec).memory_bytes, 128 << 20);
  EXPECT_EQ(instance_limits(spec).milli_cpu, 750);
  EXPECT_EQ(spec.sidecars[0].run_as_user, 7);
}

TEST(Dependencies, say_who_starts_after_whom) {
  const Template spec = template_of(depends(R"({"app":["proxy","cache","proxy"],"cache":["proxy"]})"), kThree);
  EXPECT_THAT(spec.container.starts_after, ElementsAre("proxy", "cache"));
  EXPECT_THAT(spec.sidecars[1].starts_after, ElementsAre("proxy"));
  EXPECT_THAT(template_of(depends("{}"), kThree).container.starts_after, IsEmpty());
}

TEST(Dependencies, what_cannot_be_is_told_with_its_place) {
  EXPECT_THAT(faults(depends("{"), kThree),
              ElementsAre(HasSubstr("4:87 spec.template.metadata.annotations[\"run.googleapis.com/"
                                    "container-dependencies\"]: must be a JSON object such as")));
  EXPECT_THAT(faults(depends("[]"), kThree), ElementsAre(HasSubstr("must be a JSON object")));
  EXPECT_THAT(faults(depends(R"({"app":"proxy"})"), kThree), ElementsAre(HasSubstr("must have a list of names")));
  EXPECT_THAT(faults(depends(R"({"app":[1]})"), kThree), ElementsAre(HasSubstr("must have names of containers")));
  EXPECT_THAT(
      faults(depends(R"({"app":["proxi"],"x":[]})"), kThree),
      testing::UnorderedElementsAre(HasSubstr("\"proxi\" is no container of this template; did you mean proxy?"),
                                    HasSubstr("\"x\" is no container of this template")));
  EXPECT_THAT(faults(depends(R"({"app":["app"]})"), kThree),
              ElementsAre(HasSubstr("\"app\" cannot start after itself")));
  EXPECT_THAT(faults(depends(R"({"app":["proxy"],"proxy":["cache"],"cache":["app"]})"), kThree),
              ElementsAre(HasSubstr("has a cycle, in which nobody could start first: app -> proxy -> cache -> app")));
}

TEST(Volumes, of_all_kinds_are_read_with_what_they_hold) {
  const Template spec = template_of(
      "",
      "volumes: [{name: e, emptyDir: {medium: Memory, sizeLimit: 8Mi}}, {name: d, emptyDir: {}},"
      " {name: s, secret: {secretName: k, defaultMode: 256, items: [{key: latest, path: a/b, mode: 292}]}},"
      " {name: c, configMap: {name: m, optional: true}},"
      " {name: p, projected: {sources: [{secret: {name: k}}, {configMap: {name: m}}]}}],"
      " containers: [{image: a, volumeMounts: [{name: e, mountPath: /data//x/, subPath: in/side, readOnly: true},"
      " {name: d, mountPath: /dev/shm}, {name: s, mountPath: /s}]}]");
  ASSERT_EQ(spec.volumes.size(), 5U);
  EXPECT_EQ(spec.volumes[0].size_bytes, 8 << 20);
  EXPECT_FALSE(spec.volumes[1].size_bytes);
  EXPECT_THAT(spec.volumes[2].sources,
              ElementsAre(VolumeSource{.kind = SourceKind::secret,
                                       .name = "k",
                                       .items = {{.key = "latest", .path = "a/b", .mode = 0444}},
                                       .mode = 0400}));
  EXPECT_TRUE(spec.volumes[3].sources.at(0).optional);
  EXPECT_EQ(spec.volumes[4].sources.size(), 2U);
  EXPECT_THAT(spec.container.mounts,
              ElementsAre(VolumeMount{.volume = "e", .path = "/data/x", .sub_path = "in/side", .read_only = true},
                          VolumeMount{.volume = "d", .path = "/dev/shm"},
                          VolumeMount{.volume = "s", .path = "/s", .read_only = true}));
}

TEST(Volumes, what_is_wrong_with_one_is_told) {
  EXPECT_THAT(
      faults("",
             "volumes: [{name: a}, {name: b, emptyDir: {sizeLimit: 1, medium: HugePages}},"
             " {name: b, hostPath: {path: /}}, {name: c, nfs: {server: x}}, {name: d, csi: {driver: x}},"
             " {name: f, persistentVolumeClaim: {claimName: x}}, {name: g, secret: {name: x}},"
             " {name: h, emptyDir: {}, secret: {secretName: s}}], containers: [{image: a}]"),
      testing::IsSupersetOf(
          {HasSubstr("volumes[0]: must have one of emptyDir, secret"),
           HasSubstr("volumes[1].emptyDir.sizeLimit: must be at least 64Ki"),
           HasSubstr("volumes[1].emptyDir.medium: must be Memory or left out"),
           HasSubstr("volumes[2].name: \"b\" is there twice"), HasSubstr("volumes[2].hostPath: is not supported"),
           HasSubstr("volumes[3].nfs: is not supported"), HasSubstr("volumes[4].csi: is not supported"),
           HasSubstr("volumes[5].persistentVolumeClaim: is not supported"),
           HasSubstr("volumes[6].secret.name: is called secretName here"),
           HasSubstr("volumes[7].secret: contradicts emptyDir")}));
}

TEST(Volumes, a_mount_names_a_volume_and_a_place_that_is_not_the_sandboxes) {
  EXPECT_THAT(
      faults(
          "",
          "volumes: [{name: data, emptyDir: {}}], containers: [{image: a, volumeMounts: ["
          "{name: dat, mountPath: /a}, {name: data, mountPath: b}, {name: data, mountPath: /},"
          " {name: data, mountPath: /proc/x}, {name: data, mountPath: /sys}, {name: data, mountPath: /dev/pts},"
          " {name: data, mountPath: /c/../d}, {name: data, mountPath: /a/}, {name: data, mountPath: /e, subPath: /f},"
          " {name: data, mountPath: /g, subPath: a/..}, {name: data, mountPath: '/h:i'}, {name: data}]}]"),
      ElementsAre(HasSubstr("[0].name: \"dat\" is not among spec.template.spec.volumes; did you mean data?"),
                  HasSubstr("[1].mountPath: must be an absolute path"),
                  HasSubstr("[2].mountPath: must not be / itself"), HasSubstr("[3].mountPath: must not be in /proc"),
                  HasSubstr("[4].mountPath: must not be in /sys"), HasSubstr("[5].mountPath: must not be in /dev"),
                  HasSubstr("[6].mountPath: must not contain . or .."),
                  HasSubstr("[7].mountPath: \"/a/\" is there twice"), HasSubstr("[8].subPath: must be a relative path"),
                  HasSubstr("[9].subPath: must not contain . or .."),
                  HasSubstr("[10].mountPath: must not contain a colon"), HasSubstr("[11].mountPath: is missing")));
}

TEST(Volumes, a_mount_leaves_the_sandbox_its_hosts_and_is_no_longer_than_a_name_may_be) {
  EXPECT_EQ(mount_path_fault("/etc/hosts").value_or(""), "must not be /etc/hosts, which is the sandbox's own");
  EXPECT_TRUE(mount_path_fault("/etc//resolv.conf/"));
  EXPECT_TRUE(mount_path_fault("/etc/hostname/x"));
  EXPECT_THAT(mount_path_fault("/etc/").value_or(""), HasSubstr("mount it below, such as /etc/app"));
  EXPECT_FALSE(mount_path_fault("/etc/app"));
  EXPECT_FALSE(mount_path_fault("/etc/hosts.d"));
  const std::string longest(255, 'a');
  EXPECT_FALSE(sub_path_fault("b/" + longest + "/c"));
  EXPECT_FALSE(mount_path_fault("/" + longest));
  EXPECT_THAT(sub_path_fault("b/" + longest + "a/c").value_or(""), HasSubstr("longer than 255"));
  EXPECT_TRUE(sub_path_fault(longest + "a"));
  EXPECT_TRUE(mount_path_fault("/v/" + longest + "a"));
}

}  // namespace
}  // namespace marea::model
