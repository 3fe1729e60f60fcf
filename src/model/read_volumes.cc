#include <algorithm>
#include <array>
#include <set>

#include "model/names.h"
#include "model/quantity.h"
#include "model/readers.h"
#include "model/shapes.h"

namespace marea::model {
namespace {

constexpr std::int64_t kMostFileMode = 0777;

std::optional<std::string> needed_text(Findings& findings, const Node& node, std::string_view name,
                                       std::string_view what) {
  const auto member = node.member(name);
  if (!member) findings.missing(node, name, what);
  return member ? findings.text(*member) : std::nullopt;
}

std::optional<std::uint32_t> file_mode(Findings& findings, const Node& node, std::string_view name) {
  const auto member = node.member(name);
  const auto mode = member ? findings.integer(*member, 0, kMostFileMode) : std::nullopt;
  if (!mode) return std::nullopt;
  return static_cast<std::uint32_t>(*mode);
}

std::vector<VolumeItem> read_items(Findings& findings, const Node& list) {
  std::vector<VolumeItem> out;
  if (!findings.is_list(list)) return out;
  if (list.value->size() > kMostVolumeItems) {
    findings.fault(list, "must have at most " + std::to_string(kMostVolumeItems) + " items");
    return out;
  }
  std::set<std::string> paths;
  for (const Node& node : list.elements()) {
    if (!check_fields(findings, node, ObjectKind::volume_item)) continue;
    VolumeItem item;
    item.key = needed_text(findings, node, "key", "which key it is").value_or("");
    const auto path = needed_text(findings, node, "path", "the name of its file");
    item.path = plain_path(path.value_or(""));
    if (path) {
      auto fault = sub_path_fault(*path);
      if (path->empty()) fault = "must not be empty";
      if (!fault && !paths.insert(item.path).second) fault = "is there twice; each key needs a file of its own";
      if (fault) findings.fault(*node.member("path"), *fault);
    }
    item.mode = file_mode(findings, node, "mode");
    out.push_back(std::move(item));
  }
  return out;
}

VolumeSource read_source(Findings& findings, const Node& node, SourceKind kind, std::string_view name) {
  VolumeSource out;
  out.kind = kind;
  if (!check_fields(findings, node, ObjectKind::volume_source)) return out;
  const std::string_view other = name == "name" ? "secretName" : "name";
  if (const auto wrong = node.member(other)) findings.fault(*wrong, "is called " + std::string(name) + " here");
  out.name = needed_text(findings, node, name,
                         kind == SourceKind::secret ? "the name of the secret" : "the name of the config map")
                 .value_or("");
  if (const auto items = node.member("items")) out.items = read_items(findings, *items);
  if (const auto mode = file_mode(findings, node, "defaultMode")) out.mode = *mode;
  if (const auto optional = node.member("optional")) out.optional = findings.boolean(*optional).value_or(false);
  return out;
}

std::vector<VolumeSource> read_projected(Findings& findings, const Node& node) {
  std::vector<VolumeSource> out;
  if (!check_fields(findings, node, ObjectKind::projected)) return out;
  const auto mode = file_mode(findings, node, "defaultMode");
  const auto list = node.member("sources");
  if (!list) findings.missing(node, "sources", "a list of secrets and config maps");
  if (!list || !findings.is_list(*list)) return out;
  if (list->value->empty()) findings.fault(*list, "must have a source, has none");
  if (list->value->size() > kMostVolumeSources) {
    findings.fault(*list, "must have at most " + std::to_string(kMostVolumeSources) + " sources");
    return out;
  }
  for (const Node& source : list->elements()) {
    if (!check_fields(findings, source, ObjectKind::projection)) continue;
    const auto secret = source.member("secret");
    const auto config = source.member("configMap");
    if (secret && config) findings.fault(*config, "contradicts secret; a source has one of them");
    if (secret) out.push_back(read_source(findings, *secret, SourceKind::secret, "name"));
    if (config && !secret) out.push_back(read_source(findings, *config, SourceKind::config, "name"));
    if (mode && (secret || config)) out.back().mode = *mode;
  }
  return out;
}

void read_empty_dir(Findings& findings, const Node& node, Volume& out) {
  if (!check_fields(findings, node, ObjectKind::empty_dir)) return;
  if (const auto medium = node.member("medium")) {
    const auto text = findings.text(*medium);
    if (text && !text->empty() && *text != "Memory") {
      findings.fault(*medium, "must be Memory or left out, is " + in_quotes(*text) + "; either way it is in memory");
    }
  }
  const auto limit = node.member("sizeLimit");
  if (!limit) return;
  const auto text = limit->value->is_number() ? std::optional(limit->value->dump()) : findings.text(*limit);
  const auto bytes = text ? parse_bytes(*text) : std::unexpected(std::string());
  if (bytes && *bytes < kLeastVolumeBytes) {
    findings.fault(*limit, "must be at least 64Ki, is " + in_quotes(*text));
  } else if (bytes) {
    out.size_bytes = *bytes;
  } else if (text) {
    findings.fault(*limit, bytes.error() + "; is " + in_quotes(*text));
  }
}

void read_kind(Findings& findings, const Node& node, Volume& out) {
  constexpr std::array<std::string_view, 4> kKinds = {"emptyDir", "secret", "configMap", "projected"};
  constexpr std::array<std::string_view, 6> kBlocked = {"csi",       "nfs",        "hostPath", "persistentVolumeClaim",
                                                        "ephemeral", "downwardAPI"};
  std::string_view kind;
  for (const std::string_view each : kKinds) {
    const auto member = node.member(each);
    if (!member) continue;
    if (!kind.empty()) findings.fault(*member, "contradicts " + std::string(kind) + "; a volume is one of them");
    if (kind.empty()) kind = each;
  }
  const bool blocked =
      std::ranges::any_of(kBlocked, [&](std::string_view each) { return node.member(each).has_value(); });
  if (kind.empty() && !blocked) {
    findings.fault(node, "must have one of emptyDir, secret, configMap and projected, such as emptyDir: {}");
  } else if (kind == "emptyDir") {
    read_empty_dir(findings, *node.member(kind), out);
  } else if (kind == "secret") {
    out.sources = {read_source(findings, *node.member(kind), SourceKind::secret, "secretName")};
  } else if (kind == "configMap") {
    out.sources = {read_source(findings, *node.member(kind), SourceKind::config, "name")};
  } else if (kind == "projected") {
    out.sources = read_projected(findings, *node.member(kind));
  }
}

}  // namespace

std::vector<Volume> read_volumes(Findings& findings, const Node& list) {
  std::vector<Volume> out;
  if (!findings.is_list(list)) return out;
  if (list.value->size() > kMostVolumes) {
    findings.fault(list, "must have at most " + std::to_string(kMostVolumes) + " volumes");
    return out;
  }
  std::set<std::string> names;
  for (const Node& node : list.elements()) {
    if (!check_fields(findings, node, ObjectKind::volume)) continue;
    Volume volume;
    const auto name = needed_text(findings, node, "name", "what volumeMounts call it");
    volume.name = name.value_or("");
    if (name) {
      auto fault = label_fault(*name);
      if (!fault && !names.insert(*name).second) fault = in_quotes(*name) + " is there twice; give it another name";
      if (fault) findings.fault(*node.member("name"), *fault);
    }
    read_kind(findings, node, volume);
    out.push_back(std::move(volume));
  }
  return out;
}

std::vector<VolumeMount> read_volume_mounts(Findings& findings, const Node& list, const std::vector<Volume>& volumes) {
  std::vector<VolumeMount> out;
  if (!findings.is_list(list)) return out;
  if (list.value->size() > kMostVolumeMounts) {
    findings.fault(list, "must have at most " + std::to_string(kMostVolumeMounts) + " mounts");
    return out;
  }
  std::set<std::string> paths;
  for (const Node& node : list.elements()) {
    if (!check_fields(findings, node, ObjectKind::volume_mount)) continue;
    VolumeMount mount;
    const auto name = needed_text(findings, node, "name", "the name of a volume");
    const auto volume = std::ranges::find(volumes, name.value_or(""), &Volume::name);
    if (name && volume == volumes.end()) {
      std::vector<std::string_view> known;
      known.reserve(volumes.size());
      for (const Volume& each : volumes) known.push_back(each.name);
      findings.fault(*node.member("name"),
                     in_quotes(*name) + " is not among spec.template.spec.volumes" + did_you_mean(*name, known));
    }
    mount.volume = name.value_or("");
    if (const auto path = needed_text(findings, node, "mountPath", "where the container sees it, such as /data")) {
      mount.path = plain_path(*path);
      auto fault = mount_path_fault(*path);
      if (!fault && !paths.insert(mount.path).second) fault = in_quotes(*path) + " is there twice; remove one of them";
      if (fault) findings.fault(*node.member("mountPath"), *fault);
    }
    if (const auto sub = node.member("subPath")) {
      const std::string text = findings.text(*sub).value_or("");
      if (auto fault = sub_path_fault(text)) findings.fault(*sub, *fault);
      mount.sub_path = plain_path(text);
    }
    if (const auto only = node.member("readOnly")) mount.read_only = findings.boolean(*only).value_or(false);
    if (volume != volumes.end() && !volume->sources.empty()) mount.read_only = true;
    out.push_back(std::move(mount));
  }
  return out;
}

}  // namespace marea::model
