#include "model/schema.h"

#include <algorithm>
#include <array>

namespace marea::model {
namespace {

using Of = ObjectKind;

constexpr std::array kTyped = {
    TypedField{Of::service, "apiVersion", FieldType::text, {}, "serving.knative.dev/v1"},
    TypedField{Of::service, "kind", FieldType::text, {}, "Service"},
    TypedField{Of::service, "metadata", FieldType::object, Of::metadata, "Name, labels and annotations."},
    TypedField{Of::service, "spec", FieldType::object, Of::service_spec, "What shall run, and who gets the requests."},
    TypedField{Of::metadata, "name", FieldType::text, {}, "The name, which is also the first part of its host."},
    TypedField{Of::metadata, "labels", FieldType::text_map},
    TypedField{Of::metadata, "annotations", FieldType::text_map, {}, "Settings are among them: see docs/manifest.md."},
    TypedField{Of::metadata, "namespace", FieldType::text},
    TypedField{Of::metadata, "uid", FieldType::text},
    TypedField{Of::metadata, "resourceVersion", FieldType::text},
    TypedField{Of::metadata, "generation", FieldType::integer},
    TypedField{Of::metadata, "generateName", FieldType::text},
    TypedField{Of::service_spec, "template", FieldType::object, Of::revision_template,
               "What every new revision is a snapshot of."},
    TypedField{Of::service_spec, "traffic", FieldType::objects, Of::traffic,
               "Shares of the requests; without it all go to the newest ready revision."},
    TypedField{Of::traffic, "revisionName", FieldType::text},
    TypedField{Of::traffic, "latestRevision", FieldType::boolean},
    TypedField{Of::traffic, "percent", FieldType::integer, {}, "0 to 100; all of them sum to 100."},
    TypedField{Of::traffic, "tag", FieldType::text},
    TypedField{Of::revision_template, "metadata", FieldType::object, Of::metadata},
    TypedField{Of::revision_template, "spec", FieldType::object, Of::revision_spec},
    TypedField{Of::revision_spec, "containers", FieldType::objects, Of::container,
               "One to ten; of several, the one with ports gets the requests."},
    TypedField{Of::revision_spec, "volumes", FieldType::objects, Of::volume},
    TypedField{Of::revision_spec,
               "containerConcurrency",
               FieldType::integer,
               {},
               "Requests that one instance has at once, at most."},
    TypedField{Of::revision_spec, "timeoutSeconds", FieldType::integer, {}, "Bounds a whole request."},
    TypedField{Of::revision_spec, "securityContext", FieldType::object, Of::pod_security},
    TypedField{Of::pod_security, "runAsUser", FieldType::integer},
    TypedField{Of::container, "name", FieldType::text},
    TypedField{Of::container, "image", FieldType::text, {}, "A name in the image store, or oci:DIR[:TAG]."},
    TypedField{Of::container, "command", FieldType::texts},
    TypedField{Of::container, "args", FieldType::texts},
    TypedField{Of::container, "env", FieldType::objects, Of::env},
    TypedField{Of::container, "ports", FieldType::objects, Of::port},
    TypedField{Of::container, "resources", FieldType::object, Of::resources},
    TypedField{Of::container, "startupProbe", FieldType::object, Of::probe},
    TypedField{Of::container, "livenessProbe", FieldType::object, Of::probe},
    TypedField{Of::container, "readinessProbe", FieldType::object, Of::probe},
    TypedField{Of::container, "workingDir", FieldType::text},
    TypedField{Of::container, "securityContext", FieldType::object, Of::security},
    TypedField{Of::security, "runAsUser", FieldType::integer},
    TypedField{Of::port, "containerPort", FieldType::integer},
    TypedField{Of::port, "name", FieldType::text},
    TypedField{Of::port, "protocol", FieldType::text},
    TypedField{Of::env, "name", FieldType::text},
    TypedField{Of::env, "value", FieldType::text},
    TypedField{Of::env, "valueFrom", FieldType::object, Of::env_source},
    TypedField{Of::env_source, "secretKeyRef", FieldType::object, Of::key_reference},
    TypedField{Of::env_source, "configMapKeyRef", FieldType::object, Of::key_reference},
    TypedField{Of::key_reference, "name", FieldType::text},
    TypedField{Of::key_reference, "key", FieldType::text},
    TypedField{Of::key_reference, "optional", FieldType::boolean},
    TypedField{Of::container, "envFrom", FieldType::objects, Of::env_from},
    TypedField{Of::env_from, "prefix", FieldType::text},
    TypedField{Of::env_from, "secretRef", FieldType::object, Of::source_reference},
    TypedField{Of::env_from, "configMapRef", FieldType::object, Of::source_reference},
    TypedField{Of::source_reference, "name", FieldType::text},
    TypedField{Of::source_reference, "optional", FieldType::boolean},
    TypedField{Of::resources, "limits", FieldType::object, Of::limits},
    TypedField{Of::probe, "httpGet", FieldType::object, Of::http_get},
    TypedField{Of::probe, "tcpSocket", FieldType::object, Of::tcp_socket},
    TypedField{Of::probe, "initialDelaySeconds", FieldType::integer},
    TypedField{Of::probe, "timeoutSeconds", FieldType::integer},
    TypedField{Of::probe, "periodSeconds", FieldType::integer},
    TypedField{Of::probe, "failureThreshold", FieldType::integer},
    TypedField{Of::probe, "successThreshold", FieldType::integer},
    TypedField{Of::probe, "grpc", FieldType::object, Of::grpc},
    TypedField{Of::grpc, "port", FieldType::integer},
    TypedField{Of::grpc, "service", FieldType::text},
    TypedField{Of::http_get, "path", FieldType::text},
    TypedField{Of::http_get, "httpHeaders", FieldType::objects, Of::header},
    TypedField{Of::header, "name", FieldType::text},
    TypedField{Of::header, "value", FieldType::text},
    TypedField{Of::container, "volumeMounts", FieldType::objects, Of::volume_mount},
    TypedField{Of::volume, "name", FieldType::text},
    TypedField{Of::volume, "emptyDir", FieldType::object, Of::empty_dir, "In memory, as long as the instance lives."},
    TypedField{Of::volume, "secret", FieldType::object, Of::volume_source},
    TypedField{Of::volume, "configMap", FieldType::object, Of::volume_source},
    TypedField{Of::volume, "projected", FieldType::object, Of::projected},
    TypedField{Of::empty_dir, "medium", FieldType::text},
    TypedField{Of::volume_source, "secretName", FieldType::text},
    TypedField{Of::volume_source, "name", FieldType::text},
    TypedField{Of::volume_source, "items", FieldType::objects, Of::volume_item},
    TypedField{Of::volume_source, "defaultMode", FieldType::integer},
    TypedField{Of::volume_source, "optional", FieldType::boolean},
    TypedField{Of::volume_item, "key", FieldType::text},
    TypedField{Of::volume_item, "path", FieldType::text},
    TypedField{Of::volume_item, "mode", FieldType::integer},
    TypedField{Of::projected, "sources", FieldType::objects, Of::projection},
    TypedField{Of::projected, "defaultMode", FieldType::integer},
    TypedField{Of::projection, "secret", FieldType::object, Of::volume_source},
    TypedField{Of::projection, "configMap", FieldType::object, Of::volume_source},
    TypedField{Of::volume_mount, "name", FieldType::text},
    TypedField{Of::volume_mount, "mountPath", FieldType::text},
    TypedField{Of::volume_mount, "readOnly", FieldType::boolean},
    TypedField{Of::volume_mount, "subPath", FieldType::text},
};

}  // namespace

std::span<const TypedField> typed_fields() {
  return kTyped;
}

const TypedField* typed_field(ObjectKind kind, std::string_view name) {
  const auto found =
      std::ranges::find_if(kTyped, [&](const TypedField& one) { return one.of == kind && one.name == name; });
  return found == kTyped.end() ? nullptr : &*found;
}

std::string_view type_name(ObjectKind kind) {
  constexpr std::array kNames = {std::string_view("Service"),
                                 std::string_view("ObjectMeta"),
                                 std::string_view("ServiceSpec"),
                                 std::string_view("TrafficTarget"),
                                 std::string_view("RevisionTemplate"),
                                 std::string_view("RevisionSpec"),
                                 std::string_view("PodSecurityContext"),
                                 std::string_view("Container"),
                                 std::string_view("ContainerPort"),
                                 std::string_view("EnvVar"),
                                 std::string_view("Resources"),
                                 std::string_view("Limits"),
                                 std::string_view("SecurityContext"),
                                 std::string_view("Probe"),
                                 std::string_view("HTTPGetAction"),
                                 std::string_view("TCPSocketAction"),
                                 std::string_view("HTTPHeader"),
                                 std::string_view("GRPCAction"),
                                 std::string_view("EnvVarSource"),
                                 std::string_view("KeySelector"),
                                 std::string_view("EnvFromSource"),
                                 std::string_view("EnvSource"),
                                 std::string_view("Volume"),
                                 std::string_view("EmptyDirVolumeSource"),
                                 std::string_view("KeysVolumeSource"),
                                 std::string_view("KeyToPath"),
                                 std::string_view("ProjectedVolumeSource"),
                                 std::string_view("VolumeProjection"),
                                 std::string_view("VolumeMount")};
  static_assert(kNames.size() == kObjectKinds);
  return kNames.at(static_cast<std::size_t>(kind));
}

}  // namespace marea::model
