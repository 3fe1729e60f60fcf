#include "app/cli_build_plan.h"

#include <utility>

#include "pipeline/build_image.h"
#include "pipeline/build_pack_directory.h"
#include "pipeline/files.h"

namespace marea::app {
namespace {

using pipeline::BuildPack;
using pipeline::PackKind;
using pipeline::StartSource;

std::string joined_lines(const std::vector<std::string>& patterns) {
  std::string out;
  for (const std::string& pattern : patterns) out += pattern + "\n";
  return out;
}

base::Result<BuildPlan> plan_pack(const std::string& dir, const std::string& ignore_file,
                                  const pipeline::PackWishes& wishes) {
  const base::Result<GitIgnoreRules> git = read_git_ignore(dir);
  if (!git) return std::unexpected(git.error());
  const auto rules_for = [&](const std::optional<BuildPack>& pack) {
    IgnoreRules out(joined_lines(pipeline::left_at_home(pack)) + ignore_file);
    out.begin_with(*git);
    return out;
  };
  const IgnoreRules first = rules_for(std::nullopt);
  const auto files =
      pipeline::read_app_directory(dir, [&](const std::string& path) { return first.ignores(path, false); });
  if (!files) return std::unexpected(files.error());
  base::Result<BuildPack> pack = pipeline::detect_pack(*files, wishes);
  if (!pack) {
    base::Error error = pack.error();
    error.what += " (" + dir + ")";
    return std::unexpected(std::move(error));
  }
  std::string text = pipeline::dockerfile_of(*pack);
  IgnoreRules rules = rules_for(*pack);
  return BuildPlan{.dockerfile = {.path = std::string(pipeline::kPackDockerfile), .made = text},
                   .text = std::move(text),
                   .rules = std::move(rules),
                   .pack = *std::move(pack)};
}

Text name_of_kind(PackKind kind) {
  switch (kind) {
    case PackKind::static_site: return Text::pack_static;
    case PackKind::node: return Text::pack_node;
    case PackKind::python: return Text::pack_python;
    case PackKind::cmake: return Text::pack_cmake;
  }
  std::unreachable();
}

std::string start_of(const BuildPack& pack, const Words& words) {
  switch (pack.source) {
    case StartSource::procfile: return words(Text::pack_procfile, pack.start);
    case StartSource::start_script: return words(Text::pack_start_script, pack.start);
    case StartSource::main_field: return words(Text::pack_main_field, pack.start);
    case StartSource::file_name: return words(Text::pack_file_name, pack.start);
    case StartSource::guess: return words(Text::pack_guess, pack.start);
    case StartSource::only_program: return words(Text::pack_only_program);
    case StartSource::server: return words(Text::pack_server, pack.folder.empty() ? "." : pack.folder);
  }
  std::unreachable();
}

}  // namespace

base::Result<BuildPlan> plan_build(const std::string& dir, const BuildWishes& wishes) {
  base::Result<std::string> found = find_dockerfile(dir, wishes.dockerfile);
  if (!found) return std::unexpected(found.error());
  const base::Result<std::string> ignore_file = read_ignore_file(dir);
  if (!ignore_file) return std::unexpected(ignore_file.error());
  if (found->empty() || wishes.pack.kind) return plan_pack(dir, *ignore_file, wishes.pack);
  if (!wishes.pack.base.empty()) {
    return base::fail(base::ErrorCode::usage, "--base is for a directory without a Dockerfile", dir + " has " + *found,
                      "Change its FROM, or leave the Dockerfile aside: --kind KIND");
  }
  base::Result<std::string> text = pipeline::read_small_file(dir + "/" + *found, pipeline::kMostDockerfileBytes);
  if (!text) return std::unexpected(text.error());
  return BuildPlan{.dockerfile = {.path = *std::move(found), .made = std::nullopt},
                   .text = *std::move(text),
                   .rules = IgnoreRules(*ignore_file),
                   .pack = std::nullopt};
}

std::vector<std::string> describe_pack(const BuildPack& pack, const Words& words) {
  std::vector<std::string> out = {
      words(Text::pack_found, pack.marker, words(name_of_kind(pack.kind)), start_of(pack, words))};
  if (!pack.not_started.empty()) {
    std::string names;
    for (const std::string& name : pack.not_started) names += (names.empty() ? "" : ", ") + name;
    out.push_back(words(Text::pack_not_started, names));
  }
  if (!pack.foreign_lock.empty()) out.push_back(words(Text::pack_foreign_lock, pack.foreign_lock));
  return out;
}

}  // namespace marea::app
