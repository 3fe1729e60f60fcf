#include "pipeline/build_pack.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "pipeline/build_pack_node.h"
#include "pipeline/build_pack_procfile.h"
#include "pipeline/image_names.h"
#include "pipeline/layer.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using enum PackKind;

constexpr std::array kKinds = {static_site, node, python, cmake};
constexpr const char* kCannot = "cannot tell how to build the directory";

std::unexpected<base::Error> unclear(ErrorCode code, std::string why, std::string remedy) {
  return base::fail(code, kCannot, std::move(why), std::move(remedy));
}

std::string text_of(const AppDirectory& directory, std::string_view name) {
  const auto found = directory.texts.find(name);
  return found == directory.texts.end() ? std::string() : found->second;
}

std::optional<std::string_view> first_of(const AppDirectory& directory, std::initializer_list<std::string_view> names) {
  const auto* found = std::ranges::find_if(names, [&](std::string_view name) { return directory.has(name); });
  return found == names.end() ? std::nullopt : std::optional(*found);
}

std::string index_in(std::string_view folder) {
  return folder.empty() ? std::string("index.html") : std::string(folder) + "/index.html";
}

std::optional<std::string_view> static_folder(const AppDirectory& directory) {
  if (directory.has("index.html")) return std::string_view();
  const auto* found =
      std::ranges::find_if(kStaticFolders, [&](std::string_view folder) { return directory.has(index_in(folder)); });
  return found == kStaticFolders.end() ? std::nullopt : std::optional(*found);
}

// The file that says that the directory is of this kind.
std::string marker_of(const AppDirectory& directory, PackKind kind) {
  switch (kind) {
    case static_site: {
      const auto folder = static_folder(directory);
      return folder ? index_in(*folder) : std::string();
    }
    case node: return std::string(first_of(directory, {"package.json"}).value_or(""));
    case python:
      return std::string(first_of(directory, {"requirements.txt", "pyproject.toml", "main.py", "app.py"}).value_or(""));
    case cmake: return std::string(first_of(directory, {"CMakeLists.txt"}).value_or(""));
  }
  return {};
}

bool is_strong(std::string_view marker) {
  return !marker.empty() && !marker.ends_with(".py") && !marker.ends_with(".html");
}

constexpr const char* kLookedFor =
    "Dockerfile, Containerfile; package.json (node); requirements.txt, pyproject.toml, main.py, app.py (python); "
    "CMakeLists.txt (cmake); index.html at the top or in public, dist, site or _site (static)";

base::Result<PackKind> choose_kind(const AppDirectory& directory, const PackWishes& wishes) {
  if (wishes.kind) {
    if (!marker_of(directory, *wishes.kind).empty()) return *wishes.kind;
    return unclear(ErrorCode::not_found,
                   "it has none of the files of a " + std::string(to_string(*wishes.kind)) +
                       " app; looked for: " + kLookedFor + ". Files that an ignore file leaves out do not count",
                   "Leave out --kind, or write a Dockerfile.");
  }
  std::vector<PackKind> strong;
  std::string found;
  for (const PackKind kind : kKinds) {
    const std::string marker = marker_of(directory, kind);
    if (!is_strong(marker)) continue;
    strong.push_back(kind);
    found += (found.empty() ? "" : ", ") + marker + " (" + std::string(to_string(kind)) + ")";
  }
  if (strong.size() == 1) return strong.front();
  if (strong.size() > 1) {
    return unclear(ErrorCode::invalid_argument, "it has the files of several kinds of app: " + found,
                   "Say which: --kind node, python or cmake; or write a Dockerfile.");
  }
  if (!marker_of(directory, python).empty()) return python;
  if (directory.has("Procfile")) {
    return unclear(ErrorCode::not_found,
                   "a Procfile is there, but nothing says what its command needs; looked for: " +
                       std::string(kLookedFor) + ". Files that an ignore file leaves out do not count",
                   "Write a Dockerfile, or the file that names the dependencies (an empty requirements.txt will do).");
  }
  if (!marker_of(directory, static_site).empty()) return static_site;
  return unclear(ErrorCode::not_found,
                 "it has no Dockerfile and nothing else that says what it is; looked for: " + std::string(kLookedFor) +
                     ". Files that an ignore file leaves out do not count",
                 "Write a Dockerfile there, or one of these files.");
}

base::Result<void> check_links(const AppDirectory& directory) {
  for (const std::string& name : pack_text_names()) {
    if (!directory.links.contains(name)) continue;
    return base::fail(ErrorCode::invalid_argument, "cannot use " + name, name + " is a symbolic link",
                      "Put the file itself there: links of a directory are not followed.");
  }
  return {};
}

// The Procfile's web line, and the names of the others.
base::Result<std::string> web_command(const AppDirectory& directory, BuildPack& pack) {
  const auto text = directory.texts.find("Procfile");
  if (text == directory.texts.end()) return std::string();
  const base::Result<std::vector<ProcfileEntry>> entries = read_procfile(text->second);
  if (!entries) return std::unexpected(entries.error());
  std::string web;
  for (const ProcfileEntry& entry : *entries) {
    if (entry.name == "web") {
      web = entry.command;
    } else {
      pack.not_started.push_back(entry.name);
    }
  }
  if (!web.empty()) return web;
  return base::fail(ErrorCode::invalid_argument, "cannot use the Procfile",
                    entries->empty() ? "Procfile:1: it has no line" : "it has no process named web",
                    "Say how the app starts, for example: web: node server.js");
}

// Options of a requirements file that name no file; others do: -r, -c, -e, -f and their long forms (pip's manual,
// Requirements File Format).
constexpr std::array<std::string_view, 10> kOptionsWithoutFiles = {
    "-i",    "--index-url",     "--extra-index-url", "--no-index",    "--no-binary", "--only-binary",
    "--pre", "--prefer-binary", "--require-hashes",  "--trusted-host"};

// One requirement, begun without a blank: an option with a file, a path, an archive, file: as its address.
bool names_file(std::string_view line) {
  const std::string_view word = line.substr(0, line.find_first_of(" \t=;"));
  if (word.starts_with('-')) return std::ranges::find(kOptionsWithoutFiles, word) == kOptionsWithoutFiles.end();
  if (line.contains("file:")) return true;
  if (word.contains("://")) return false;
  return word.starts_with('.') || word.contains('/') || word.ends_with(".whl") || word.ends_with(".zip") ||
         word.ends_with(".tar.gz");
}

// Whether pip needs other files of the directory for it. Lines behind a backslash, such as --hash, belong to the one
// before.
bool names_files(std::string_view requirements) {
  for (bool goes_on = false; !requirements.empty();) {
    const std::size_t end = std::min(requirements.find('\n'), requirements.size());
    std::string_view line = requirements.substr(0, end);
    requirements.remove_prefix(std::min(end + 1, requirements.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t begin = line.find_first_not_of(" \t");
    const bool comment = begin != std::string_view::npos && line[begin] == '#';
    const bool continued = std::exchange(goes_on, line.ends_with('\\') && !comment);
    if (continued || comment || begin == std::string_view::npos) continue;
    if (names_file(line.substr(begin))) return true;
  }
  return false;
}

base::Result<void> detect_python(const AppDirectory& directory, BuildPack& pack) {
  const std::string project = text_of(directory, "pyproject.toml");
  pack.is_package = ("\n" + project).contains("\n[build-system]");
  if (directory.has("requirements.txt")) {
    pack.manifests = {"requirements.txt"};
    pack.manifests_alone = !names_files(text_of(directory, "requirements.txt"));
  } else if (directory.has("pyproject.toml")) {
    pack.manifests = {"pyproject.toml"};
  }
  if (!pack.start.empty()) {
    for (const char* folder : {"build", "dist", "venv"}) {
      if (names_folder(pack.start, folder)) pack.used.emplace_back(folder);
    }
    return {};
  }
  const auto entry = first_of(directory, {"main.py", "app.py", "server.py"});
  if (!entry) {
    return unclear(ErrorCode::not_found,
                   pack.marker +
                       " is there, but nothing says how the app starts; looked for: Procfile, main.py, "
                       "app.py, server.py",
                   "Write it into a Procfile, for example: web: gunicorn -b :$PORT app:app");
  }
  pack.source = StartSource::guess;
  pack.command = {"python", std::string(*entry)};
  pack.start = "python " + std::string(*entry);
  return {};
}

bool is_file_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '+';
  });
}

// The program's own place in the image replaces the folder in which people build it.
base::Result<void> detect_cmake(BuildPack& pack) {
  if (pack.start.empty()) {
    pack.source = StartSource::only_program;
    pack.command = {"/app/program"};
    return {};
  }
  pack.needs_shell = words_of_command(pack.start).empty();
  if (!is_single_command(pack.start)) return {};  // the shell finds all programs in its PATH
  const std::string first = pack.start.substr(0, pack.start.find_first_of(" \t"));
  const std::string name = first.substr(first.rfind('/') + 1);
  if (!is_file_name(name)) {
    return base::fail(ErrorCode::invalid_argument, "cannot use the Procfile",
                      "'" + printable(first) + "' is no name of a program that CMake makes",
                      "Begin the web command with the target's name, for example: web: ./server");
  }
  pack.program = name;
  pack.command = argv_of_command("/app/" + name + pack.start.substr(first.size()));
  return {};
}

}  // namespace

std::string_view to_string(PackKind kind) {
  switch (kind) {
    case static_site: return "static";
    case node: return "node";
    case python: return "python";
    case cmake: return "cmake";
  }
  return "";
}

std::optional<PackKind> pack_kind_from(std::string_view text) {
  const auto* found = std::ranges::find_if(kKinds, [&](PackKind kind) { return to_string(kind) == text; });
  return found == kKinds.end() ? std::nullopt : std::optional(*found);
}

const std::vector<std::string>& pack_text_names() {
  static const std::vector<std::string> kNames = {"Procfile", "package.json", "requirements.txt", "pyproject.toml"};
  return kNames;
}

const std::vector<std::string>& pack_file_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> out = pack_text_names();
    out.insert(out.end(), {"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", ".npmrc",
                           "server.js", "index.js", "main.py", "app.py", "server.py", "CMakeLists.txt", "index.html"});
    for (const std::string_view folder : kStaticFolders) out.push_back(index_in(folder));
    return out;
  }();
  return kNames;
}

base::Result<BuildPack> detect_pack(const AppDirectory& directory, const PackWishes& wishes) {
  if (base::Result<void> good = check_links(directory); !good) return std::unexpected(good.error());
  BuildPack pack;
  if (!wishes.base.empty()) {
    if (full_image_name(wishes.base).empty()) {
      return base::fail(ErrorCode::invalid_argument, "cannot build on '" + printable(wishes.base) + "'",
                        "it is no name of an image", "Name one that `marea images` has, or one of a registry.");
    }
    pack.base = wishes.base;
  }
  const base::Result<PackKind> kind = choose_kind(directory, wishes);
  if (!kind) return std::unexpected(kind.error());
  pack.kind = *kind;
  pack.marker = marker_of(directory, *kind);
  if (*kind == static_site) {
    pack.folder = *static_folder(directory);
    return pack;
  }
  base::Result<std::string> web = web_command(directory, pack);
  if (!web) return std::unexpected(web.error());
  if (!web->empty()) {
    pack.source = StartSource::procfile;
    pack.command = argv_of_command(*web);
    pack.start = *std::move(web);
  }
  const base::Result<void> done = *kind == node     ? detect_node(directory, pack)
                                  : *kind == python ? detect_python(directory, pack)
                                                    : detect_cmake(pack);
  if (!done) return std::unexpected(done.error());
  return pack;
}

std::vector<std::string> left_at_home(const std::optional<BuildPack>& pack) {
  std::vector<std::string> out = {std::string(kPackDockerfile),
                                  "**/.git",
                                  "**/.hg",
                                  "**/.svn",
                                  "**/node_modules",
                                  "**/.venv",
                                  "**/__pycache__",
                                  "**/*.pyc",
                                  "**/.env",
                                  "**/.env.*"};
  if (!pack) return out;
  std::vector<std::string> more;
  switch (pack->kind) {
    case static_site: break;
    case node:
      if (pack->builds) more.emplace_back("build");
      if (pack->has_npmrc && pack->manifests.empty()) more.emplace_back(".npmrc");
      break;
    case python: more = {"venv", "build", "dist", "*.egg-info"}; break;
    case cmake: more = {"build", "cmake-build-*"}; break;
  }
  std::ranges::copy_if(more, std::back_inserter(out), [&](const std::string& pattern) {
    return std::ranges::find(pack->used, pattern) == pack->used.end();
  });
  return out;
}

std::string ignore_file_of(std::string own, const BuildPack& pack) {
  if (!own.empty() && !own.ends_with('\n')) own += '\n';
  for (const std::string& pattern : left_at_home(pack)) own += pattern + "\n";
  return own;
}

}  // namespace marea::pipeline
