#include "model/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::model {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> lines(const std::vector<Fault>& faults) {
  std::vector<std::string> out;
  for (const Fault& fault : faults) out.push_back(to_string(fault));
  return out;
}

std::vector<std::string> fault_lines(std::string_view text) {
  const auto parsed = parse_manifests(text);
  return parsed ? std::vector<std::string>{} : lines(parsed.error());
}

ServiceDocument parse(std::string_view text) {
  auto parsed = parse_manifests(text);
  if (!parsed) {
    for (const std::string& line : lines(parsed.error())) ADD_FAILURE() << line;
    return {};
  }
  EXPECT_EQ(parsed->size(), 1U);
  return std::move(parsed->front());
}

// As `gcloud run services describe loans --format export` prints a service.
constexpr std::string_view kExport = R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  annotations:
    run.googleapis.com/client-name: gcloud
    run.googleapis.com/client-version: 528.0.0
    run.googleapis.com/ingress: all
    run.googleapis.com/ingress-status: all
    marea.dev/hosts: Loans.Example.com, www.loans.example.com
    marea.dev/idle-timeout: 90s
  labels:
    cloud.googleapis.com/location: europe-west1
    team: lending
  name: loans
  namespace: '123456789012'
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/maxScale: '20'
        autoscaling.knative.dev/minScale: '1'
        run.googleapis.com/startup-cpu-boost: 'true'
      labels:
        client.knative.dev/nonce: a1b2c3
        run.googleapis.com/startupProbeType: Default
      name: loans-00007-kel
    spec:
      containerConcurrency: 40
      containers:
      - args:
        - --listen
        - '8081'
        command:
        - /bin/loans
        env:
        - name: MODE
          value: production
        - name: EMPTY
        image: registry.example/lending/loans@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        name: loans-1
        livenessProbe:
          httpGet:
            httpHeaders:
            - name: X-Probe
              value: live
            path: /live
            port: 8081
          initialDelaySeconds: 5
          periodSeconds: 30
        ports:
        - containerPort: 8081
          name: http1
        resources:
          limits:
            cpu: 500m
            memory: 1.5Gi
        securityContext:
          runAsUser: 1000
        startupProbe:
          failureThreshold: 20
          periodSeconds: 3
          tcpSocket:
            port: 8081
          timeoutSeconds: 2
        workingDir: /srv
      serviceAccountName: loans@project.iam.gserviceaccount.com
      timeoutSeconds: 120
  traffic:
  - percent: 90
    revisionName: loans-00006-abc
  - latestRevision: true
    percent: 10
    tag: canary
status:
  observedGeneration: 7
  url: https://loans-xyz.a.run.app
)";

TEST(Manifest, reads_what_gcloud_exports) {
  const Service service = parse(kExport).service;
  EXPECT_EQ(service.name.str(), "loans");
  EXPECT_THAT(service.hosts, ElementsAre("loans.localhost", "loans.example.com", "www.loans.example.com"));
  EXPECT_EQ(service.labels.at("team"), "lending");
  const Template& revision = service.revision_template;
  EXPECT_EQ(revision.revision_name, "loans-00007-kel");
  EXPECT_EQ(revision.labels.at("client.knative.dev/nonce"), "a1b2c3");
  EXPECT_EQ(revision.concurrency, 40);
  EXPECT_EQ(revision.timeout, seconds(120));
  EXPECT_EQ(revision.min_scale, 1);
  EXPECT_EQ(revision.max_scale, 20);
  EXPECT_EQ(revision.idle_timeout, seconds(90));
  const TrafficTarget stable{.revision = "loans-00006-abc", .latest = false, .weight = 9000, .tag = {}};
  const TrafficTarget canary{.revision = {}, .latest = true, .weight = 1000, .tag = "canary"};
  EXPECT_THAT(service.traffic, ElementsAre(stable, canary));
}

TEST(Manifest, reads_the_container_that_gcloud_exports) {
  const Container container = parse(kExport).service.revision_template.container;
  EXPECT_EQ(container.name, "loans-1");
  EXPECT_THAT(container.image, HasSubstr("@sha256:0123"));
  EXPECT_THAT(container.command, ElementsAre("/bin/loans"));
  EXPECT_THAT(container.args, ElementsAre("--listen", "8081"));
  EXPECT_THAT(container.env, ElementsAre(std::pair("MODE", "production"), std::pair("EMPTY", "")));
  EXPECT_EQ(container.working_dir, "/srv");
  EXPECT_EQ(container.port, 8081);
  EXPECT_EQ(container.limits, (Limits{.memory_bytes = 3LL << 29, .milli_cpu = 500}));
  EXPECT_EQ(container.run_as_user, 1000);
  EXPECT_EQ(container.startup.kind, ProbeKind::tcp);
  EXPECT_EQ(container.startup.port, 8081);
  EXPECT_EQ(container.startup.deadline(), seconds(60));
  EXPECT_TRUE(container.startup.declared);
  ASSERT_TRUE(container.liveness);
  EXPECT_EQ(container.liveness->kind, ProbeKind::http);
  EXPECT_EQ(container.liveness->path, "/live");
  EXPECT_THAT(container.liveness->headers, ElementsAre(std::pair("X-Probe", "live")));
  EXPECT_EQ(container.liveness->initial_delay, seconds(5));
  EXPECT_EQ(container.liveness->timeout, seconds(1));
}

TEST(Manifest, tells_what_it_keeps_without_acting_on_it) {
  EXPECT_THAT(lines(parse(kExport).notices),
              ElementsAre(HasSubstr("line 7: metadata.annotations[\"run.googleapis.com/ingress\"]: is kept"),
                          HasSubstr("line 66: spec.template.spec.serviceAccountName: is kept")));
}

TEST(Manifest, an_export_is_printed_back_without_loss) {
  const ServiceDocument read = parse(kExport);
  const ServiceDocument again = parse(print_yaml(read.document));
  EXPECT_EQ(again.document, read.document);
  EXPECT_EQ(again.service, read.service);
  EXPECT_EQ(parse(read.document.dump()).service, read.service);
  const auto value = parse_service(read.document);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->service, read.service);
  EXPECT_EQ(value->document, read.document);
  EXPECT_EQ(value->notices.at(0).line, 0);
}

constexpr std::string_view kLeast = R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: hola}
spec:
  template:
    spec:
      containers:
      - image: oci:./hola
)";

TEST(Manifest, what_is_left_out_has_cloud_runs_defaults) {
  const ServiceDocument read = parse(kLeast);
  EXPECT_THAT(read.notices, IsEmpty());
  Service wanted;
  wanted.name = base::ServiceName("hola");
  wanted.hosts = {"hola.localhost"};
  wanted.revision_template.container.image = "oci:./hola";
  wanted.traffic = {{.revision = {}, .latest = true, .weight = 10'000, .tag = {}}};
  EXPECT_EQ(read.service, wanted);
  EXPECT_EQ(wanted.revision_template.concurrency, 80);
  EXPECT_EQ(wanted.revision_template.container.port, 8080);
  EXPECT_EQ(wanted.revision_template.container.startup.deadline(), seconds(240));
}

TEST(Manifest, a_split_in_steps_of_a_hundredth_is_kept_as_it_is_written) {
  const ServiceDocument read =
      parse(std::string(kLeast) + "  traffic: [{percent: 99.75}, {percent: 0.25, revisionName: hola-00001}]\n");
  const TrafficTarget most{.revision = {}, .latest = true, .weight = 9975, .tag = {}};
  const TrafficTarget few{.revision = "hola-00001", .latest = false, .weight = 25, .tag = {}};
  EXPECT_THAT(read.service.traffic, ElementsAre(most, few));
  EXPECT_EQ(read.document["spec"]["traffic"].dump(),
            R"([{"percent":99.75},{"percent":0.25,"revisionName":"hola-00001"}])");
  EXPECT_EQ(parse(print_yaml(read.document)).document, read.document);
}

TEST(Manifest, several_documents_keep_their_order_and_tell_all_faults) {
  const std::string two = std::string(kLeast) + "---\n" + std::string(kExport);
  const auto parsed = parse_manifests(two);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at(0).service.name.str(), "hola");
  EXPECT_EQ(parsed->at(1).service.name.str(), "loans");
  EXPECT_THAT(fault_lines("kind: Service\n---\napiVersion: serving.knative.dev/v1\n"),
              ElementsAre("line 1: apiVersion: is missing: serving.knative.dev/v1",
                          "line 1: metadata: is missing: it has name, the name of the service",
                          "line 1: spec: is missing: it has template, what to run", "line 3: kind: is missing: Service",
                          "line 3: metadata: is missing: it has name, the name of the service",
                          "line 3: spec: is missing: it has template, what to run"));
}

TEST(Manifest, an_empty_text_is_a_fault) {
  EXPECT_THAT(fault_lines(""), ElementsAre(HasSubstr("is empty: a manifest begins with apiVersion")));
  EXPECT_THAT(fault_lines("---\n# only a comment\n"), ElementsAre(HasSubstr("is empty")));
  EXPECT_THAT(fault_lines("hello"), ElementsAre("line 1: must be a map of names and values, is text"));
}

TEST(Manifest, knatives_max_scale_without_a_limit_is_the_most_there_is_and_is_noticed) {
  const auto document = parse(R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: a}
spec: {template: {metadata: {annotations: {autoscaling.knative.dev/max-scale: '0'}}, spec: {containers: [{image: x}]}}}
)");
  EXPECT_EQ(document.service.revision_template.max_scale, 1000);
  EXPECT_THAT(lines(document.notices), ElementsAre(HasSubstr("means no limit to Knative")));
}

TEST(Manifest, scaling_is_read_in_knatives_spellings) {
  const auto scaled = [](const std::string& annotations, int concurrency) {
    return parse(
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\nspec: {template: {metadata: "
        "{annotations: {" +
        annotations + "}}, spec: {containerConcurrency: " + std::to_string(concurrency) +
        ", containers: [{image: x}]}}}\n");
  };
  const auto all = scaled(
      "autoscaling.knative.dev/initial-scale: '3', autoscaling.knative.dev/target: '50', "
      "autoscaling.knative.dev/targetUtilizationPercentage: '70', "
      "autoscaling.knative.dev/scale-down-delay: 1m30s",
      80);
  EXPECT_EQ(all.service.revision_template.initial_scale, 3);
  EXPECT_EQ(all.service.revision_template.target, 35);
  EXPECT_EQ(all.service.revision_template.scale_down_delay, seconds(90));
  EXPECT_EQ(all.service.revision_template.idle_timeout, std::nullopt);
  EXPECT_THAT(all.notices, IsEmpty());

  const Template plain = scaled("", 7).service.revision_template;
  EXPECT_EQ(plain.initial_scale, 1);
  EXPECT_EQ(plain.target, 7);
  EXPECT_EQ(plain.scale_down_delay, seconds(0));

  const auto target = [&](const std::string& annotations, int concurrency) {
    return scaled(annotations, concurrency).service.revision_template.target;
  };
  EXPECT_EQ(target("autoscaling.knative.dev/target: '200'", 10), 10);
  EXPECT_EQ(target("autoscaling.knative.dev/target: '0.5'", 10), 1);
  EXPECT_EQ(target("autoscaling.knative.dev/target-utilization-percentage: '29'", 100), 29);
  EXPECT_EQ(target("autoscaling.knative.dev/target: '5', autoscaling.knative.dev/metric: rps", 10), 10);

  const auto noticed = scaled("autoscaling.knative.dev/initialScale: '0'", 1);
  EXPECT_EQ(noticed.service.revision_template.initial_scale, 1);
  EXPECT_THAT(lines(noticed.notices), ElementsAre(HasSubstr("is taken as 1")));
}

// As `marea services list -o yaml`, `kubectl get -o yaml` and `jq` print several.
TEST(Manifest, a_list_stands_for_its_items_and_documents_of_both_forms_may_follow_each_other) {
  constexpr std::string_view kItems = R"(
items:
- {apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a}, spec: {template: {spec: {containers: [{image: x}]}}}}
- {apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: b}, spec: {template: {spec: {containers: [{image: x}]}}}}
)";
  for (const char* head : {"apiVersion: v1\nkind: List", "apiVersion: serving.knative.dev/v1\nkind: ServiceList"}) {
    const auto parsed = parse_manifests(head + std::string(kItems));
    ASSERT_TRUE(parsed) << lines(parsed.error()).front();
    ASSERT_EQ(parsed->size(), 2U);
    EXPECT_EQ(parsed->back().document["metadata"]["name"], "b");
  }
  EXPECT_THAT(fault_lines("kind: List\nitems:\n- apiVersion: v1\n  kind: Service\n"),
              testing::Contains(HasSubstr("line 3: items[0].apiVersion: ")));

  const std::string one = R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "a"},
      "spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}})";
  const auto both = parse_manifests(one + "\n---\n" + one);
  ASSERT_TRUE(both) << lines(both.error()).front();
  EXPECT_EQ(both->size(), 2U);
}

}  // namespace
}  // namespace marea::model
