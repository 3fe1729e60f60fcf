#include "app/cli_manifest_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
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

namespace {

// The first step of a path: a member's name, or the number of an element. The path without it is left.
std::string next_step(std::string_view& path) {
  if (path.starts_with('.')) path.remove_prefix(1);
  std::string_view step;
  if (path.starts_with("[\"")) {
    const std::size_t end = std::min(path.find("\"]"), path.size());
    step = path.substr(2, end - 2);
    path.remove_prefix(std::min(end + 2, path.size()));
  } else if (path.starts_with('[')) {
    const std::size_t end = std::min(path.find(']'), path.size());
    step = path.substr(1, end - 1);
    path.remove_prefix(std::min(end + 1, path.size()));
  } else {
    step = path.substr(0, path.find_first_of(".["));
    path.remove_prefix(step.size());
  }
  return std::string(step);
}

}  // namespace

model::Mark mark_at(const model::Tree& tree, std::string_view path) {
  const Json* value = &tree.value;
  const model::Place* place = &tree.place;
  model::Mark out = place->value;
  while (!path.empty()) {
    const std::string step = next_step(path);
    std::size_t index = 0;
    const Json* child = nullptr;
    if (value->is_object()) {
      for (auto member = value->begin(); member != value->end() && child == nullptr; ++member) {
        if (member.key() == step) {
          child = &*member;
        } else {
          ++index;
        }
      }
    } else if (value->is_array() && !step.empty() && step.find_first_not_of("0123456789") == std::string::npos) {
      index = step.size() < 9 ? std::stoul(step) : value->size();
      if (index < value->size()) child = &(*value)[index];
    }
    if (child == nullptr || index >= place->children.size()) return out;
    place = &place->children[index];
    value = child;
    out = place->key;
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
