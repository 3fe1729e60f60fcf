#include "app/cli_manifest_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/fd.h"

namespace marea::app {

// A pipe will do too: -f <(envsubst < app.yaml).
Outcome<ManifestFile> read_manifest_file(const std::string& file, const Words& words) {
  const bool standard_input = file == "-";
  ManifestFile out = standard_input ? ManifestFile{words(Text::standard_input), "", ""}
                                    : ManifestFile{file, std::filesystem::path(file).parent_path().string(), ""};
  const auto failed = [&] {
    base::Error error = base::os_error(words(Text::cannot_read, out.name));
    error.remedy = words(Text::cannot_read_remedy);
    return give_up(std::move(error));
  };
  const base::Fd opened(standard_input ? -1 : ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  const int fd = standard_input ? STDIN_FILENO : opened.get();
  if (fd < 0) return failed();
  std::string block(1 << 16, '\0');
  while (out.text.size() <= model::kMostManifestBytes) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed();
    if (got == 0) break;
    out.text.append(block, 0, static_cast<std::size_t>(got));
  }
  return out;
}

Failure faulty_manifest(const ManifestFile& source, const model::Faults& faults, const Words& words) {
  Failure out{.error = {.code = base::ErrorCode::manifest_invalid,
                        .what = words(Text::manifest_invalid, source.name, faults.size()),
                        .why = words(Text::nothing_stored),
                        .remedy = words(Text::manifest_remedy),
                        .more = "docs/manifest.md"},
              .file = source.name};
  for (const model::Fault& fault : faults) {
    out.causes.push_back({.line = fault.line, .column = fault.column, .field = fault.path, .message = fault.message});
  }
  return out;
}

model::Mark mark_at(const model::Tree& tree, std::string_view path) {
  const Json* value = &tree.value;
  const model::Place* place = &tree.place;
  model::Mark out = place->value;
  std::string at;
  const auto leads_on = [&](const std::string& child) {
    return path.starts_with(child) &&
           (path.size() == child.size() || path[child.size()] == '.' || path[child.size()] == '[');
  };
  for (bool found = true; found && at != path;) {
    found = false;
    std::size_t index = 0;
    for (auto child = value->begin(); child != value->end() && index < place->children.size(); ++child, ++index) {
      const std::string there =
          value->is_object() ? model::member_path(at, child.key()) : model::element_path(at, index);
      if (!leads_on(there)) continue;
      found = true;
      at = there;
      value = &*child;
      place = &place->children[index];
      out = place->key;
      break;
    }
  }
  return out;
}

// The images of a document, wherever a template has containers.
std::vector<Json*> images_of(Json& document) {
  std::vector<Json*> out;
  const Json* found = find(document, {"spec", "template", "spec", "containers"});
  if (found == nullptr || !found->is_array()) return out;
  for (Json& container : document["spec"]["template"]["spec"]["containers"]) {
    const auto image = container.find("image");
    if (image != container.end() && image->is_string()) out.push_back(&*image);
  }
  return out;
}

}  // namespace marea::app
