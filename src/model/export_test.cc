// Whole services as gcloud and kn write them: everything is read, kept and printed back, and only what cannot be right
// here is a fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/manifest.h"

namespace marea::model {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> export_lines(const std::vector<Fault>& faults) {
  std::vector<std::string> out;
  for (const Fault& fault : faults) out.push_back(to_string(fault));
  return out;
}

constexpr std::string_view kCloudRun = R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  annotations:
    run.googleapis.com/binary-authorization: default
    run.googleapis.com/binary-authorization-breakglass: image was scanned by hand
    run.googleapis.com/build-base-image: us-central1-docker.pkg.dev/serverless-runtimes/google-22/runtimes/nodejs22
    run.googleapis.com/build-enable-automatic-updates: 'false'
    run.googleapis.com/build-environment-variables: '{"GOOGLE_NODE_RUN_SCRIPTS":"build"}'
    run.googleapis.com/build-function-target: handle
    run.googleapis.com/build-id: 9a1c5b2e-8d0f-4f9e-9a57-2f2b7f0f2a11
    run.googleapis.com/build-image-uri: europe-west1-docker.pkg.dev/lending/cloud-run-source-deploy/loans
    run.googleapis.com/build-name: projects/123456789012/locations/europe-west1/builds/9a1c5b2e
    run.googleapis.com/build-service-account: projects/lending/serviceAccounts/build@lending.iam.gserviceaccount.com
    run.googleapis.com/build-source-location: gs://run-sources-lending-europe-west1/services/loans/1.zip#1733
    run.googleapis.com/build-worker-pool: projects/lending/locations/europe-west1/workerPools/pool
    run.googleapis.com/client-name: cloud-console
    run.googleapis.com/client-version: 528.0.0
    run.googleapis.com/creatorEmail: ana@example.com
    run.googleapis.com/custom-audiences: '["https://loans.example.com"]'
    run.googleapis.com/default-url-disabled: 'true'
    run.googleapis.com/description: Loans of the desk
    run.googleapis.com/function-target: handle
    run.googleapis.com/gc-traffic-tags: "true"
    run.googleapis.com/iap-enabled: 'true'
    run.googleapis.com/ingress: internal-and-cloud-load-balancing
    run.googleapis.com/ingress-status: internal-and-cloud-load-balancing
    run.googleapis.com/invoker-iam-disabled: 'true'
    run.googleapis.com/lastModifierEmail: ben@example.com
    run.googleapis.com/launch-stage: BETA
    run.googleapis.com/manualInstanceCount: '3'
    run.googleapis.com/max-surge: '1'
    run.googleapis.com/max-unavailable: '0'
    run.googleapis.com/maxScale: '10'
    run.googleapis.com/minScale: '1'
    run.googleapis.com/operation-id: 5a7d0a3e-1f9e-4a0f-b1c8-70b1b8b6e3aa
    run.googleapis.com/presets: '[]'
    run.googleapis.com/quantum-tunnelling: 'an annotation of tomorrow'
    run.googleapis.com/regions: '["europe-west1"]'
    run.googleapis.com/scalingMode: automatic
    run.googleapis.com/threat-detection: 'false'
    run.googleapis.com/urls: '["https://loans-123456789012.europe-west1.run.app","https://loans-x-ew.a.run.app"]'
    serving.knative.dev/creator: ana@example.com
    serving.knative.dev/lastModifier: ben@example.com
  creationTimestamp: '2025-11-02T10:11:12.345678Z'
  generation: 7
  labels:
    cloud.googleapis.com/location: europe-west1
    goog-terraform-provisioned: 'true'
    run.googleapis.com/satisfiesPzs: 'true'
  name: loans
  namespace: '123456789012'
  resourceVersion: AAYp8Qk2Zq0
  selfLink: /apis/serving.knative.dev/v1/namespaces/123456789012/services/loans
  uid: 3f9c3f55-6a6e-4f0a-9e7d-6f1a2b3c4d5e
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/maxScale: '20'
        autoscaling.knative.dev/minScale: '1'
        client.knative.dev/user-image: europe-west1-docker.pkg.dev/lending/apps/loans:7
        run.googleapis.com/ambient-networking: 'false'
        run.googleapis.com/base-images: '{"loans-1":"nodejs22"}'
        run.googleapis.com/build-config: '{}'
        run.googleapis.com/client-name: gcloud
        run.googleapis.com/client-version: 528.0.0
        run.googleapis.com/container-dependencies: '{"loans-1":["proxy"]}'
        run.googleapis.com/cpu-throttling: 'True'
        run.googleapis.com/encryption-key: projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k
        run.googleapis.com/encryption-key-shutdown-hours: '48'
        run.googleapis.com/execution-environment: gen2
        run.googleapis.com/gpu-zonal-redundancy-disabled: 'true'
        run.googleapis.com/health-check-disabled: 'false'
        run.googleapis.com/identity: loans
        run.googleapis.com/identity-certificate-enabled: 'true'
        run.googleapis.com/identity-type: service-account
        run.googleapis.com/mesh: projects/lending/locations/global/meshes/mesh
        run.googleapis.com/mesh-dataplane: sidecar
        run.googleapis.com/network-interfaces: '[{"network":"default","subnetwork":"default","tags":["a"]}]'
        run.googleapis.com/operation-id: 5a7d0a3e-1f9e-4a0f-b1c8-70b1b8b6e3aa
        run.googleapis.com/overflow-scaling: 'false'
        run.googleapis.com/post-key-revocation-action-type: shut-down
        run.googleapis.com/scaling-concurrency-target: '0.8'
        run.googleapis.com/scaling-cpu-target: '0.6'
        run.googleapis.com/secrets: db:projects/9/secrets/database,cert:projects/9/secrets/tls-cert
        run.googleapis.com/secure-session-agent: 'false'
        run.googleapis.com/sessionAffinity: 'TRUE'
        run.googleapis.com/sources: '{"":"gs://run-sources/loans.zip"}'
        run.googleapis.com/startup-cpu-boost: 'true'
        run.googleapis.com/vpc-access-connector: projects/p/locations/europe-west1/connectors/c
        run.googleapis.com/vpc-access-egress: private-ranges-only
      labels:
        client.knative.dev/nonce: a1b2c3
        run.googleapis.com/startupProbeType: Custom
      name: loans-00007-kel
    spec:
      containerConcurrency: 40
      containers:
      - args: [--listen, '8081']
        command: [/bin/loans]
        env:
        - name: MODE
          value: production
        - name: EMPTY
        - name: DB_PASSWORD
          valueFrom:
            secretKeyRef:
              key: latest
              name: db
        - name: API_KEY
          valueFrom:
            secretKeyRef: {key: '3', name: api-key}
        image: europe-west1-docker.pkg.dev/lending/apps/loans@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        imagePullPolicy: Always
        livenessProbe:
          failureThreshold: 3
          httpGet:
            httpHeaders:
            - name: X-Probe
              value: live
            path: /live
            port: 8081
          initialDelaySeconds: 5
          periodSeconds: 30
          successThreshold: 1
          timeoutSeconds: 2
        name: loans-1
        ports:
        - containerPort: 8081
          name: http1
          protocol: TCP
        readinessProbe:
          failureThreshold: 3
          grpc:
            port: 8081
            service: loans.v1.Desk
          periodSeconds: 10
          successThreshold: 2
          timeoutSeconds: 1
        resources:
          limits:
            cpu: 500m
            memory: 1.5Gi
          requests:
            cpu: 250m
            memory: 256Mi
        securityContext:
          runAsUser: 1000
        startupProbe:
          failureThreshold: 20
          periodSeconds: 3
          tcpSocket:
            port: 8081
          timeoutSeconds: 2
        terminationMessagePath: /dev/termination-log
        terminationMessagePolicy: File
        volumeMounts:
        - mountPath: /cache
          name: cache
        workingDir: /srv
      - env:
        - name: UPSTREAM
          value: localhost:8081
        image: europe-west1-docker.pkg.dev/lending/apps/proxy:1
        name: proxy
        resources:
          limits:
            cpu: 250m
            memory: 128Mi
        startupProbe:
          tcpSocket:
            port: 9000
        volumeMounts:
        - mountPath: /etc/proxy
          name: cert
        - mountPath: /cache
          name: cache
          readOnly: true
      enableServiceLinks: false
      imagePullSecrets:
      - name: registry
      nodeSelector:
        run.googleapis.com/accelerator: nvidia-l4
      runtimeClassName: run.googleapis.com/linux-base-image-update
      serviceAccountName: loans@lending.iam.gserviceaccount.com
      timeoutSeconds: 120
      volumes:
      - name: cert
        secret:
          defaultMode: 292
          items:
          - key: latest
            path: tls.crt
          secretName: cert
      - emptyDir:
          medium: Memory
          sizeLimit: 64Mi
        name: cache
  traffic:
  - percent: 90
    revisionName: loans-00006-abc
  - latestRevision: true
    percent: 10
    tag: canary
    url: https://canary---loans-x-ew.a.run.app
status:
  address:
    url: https://loans-x-ew.a.run.app
  conditions:
  - lastTransitionTime: '2025-11-02T10:12:00.000000Z'
    status: 'True'
    type: Ready
  latestCreatedRevisionName: loans-00007-kel
  latestReadyRevisionName: loans-00007-kel
  observedGeneration: 7
  traffic:
  - latestRevision: true
    percent: 100
    revisionName: loans-00007-kel
  url: https://loans-x-ew.a.run.app
)";

// As Knative's webhook fills a service in, and kn prints it.
constexpr std::string_view kKnative = R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  annotations:
    client.knative.dev/user-image: ghcr.io/knative/helloworld-go:latest
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"hello"}}
    networking.knative.dev/ingress-class: kourier.ingress.networking.knative.dev
    serving.knative.dev/creator: kubernetes-admin
    serving.knative.dev/lastModifier: kubernetes-admin
    serving.knative.dev/rollout-duration: 380s
  finalizers: []
  generateName: ''
  labels:
    networking.knative.dev/visibility: cluster-local
  managedFields:
  - apiVersion: serving.knative.dev/v1
    fieldsType: FieldsV1
    manager: kn
    operation: Update
  name: hello
  namespace: default
  ownerReferences: []
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/activation-scale: '2'
        autoscaling.knative.dev/class: kpa.autoscaling.knative.dev
        autoscaling.knative.dev/initial-scale: '1'
        autoscaling.knative.dev/metric: concurrency
        autoscaling.knative.dev/panic-threshold-percentage: '200.0'
        autoscaling.knative.dev/panic-window-percentage: '10.0'
        autoscaling.knative.dev/scale-down-delay: 15s
        autoscaling.knative.dev/scale-to-zero-pod-retention-period: 1m5s
        autoscaling.knative.dev/target: '70'
        autoscaling.knative.dev/target-burst-capacity: '200'
        autoscaling.knative.dev/target-utilization-percentage: '80'
        autoscaling.knative.dev/window: 40s
        features.knative.dev/http-full-duplex: Enabled
        serving.knative.dev/progress-deadline: 600s
      creationTimestamp: null
    spec:
      affinity: {}
      automountServiceAccountToken: false
      containerConcurrency: 0
      containers:
      - envFrom:
        - prefix: APP_
          configMapRef: {name: settings, optional: true}
        - secretRef: {name: keys, optional: true}
        image: ghcr.io/knative/helloworld-go:latest
        name: user-container
        readinessProbe:
          successThreshold: 1
          tcpSocket:
            port: 0
        resources: {}
        securityContext:
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
          readOnlyRootFilesystem: true
          runAsGroup: 1000
          runAsNonRoot: true
          seccompProfile: {type: RuntimeDefault}
      dnsPolicy: ClusterFirst
      enableServiceLinks: false
      hostAliases: []
      idleTimeoutSeconds: 10
      priorityClassName: ''
      responseStartTimeoutSeconds: 20
      schedulerName: default-scheduler
      securityContext: {fsGroup: 1000, supplementalGroups: [1]}
      timeoutSeconds: 300
      tolerations: []
      topologySpreadConstraints: []
  traffic:
  - latestRevision: true
    percent: 100
)";

ServiceDocument read_export(std::string_view text) {
  auto parsed = parse_manifests(text);
  if (!parsed) {
    for (const std::string& line : export_lines(parsed.error())) ADD_FAILURE() << line;
    return {};
  }
  return std::move(parsed->front());
}

void expect_kept(std::string_view text) {
  const ServiceDocument first = read_export(text);
  const std::string printed = print_yaml(first.document);
  const ServiceDocument again = read_export(printed);
  EXPECT_EQ(again.document, first.document);
  EXPECT_EQ(again.service, first.service);
  EXPECT_EQ(print_yaml(again.document), printed);
  const auto stored = parse_service(first.document);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->service, first.service);
}

TEST(Export, all_that_cloud_run_writes_is_kept) {
  expect_kept(kCloudRun);
  const ServiceDocument cloud_run = read_export(kCloudRun);
  EXPECT_EQ(cloud_run.document["metadata"]["annotations"].size(), 40U);
  const Template& made = cloud_run.service.revision_template;
  EXPECT_TRUE(made.session_affinity);
  EXPECT_TRUE(made.cpu_throttling);
  EXPECT_TRUE(made.startup_cpu_boost);
  EXPECT_EQ(made.concurrency, 40);
  EXPECT_EQ(made.container.env_references.size(), 2U);
  EXPECT_EQ(made.container.readiness->success_threshold, 2);
  EXPECT_EQ(made.container.starts_after, std::vector<std::string>{"proxy"});
  ASSERT_EQ(made.sidecars.size(), 1U);
  EXPECT_EQ(made.sidecars[0].mounts.size(), 2U);
  ASSERT_EQ(made.volumes.size(), 2U);
  EXPECT_EQ(made.volumes[0].sources.at(0).name, "cert");
  const std::vector<std::string> notices = export_lines(cloud_run.notices);
  EXPECT_THAT(notices, testing::Contains(HasSubstr("quantum-tunnelling\"]: is kept")));
  EXPECT_THAT(notices, testing::Contains(HasSubstr("serviceAccountName: is kept")));
  for (const std::string& notice : notices) EXPECT_THAT(notice, testing::Not(HasSubstr("sessionAffinity"))) << notice;
}

TEST(Export, all_that_knative_writes_is_kept) {
  expect_kept(kKnative);
  const Template made = read_export(kKnative).service.revision_template;
  EXPECT_EQ(made.concurrency, kDefaultConcurrency);
  EXPECT_EQ(made.target, 56);
  EXPECT_EQ(made.container.env_references.size(), 2U);
  EXPECT_EQ(made.container.readiness->kind, ProbeKind::tcp);
}

TEST(Export, what_is_nearly_a_known_annotation_is_no_new_one) {
  std::string text(kCloudRun);
  text.replace(text.find("quantum-tunnelling"), 18, "custom-audience");
  const auto parsed = parse_manifests(text);
  ASSERT_FALSE(parsed);
  EXPECT_THAT(to_string(parsed.error().at(0)), HasSubstr("did you mean run.googleapis.com/custom-audiences?"));
}

TEST(Export, a_short_name_of_tomorrow_is_near_to_nothing) {
  std::string text(kCloudRun);
  text.replace(text.find("quantum-tunnelling"), 18, "tags");
  EXPECT_THAT(export_lines(read_export(text).notices),
              testing::Contains(HasSubstr("run.googleapis.com/tags\"]: is kept")));
}

TEST(Export, a_readiness_probe_whose_attempts_could_overlap_waits_for_a_period) {
  std::string text(kKnative);
  text.replace(text.find("          successThreshold: 1\n          tcpSocket:"), 0,
               "          periodSeconds: 2\n          timeoutSeconds: 30\n");
  const ServiceDocument read = read_export(text);
  EXPECT_EQ(read.service.revision_template.container.readiness->timeout, std::chrono::seconds(2));
  EXPECT_THAT(export_lines(read.notices), testing::Contains(HasSubstr("exceeds periodSeconds")));
}

TEST(Readiness, a_first_pass_is_awaited_within_reason) {
  using std::chrono::seconds;
  Probe startup;
  startup.period = seconds(2);
  startup.failure_threshold = 3;
  Probe readiness;
  readiness.period = seconds(10);
  readiness.success_threshold = 2;
  readiness.initial_delay = seconds(5);
  EXPECT_EQ(readiness_deadline(startup, readiness), seconds(25));
  EXPECT_EQ(readiness_deadline(startup, std::nullopt), seconds(0));
  readiness.failure_threshold = 1000;
  readiness.success_threshold = 1000;
  readiness.period = seconds(300);
  EXPECT_EQ(readiness_deadline(startup, readiness), seconds(605));
  readiness.success_threshold = 1;
  readiness.period = seconds(1);
  startup.period = seconds(240);
  EXPECT_EQ(readiness_deadline(startup, readiness), seconds(720));
}

TEST(Export, what_cannot_be_right_here_says_why) {
  std::string text(kCloudRun);
  text.replace(text.find("            memory: 1.5Gi\n"), 0, "            nvidia.com/gpu: '1'\n");
  text.replace(text.find("        run.googleapis.com/cpu-throttling"), 0,
               "        run.googleapis.com/cloudsql-instances: lending:europe-west1:db\n");
  const auto parsed = parse_manifests(text);
  ASSERT_FALSE(parsed);
  const std::vector<std::string> faults = export_lines(parsed.error());
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_THAT(faults[0], HasSubstr("Cloud SQL sockets are not available to instances"));
  EXPECT_THAT(faults[1], HasSubstr("GPUs are not available to instances"));
}

TEST(Export, switches_are_true_or_false_in_any_case) {
  std::string text(kCloudRun);
  text.replace(text.find("sessionAffinity: 'TRUE'"), 23, "sessionAffinity: 'yes' ");
  const auto parsed = parse_manifests(text);
  ASSERT_FALSE(parsed);
  EXPECT_THAT(to_string(parsed.error().at(0)), HasSubstr("must be 'true' or 'false', is \"yes\""));
}

}  // namespace
}  // namespace marea::model
