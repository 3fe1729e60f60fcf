#include "control/missing_values.h"

#include <algorithm>

#include "model/secret_alias.h"

namespace marea::control {
namespace {

using model::SourceKind;

std::string container_words(const model::Container& container) {
  return container.name.empty() ? "the container" : "container " + container.name;
}

void add_variables(const model::Container& container, std::vector<MissingValue>& out) {
  for (const model::EnvReference& each : container.env_references) {
    if (each.optional) continue;
    const std::string what = each.key.empty() ? "variables of " : "the variable " + each.variable + " of ";
    out.push_back({.kind = each.kind, .name = each.name, .key = each.key, .place = what + container_words(container)});
  }
}

void add_files(const model::Volume& volume, const std::string& place, std::vector<MissingValue>& out) {
  for (const model::VolumeSource& source : volume.sources) {
    if (source.optional) continue;
    if (source.items.empty()) out.push_back({.kind = source.kind, .name = source.name, .key = {}, .place = place});
    for (const model::VolumeItem& item : source.items) {
      out.push_back({.kind = source.kind, .name = source.name, .key = item.key, .place = place});
    }
  }
}

// A volume that nobody mounts needs its source too: Kubernetes does not start such a pod either.
std::string place_of(const model::Template& spec, const model::Volume& volume) {
  std::vector<const model::Container*> all{&spec.container};
  for (const model::Container& each : spec.sidecars) all.push_back(&each);
  for (const model::Container* container : all) {
    const auto mount = std::ranges::find(container->mounts, volume.name, &model::VolumeMount::volume);
    if (mount != container->mounts.end())
      return "the files under " + mount->path + " of " + container_words(*container);
  }
  return "the volume " + volume.name;
}

std::string words_of(const MissingValue& value, const std::vector<model::SecretAlias>& aliases) {
  std::string out = (value.kind == SourceKind::secret ? "secret " : "config map ") + value.name;
  const auto alias = std::ranges::find(aliases, value.name, &model::SecretAlias::alias);
  if (value.kind == SourceKind::secret && alias != aliases.end()) out += " (" + alias->secret + ")";
  if (!value.key.empty()) out += ", key " + value.key;
  return out + ", for " + value.place;
}

std::vector<model::SecretAlias> aliases_of(const model::Template& spec) {
  const auto found = spec.annotations.find("run.googleapis.com/secrets");
  if (found == spec.annotations.end()) return {};
  return model::parse_secret_aliases(found->second).value_or(std::vector<model::SecretAlias>{});
}

}  // namespace

std::vector<MissingValue> missing_values(const model::Template& spec) {
  std::vector<MissingValue> out;
  add_variables(spec.container, out);
  for (const model::Container& sidecar : spec.sidecars) add_variables(sidecar, out);
  for (const model::Volume& volume : spec.volumes) add_files(volume, place_of(spec, volume), out);
  return out;
}

std::optional<Failure> describe_missing_values(const model::Revision& revision) {
  const std::vector<MissingValue> missing = missing_values(revision.spec);
  if (missing.empty()) return std::nullopt;
  const bool secret =
      std::ranges::any_of(missing, [](const MissingValue& each) { return each.kind == SourceKind::secret; });
  Failure out{.reason = secret ? model::Reason::secret_missing : model::Reason::config_missing,
              .code = secret ? base::ErrorCode::secret_missing : base::ErrorCode::config_missing};
  const std::vector<model::SecretAlias> aliases = aliases_of(revision.spec);
  out.message = revision.name.str() + ": it needs what is not there: ";
  for (std::size_t i = 0; i < std::min(missing.size(), kMostNamedValues); ++i) {
    out.message += (i == 0 ? "" : "; ") + words_of(missing[i], aliases);
  }
  if (missing.size() > kMostNamedValues) {
    out.message += "; and " + std::to_string(missing.size() - kMostNamedValues) + " more";
  }
  out.message +=
      ". This platform holds no secrets and config maps yet: give a variable its value (env[].value), put files into "
      "the image, or mark the reference optional: true; then apply the service again.";
  return out;
}

}  // namespace marea::control
