// Names of images, as people write them: what is accepted is written back as a text that means the same, holds no
// character that a command line, a path or a terminal would take otherwise, and means one thing only.
// modules: pipeline model net base
#include <cstdint>
#include <string>
#include <vector>

#include "must.h"
#include "pipeline/archive_layout.h"
#include "pipeline/image_names.h"
#include "pipeline/oci_layout.h"
#include "pipeline/registry_error.h"
#include "pipeline/registry_reference.h"

using namespace marea::pipeline;

namespace {

template <class Reference>
bool is_sound(const marea::base::Result<Reference>& parsed) {
  MUST(parsed || (!parsed.error().what.empty() && !parsed.error().why.empty()));
  return parsed.has_value();
}

void check_registry(const std::string& text) {
  const auto parsed = parse_registry_reference(text);
  if (!is_sound(parsed)) return;
  const std::string written = to_string(*parsed);
  MUST(parse_registry_reference(written) == parsed);
  MUST(names_registry(std::string(kRegistryScheme) + written));
  MUST(!parsed->host.empty() && !parsed->repository.empty());
  MUST(parsed->tag.empty() != parsed->digest.empty());
  MUST(parsed->repository.size() <= kMostRepositoryBytes + sizeof "library/");
  for (const char c : written)
    MUST(c > ' ' && c < '\x7f' && std::string_view("'\"\\`$;&|<>").find(c) == std::string_view::npos);
  MUST(!written.starts_with('-') && written.find("..") != 0);
  MUST(!registry_error(*parsed, text).why.empty());
}

void check_places(const std::string& text) {
  const auto layout = parse_oci_reference(text);
  if (is_sound(layout)) {
    MUST(is_oci_reference(text) && is_local_reference(text) && !may_be_own_name(text) && !names_registry(text));
    MUST(parse_oci_reference(to_string(*layout)) == layout);
  }
  const auto archive = parse_archive_reference(text);
  if (is_sound(archive)) {
    MUST(is_archive_reference(text) && is_local_reference(text) && !may_be_own_name(text) && !names_registry(text));
    MUST(parse_archive_reference(to_string(*archive)) == archive);
    MUST(archive->file.find('\0') == std::string::npos && !archive->file.empty());
  }
  MUST(!layout || !archive);
}

}  // namespace

// Input: a name; after the first line feed, names of images that are there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  const std::string all(reinterpret_cast<const char*>(data), size);
  const std::string text = all.substr(0, all.find('\n'));
  check_registry(text);
  check_places(text);
  std::vector<std::string> names;
  for (std::size_t at = text.size() + 1; at < all.size() && names.size() < 50;) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    names.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  const std::vector<std::string> near = near_names(text, names);
  MUST(near.size() <= kMostNearNames);
  for (const std::string& name : near) MUST(may_be_own_name(name));
  const std::string full = full_image_name(text);
  MUST(full.size() <= kMostImageNameBytes + kMostTagBytes + sizeof "localhost/:latest");
  return 0;
}
