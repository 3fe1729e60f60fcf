// A directory without a Dockerfile: what kind of app it is, how it starts, and the Dockerfile that people would write
// for it. Only a closed list of names is looked at (pack_file_names()), a few of them are read (pack_text_names()):
//
//   Result<AppDirectory> files = read_app_directory(dir, keep_all);   // build_pack_directory.h
//   Result<BuildPack> pack = detect_pack(*files, {});
//   std::string dockerfile = dockerfile_of(*pack);
//
// A directory is of the first kind whose files it has: node (package.json), python (requirements.txt, pyproject.toml;
// without any other kind main.py or app.py will do), cmake (CMakeLists.txt); static (index.html at the top or in one of
// kStaticFolders) when it has nothing of these. Two of the first three are an error that asks. A Procfile's `web` line
// decides how it starts; its other lines are told as not started. Source of the Procfile's form: Heroku's.
//
// Nothing of a user's file becomes syntax of the Dockerfile: commands are JSON texts in ASCII, all else is constant.
// Pure. Errors name file and line: E_NOT_FOUND: of no kind; E_INVALID_ARGUMENT: of several, or a file that is wrong;
// E_TOO_LARGE.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace marea::pipeline {

enum class PackKind { static_site, node, python, cmake };

// "static", "node", "python", "cmake", as --kind takes them.
std::string_view to_string(PackKind kind);
std::optional<PackKind> pack_kind_from(std::string_view text);

inline constexpr std::array<std::string_view, 4> kStaticFolders = {"public", "dist", "site", "_site"};
// Whole, since a short name may be an alias. The build installs what the image lacks, so one in the store that has it
// already needs no network.
inline constexpr std::string_view kPackBase = "docker.io/library/debian:12-slim";
// Where a generated Dockerfile lies in an uploaded context; the builder takes it away before the context is copied.
inline constexpr std::string_view kPackDockerfile = ".marea.Dockerfile";
inline constexpr std::size_t kMostPackTextBytes = 1U << 20;  // a Procfile has 1 KiB, requirements with hashes 300
inline constexpr std::size_t kMostCommandBytes = 4096;       // of a process in a Procfile
inline constexpr std::size_t kMostProcesses = 100;           // in a Procfile

// Relative paths of regular files and of links among pack_file_names(), of the file that package.json's main names, and
// the texts of those in pack_text_names().
struct AppDirectory {
  std::set<std::string, std::less<>> files;
  std::set<std::string, std::less<>> links;
  std::map<std::string, std::string, std::less<>> texts;

  bool has(std::string_view name) const { return files.contains(name); }
};

const std::vector<std::string>& pack_file_names();
const std::vector<std::string>& pack_text_names();

// Who said how the app starts.
enum class StartSource { procfile, start_script, main_field, file_name, guess, only_program, server };

struct BuildPack {
  PackKind kind = PackKind::static_site;
  std::string base{kPackBase};
  std::string marker;  // the file that decided
  StartSource source = StartSource::server;
  std::string start;                     // a command for people; empty: the server, or the only program
  std::vector<std::string> command;      // for the kernel
  std::vector<std::string> not_started;  // the Procfile's other processes
  std::vector<std::string> used;         // folders that look like built ones, but commands name files in them
  // static
  std::string folder;  // "" is the directory itself
  // node, python
  std::vector<std::string> manifests;  // what tells the dependencies; empty: there are none
  bool manifests_alone = true;         // they name nothing else of the directory, so they can be copied first
  // node
  bool has_npmrc = false;    // often with credentials: it is there while npm installs, and not in the image
  bool has_lock = false;     // package-lock.json or npm-shrinkwrap.json
  std::string foreign_lock;  // yarn.lock or pnpm-lock.yaml, which npm does not read
  bool builds = false;       // scripts.build
  bool needs_npm = false;
  // python
  bool is_package = false;  // pyproject.toml has a [build-system]
  // cmake
  std::string program;  // the Procfile's; empty: the only one
  bool needs_shell = false;
};

struct PackWishes {
  std::optional<PackKind> kind;
  std::string base;  // empty: kPackBase; else a name that full_image_name() takes
};

base::Result<BuildPack> detect_pack(const AppDirectory& directory, const PackWishes& wishes);

// Whole, with comments for whoever keeps it.
std::string dockerfile_of(const BuildPack& pack);

// The kind of a text of dockerfile_of() that was kept, as long as its first line stands.
std::optional<PackKind> kind_of_kept(std::string_view dockerfile);

// Patterns of .dockerignore for what never goes along: the machine's own installations, builds and secrets.
std::vector<std::string> left_at_home(const std::optional<BuildPack>& pack);

// A whole ignore file of the app's own and of these patterns, for those who read it as Docker does. They come last: an
// exception for a folder (`!src`) would bring back what is in it.
std::string ignore_file_of(std::string own, const BuildPack& pack);

}  // namespace marea::pipeline
