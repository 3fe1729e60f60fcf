#include "engine/local/sandbox_part.h"

namespace marea::engine::local {

std::string SandboxPart::name(const base::InstanceId& id) const {
  return number == 0 ? id.str() : id.str() + "." + std::to_string(number);
}

std::string instance_of(const std::string& name) {
  return name.substr(0, name.find('.'));
}

model::Revision container_view(const model::Revision& revision, std::size_t number) {
  model::Revision out = revision;
  out.spec.sidecars.clear();
  out.sidecar_images.clear();
  if (number > 0) {
    out.spec.container = revision.spec.sidecars.at(number - 1);
    out.image = revision.sidecar_images.at(number - 1);
  }
  return out;
}

}  // namespace marea::engine::local
