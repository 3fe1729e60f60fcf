#include "model/shapes.h"

#include <algorithm>
#include <array>
#include <span>

namespace marea::model {
namespace {

using enum Treatment;

constexpr std::string_view kScheduling = "marea runs everything on this machine";
constexpr std::string_view kStorage =
    "a volume is an emptyDir, secret, configMap or projected; keep other data in a service";
constexpr std::string_view kNoIdentity = "instances have no identity of their own";
constexpr std::string_view kHost = "instances share nothing with the machine";

constexpr std::array kServiceFields = {Field{"apiVersion"}, Field{"kind"}, Field{"metadata"}, Field{"spec"},
                                       Field{"status", record}};

constexpr std::array kMetadata = {
    Field{"name"},
    Field{"labels"},
    Field{"annotations"},
    Field{"namespace", record},
    Field{"uid", record},
    Field{"resourceVersion", record},
    Field{"generation", record},
    Field{"generateName", record},
    Field{"creationTimestamp", record},
    Field{"deletionTimestamp", record},
    Field{"deletionGracePeriodSeconds", record},
    Field{"selfLink", record},
    Field{"clusterName", record},
    Field{"managedFields", record},
    Field{"ownerReferences", notice, "services have no owners here"},
    Field{"finalizers", notice, "nothing waits for finalizers here"},
};

constexpr std::array kServiceSpec = {Field{"template"}, Field{"traffic"}};

constexpr std::array kTraffic = {
    Field{"revisionName"},
    Field{"latestRevision"},
    Field{"percent"},
    Field{"tag"},
    Field{"url", record},
    Field{"configurationName", blocks, "a Service routes to revisions of its own; use revisionName or latestRevision"},
};

constexpr std::array kTemplateFields = {Field{"metadata"}, Field{"spec"}};

constexpr std::array kRevisionSpec = {
    Field{"containers"},
    Field{"containerConcurrency"},
    Field{"timeoutSeconds"},
    Field{"securityContext"},
    Field{"enableServiceLinks", record},
    Field{"serviceAccountName", notice, kNoIdentity},
    Field{"serviceAccount", notice, kNoIdentity},
    Field{"automountServiceAccountToken", notice, kNoIdentity},
    Field{"imagePullSecrets", notice, "images are not fetched with credentials"},
    Field{"responseStartTimeoutSeconds", notice, "timeoutSeconds bounds the whole request"},
    Field{"idleTimeoutSeconds", notice, "timeoutSeconds bounds the whole request"},
    Field{"runtimeClassName", notice, "the OCI runtime is chosen for the machine"},
    Field{"affinity", notice, kScheduling},
    Field{"tolerations", notice, kScheduling},
    Field{"topologySpreadConstraints", notice, kScheduling},
    Field{"priorityClassName", notice, kScheduling},
    Field{"schedulerName", notice, kScheduling},
    Field{"nodeSelector", notice, kScheduling},
    Field{"dnsPolicy", notice, "instances use the platform's DNS"},
    Field{"dnsConfig", notice, "instances use the platform's DNS"},
    Field{"hostAliases", notice, "instances use the platform's DNS"},
    Field{"volumes"},
    Field{"initContainers", blocks, "init containers come in a later version; do that work at the start of the app"},
    Field{"hostNetwork", blocks, kHost},
    Field{"hostPID", blocks, kHost},
    Field{"hostIPC", blocks, kHost},
    Field{"shareProcessNamespace", notice, "each container sees its own processes"},
};

constexpr std::array kPodSecurity = {
    Field{"runAsUser"},
    Field{"runAsGroup", notice, "the group is the one that the image's user has"},
    Field{"runAsNonRoot", notice,
          "root inside an instance is nobody outside; marea.dev/capabilities: none hardens more"},
    Field{"fsGroup", notice, "what is in a volume can be read and written by every user of the instance"},
    Field{"fsGroupChangePolicy", notice, "what is in a volume can be read and written by every user of the instance"},
    Field{"supplementalGroups", notice, "the groups are those of the image"},
    Field{"seccompProfile", notice, "every instance has marea's seccomp profile"},
    Field{"sysctls", notice, "kernel settings are the platform's"},
};

constexpr std::array kContainer = {
    Field{"name"},
    Field{"image"},
    Field{"command"},
    Field{"args"},
    Field{"env"},
    Field{"ports"},
    Field{"resources"},
    Field{"startupProbe"},
    Field{"livenessProbe"},
    Field{"workingDir"},
    Field{"securityContext"},
    Field{"readinessProbe"},
    Field{"imagePullPolicy", notice, "a revision keeps the digest that it was made with"},
    Field{"terminationMessagePath", record},
    Field{"terminationMessagePolicy", record},
    Field{"volumeMounts"},
    Field{"volumeDevices", blocks, "devices are not available to instances"},
    Field{"envFrom"},
};

constexpr std::array kPort = {Field{"containerPort"}, Field{"name"}, Field{"protocol"}};

constexpr std::array kEnv = {
    Field{"name"},
    Field{"value"},
    Field{"valueFrom"},
};

constexpr std::string_view kFieldOf =
    "instances are no pods; K_SERVICE, K_REVISION and PORT are set, others need a value";

constexpr std::array kEnvSource = {
    Field{"secretKeyRef"},
    Field{"configMapKeyRef"},
    Field{"fieldRef", blocks, kFieldOf},
    Field{"resourceFieldRef", blocks, kFieldOf},
    Field{"fileKeyRef", blocks, "give the variable a value"},
};

constexpr std::array kKeyReference = {Field{"name"}, Field{"key"}, Field{"optional"},
                                      Field{"localObjectReference", record}};

constexpr std::array kEnvFrom = {Field{"prefix"}, Field{"secretRef"}, Field{"configMapRef"}};

constexpr std::array kSourceReference = {Field{"name"}, Field{"optional"}, Field{"localObjectReference", record}};

constexpr std::array kResources = {
    Field{"limits"},
    Field{"requests", notice, "an instance may use up to its limits"},
    Field{"claims", blocks, "devices are not available to instances"},
};

constexpr std::array kLimits = {
    Field{"memory"},
    Field{"cpu"},
    Field{"ephemeral-storage", notice, "files are in memory and count against the memory limit"},
    Field{"nvidia.com/gpu", blocks, "GPUs are not available to instances"},
};

constexpr std::array kSecurity = {
    Field{"runAsUser"},
    Field{"runAsGroup", notice, "the group is the one that the image's user has"},
    Field{"runAsNonRoot", notice,
          "root inside an instance is nobody outside; marea.dev/capabilities: none hardens more"},
    Field{"readOnlyRootFilesystem", notice, "what an instance writes is in memory and ends with it"},
    Field{"allowPrivilegeEscalation", notice, "no instance can gain privileges"},
    Field{"capabilities", notice, "use marea.dev/capabilities: none to drop all"},
    Field{"seccompProfile", notice, "every instance has marea's seccomp profile"},
    Field{"privileged", blocks, "no instance is privileged"},
};

constexpr std::array kProbe = {
    Field{"httpGet"},
    Field{"tcpSocket"},
    Field{"initialDelaySeconds"},
    Field{"timeoutSeconds"},
    Field{"periodSeconds"},
    Field{"failureThreshold"},
    Field{"successThreshold"},
    Field{"terminationGracePeriodSeconds", notice, "an instance has 10 s after SIGTERM"},
    Field{"grpc"},
    Field{"exec", blocks, "use httpGet, tcpSocket or grpc; Cloud Run has no exec probes either"},
};

constexpr std::array kGrpc = {Field{"port"}, Field{"service"}};

constexpr std::array kHttpGet = {
    Field{"path"},
    Field{"port"},
    Field{"httpHeaders"},
    Field{"scheme"},
    Field{"host", notice, "the probe goes to the instance itself"},
};

constexpr std::array kTcpSocket = {Field{"port"}, Field{"host", notice, "the probe goes to the instance itself"}};

constexpr std::array kHeader = {Field{"name"}, Field{"value"}};

constexpr std::array kVolume = {
    Field{"name"},
    Field{"emptyDir"},
    Field{"secret"},
    Field{"configMap"},
    Field{"projected"},
    Field{"csi", blocks, kStorage},
    Field{"nfs", blocks, kStorage},
    Field{"hostPath", blocks, "instances share nothing with the machine"},
    Field{"persistentVolumeClaim", blocks, kStorage},
    Field{"ephemeral", blocks, kStorage},
    Field{"downwardAPI", blocks, "use the environment: K_SERVICE and K_REVISION are there"},
};

constexpr std::array kEmptyDir = {Field{"medium"}, Field{"sizeLimit"}};

// Of a secret ("secretName", in a projection "name") or a config map ("name").
constexpr std::array kVolumeSource = {Field{"secretName"}, Field{"name"}, Field{"items"}, Field{"defaultMode"},
                                      Field{"optional"}};

constexpr std::array kVolumeItem = {Field{"key"}, Field{"path"}, Field{"mode"}};

constexpr std::array kProjected = {Field{"sources"}, Field{"defaultMode"}};

constexpr std::array kProjection = {
    Field{"secret"},
    Field{"configMap"},
    Field{"serviceAccountToken", blocks, kNoIdentity},
    Field{"downwardAPI", blocks, "use the environment: K_SERVICE and K_REVISION are there"},
    Field{"clusterTrustBundle", blocks, kNoIdentity},
};

constexpr std::array kVolumeMount = {
    Field{"name"},
    Field{"mountPath"},
    Field{"readOnly"},
    Field{"subPath"},
    Field{"subPathExpr", blocks, "write the path into subPath"},
    Field{"mountPropagation", notice, "no mount leaves its container"},
    Field{"recursiveReadOnly", notice, "there are no mounts below a volume"},
};

constexpr std::array kReleaseObject = {Field{"apiVersion"}, Field{"kind"}, Field{"metadata"}, Field{"spec"},
                                       Field{"status", record}};

constexpr std::array kReleasePolicySpec = {
    Field{"strategy"},   Field{"ladder"},        Field{"holdback"}, Field{"prepare"}, Field{"tolerance"},
    Field{"alpha"},      Field{"beta"},          Field{"step"},     Field{"hold"},    Field{"objectives"},
    Field{"cannotKnow"}, Field{"unprovenLimit"}, Field{"watch"},    Field{"gates"},   Field{"notifications"},
    Field{"baseline"},   Field{"sticky"},        Field{"rollback"},
};

constexpr std::array kLadderStep = {Field{"weight"}, Field{"warmUp"}, Field{"minimum"}, Field{"maximum"}};
constexpr std::array kReleaseTolerance = {Field{"harm"}, Field{"promotion"}, Field{"latency"}};
constexpr std::array kReleaseObjectives = {Field{"latency"}, Field{"availability"}};
constexpr std::array kReleaseHold = {Field{"maximum"}, Field{"then"}};
constexpr std::array kReleaseGate = {Field{"name"},         Field{"before"},  Field{"kind"},     Field{"url"},
                                     Field{"secretKeyRef"}, Field{"timeout"}, Field{"atTimeout"}};
constexpr std::array kReleaseSecret = {Field{"name"}, Field{"key"}};
constexpr std::array kReleaseNotification = {Field{"url"}, Field{"secretKeyRef"}, Field{"of"}};
constexpr std::array kReleaseRollback = {Field{"forbiddenAfter"}};
constexpr std::array kExperimentSpec = {Field{"service"},    Field{"arms"},     Field{"conversions"}, Field{"measures"},
                                        Field{"guardrails"}, Field{"onBreach"}, Field{"onDeploy"},    Field{"ends"},
                                        Field{"alpha"},      Field{"window"},   Field{"sticky"},      Field{"consent"}};
constexpr std::array kExperimentArm = {Field{"name"}, Field{"revision"}, Field{"weight"}, Field{"customers"},
                                       Field{"segments"}};
constexpr std::array kExperimentCustomers = {Field{"header"}, Field{"cookie"}, Field{"query"}, Field{"ids"}};
constexpr std::array kExperimentSegment = {Field{"header"}, Field{"cookie"}, Field{"query"},    Field{"path"},
                                           Field{"method"}, Field{"client"}, Field{"language"}, Field{"name"}};
constexpr std::array kExperimentConsent = {Field{"header"}, Field{"cookie"}, Field{"exact"}, Field{"prefix"},
                                           Field{"regex"}};
constexpr std::array kExperimentCondition = {Field{"name"}, Field{"exact"}, Field{"prefix"}, Field{"regex"}};
constexpr std::array kExperimentConversion = {Field{"name"}, Field{"route"}, Field{"status"}, Field{"event"}};
constexpr std::array kExperimentMeasure = {Field{"name"}, Field{"event"}, Field{"quantile"}, Field{"better"}};
constexpr std::array kExperimentGuardrail = {Field{"metric"}, Field{"tolerance"}, Field{"objective"}};
constexpr std::array kReleaseSpec = {Field{"service"}, Field{"stable"}, Field{"canary"}, Field{"policy"}};

struct Shape {
  std::string_view title;
  std::span<const Field> fields;
};

// In the order of ObjectKind.
constexpr std::array kShapes = {
    Shape{"a Service", kServiceFields},
    Shape{"metadata", kMetadata},
    Shape{"spec", kServiceSpec},
    Shape{"spec.traffic[]", kTraffic},
    Shape{"spec.template", kTemplateFields},
    Shape{"spec.template.spec", kRevisionSpec},
    Shape{"spec.template.spec.securityContext", kPodSecurity},
    Shape{"spec.template.spec.containers[]", kContainer},
    Shape{"containers[].ports[]", kPort},
    Shape{"containers[].env[]", kEnv},
    Shape{"containers[].resources", kResources},
    Shape{"containers[].resources.limits", kLimits},
    Shape{"containers[].securityContext", kSecurity},
    Shape{"a probe", kProbe},
    Shape{"httpGet of a probe", kHttpGet},
    Shape{"tcpSocket of a probe", kTcpSocket},
    Shape{"httpHeaders of a probe", kHeader},
    Shape{"grpc of a probe", kGrpc},
    Shape{"valueFrom of a variable", kEnvSource},
    Shape{"a reference to a key", kKeyReference},
    Shape{"containers[].envFrom[]", kEnvFrom},
    Shape{"a reference to a secret or config map", kSourceReference},
    Shape{"spec.template.spec.volumes[]", kVolume},
    Shape{"volumes[].emptyDir", kEmptyDir},
    Shape{"secret or configMap of a volume", kVolumeSource},
    Shape{"items of a secret or configMap", kVolumeItem},
    Shape{"volumes[].projected", kProjected},
    Shape{"sources of a projected volume", kProjection},
    Shape{"containers[].volumeMounts[]", kVolumeMount},
    Shape{"a ReleasePolicy", kReleaseObject},
    Shape{"spec", kReleasePolicySpec},
    Shape{"spec.ladder[]", kLadderStep},
    Shape{"spec.tolerance", kReleaseTolerance},
    Shape{"spec.objectives", kReleaseObjectives},
    Shape{"spec.hold", kReleaseHold},
    Shape{"spec.gates[]", kReleaseGate},
    Shape{"secretKeyRef", kReleaseSecret},
    Shape{"spec.notifications[]", kReleaseNotification},
    Shape{"spec.rollback", kReleaseRollback},
    Shape{"a Release", kReleaseObject},
    Shape{"spec of a Release", kReleaseSpec},
    Shape{"an Experiment", kReleaseObject},
    Shape{"spec of an Experiment", kExperimentSpec},
    Shape{"spec.arms[]", kExperimentArm},
    Shape{"spec.arms[].customers", kExperimentCustomers},
    Shape{"spec.arms[].segments[]", kExperimentSegment},
    Shape{"a condition of a segment", kExperimentCondition},
    Shape{"spec.conversions[]", kExperimentConversion},
    Shape{"spec.measures[]", kExperimentMeasure},
    Shape{"spec.guardrails[]", kExperimentGuardrail},
    Shape{"spec.consent", kExperimentConsent},
};

static_assert(kShapes.size() == kObjectKinds);

const Field* find(const Shape& shape, std::string_view name) {
  const auto found = std::ranges::find(shape.fields, name, &Field::name);
  return found == shape.fields.end() ? nullptr : &*found;
}

// "timeoutSeconds" on a container is known, but elsewhere.
std::string remedy(ObjectKind kind, std::string_view name) {
  constexpr auto kFirstOwn = static_cast<std::ptrdiff_t>(kFirstOwnKind);
  const bool own = kind >= kFirstOwnKind;
  std::vector<std::string_view> names;
  for (const Field& field : fields_of(kind)) names.push_back(field.name);
  if (std::string hint = did_you_mean(name, names); !hint.empty()) return hint;
  for (const Shape& other : own ? std::span(kShapes).subspan(kFirstOwn) : std::span(kShapes).first(kFirstOwn)) {
    if (find(other, name) != nullptr) return "; it belongs in " + std::string(other.title);
  }
  if (own) return "; remove it";
  return "; remove it, or move it to metadata.annotations if it is a note of your own";
}

std::string unknown_field(ObjectKind kind, std::string_view name) {
  const std::string_view whose = kind >= kFirstOwnKind ? "marea" : "Cloud Run or Knative";
  return "is no field that " + std::string(whose) + " knows in " +
         std::string(kShapes.at(static_cast<std::size_t>(kind)).title) + remedy(kind, name);
}

bool says_nothing(const Json& value) {
  return value.is_null() || (value.is_structured() && value.empty()) || value == Json(false);
}

}  // namespace

std::span<const Field> fields_of(ObjectKind kind) {
  return kShapes.at(static_cast<std::size_t>(kind)).fields;
}

void apply_treatment(Findings& findings, const Node& node, Treatment treatment, std::string_view note) {
  if (says_nothing(*node.value)) return;
  switch (treatment) {
    case acts:
    case record: return;
    case notice: findings.notice(node, "is kept, marea does not act on it yet: " + std::string(note)); return;
    case blocks:
      findings.fault_at_key(node, "is not supported, and the service would be wrong without it: " + std::string(note));
      return;
  }
}

bool check_fields(Findings& findings, const Node& node, ObjectKind kind) {
  const Shape& shape = kShapes.at(static_cast<std::size_t>(kind));
  if (!findings.is_object(node)) return false;
  for (const auto& [name, member] : node.members()) {
    if (const Field* field = find(shape, name)) {
      apply_treatment(findings, member, field->treatment, field->note);
    } else {
      findings.unknown(member, findings.is_full() ? std::string() : unknown_field(kind, name));
    }
  }
  return true;
}

}  // namespace marea::model
