#include "app/cli_build_plan.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "pipeline/build_image.h"
#include "pipeline/build_pack_directory.h"
#include "pipeline/files.h"
#include "pipeline/layer.h"

namespace marea::app {
namespace {

namespace fs = std::filesystem;
using pipeline::BuildPack;
using pipeline::PackKind;
using pipeline::StartSource;

// What decides of a directory without a Dockerfile of its own.
struct Leaving {
  std::string ignore_file;
  GitIgnoreRules git;

  IgnoreRules rules(const std::optional<BuildPack>& pack) const {
    IgnoreRules out(ignore_file);
    out.begin_with(git);
    out.keep_home(pipeline::left_at_home(pack));
    return out;
  }
};

base::Result<BuildPack> detect(const std::string& dir, const Leaving& leaving, const pipeline::PackWishes& wishes) {
  const IgnoreRules rules = leaving.rules(std::nullopt);
  const auto files =
      pipeline::read_app_directory(dir, [&](const std::string& path) { return rules.ignores(path, false); });
  if (!files) return std::unexpected(files.error());
  return pipeline::detect_pack(*files, wishes);
}

// Their names may be those of sources, so people are told.
std::vector<std::string> left_folders(const std::string& dir, const Leaving& leaving, const BuildPack& pack) {
  const IgnoreRules of_all = leaving.rules(std::nullopt);
  const IgnoreRules of_kind = leaving.rules(pack);
  std::vector<std::string> out;
  std::error_code failed;
  for (fs::directory_iterator at(dir, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code ignored;
    std::string name = at->path().filename().string();
    if (!fs::is_directory(at->symlink_status(ignored))) continue;
    if (of_kind.ignores(name, true) && !of_all.ignores(name, true)) out.push_back(std::move(name));
  }
  std::ranges::sort(out);
  return out;
}

base::Result<BuildPlan> plan_pack(const std::string& dir, const Leaving& leaving, const pipeline::PackWishes& wishes) {
  base::Result<BuildPack> pack = detect(dir, leaving, wishes);
  if (!pack) {
    base::Error error = pack.error();
    error.what += " (" + dir + ")";
    return std::unexpected(std::move(error));
  }
  std::string text = pipeline::dockerfile_of(*pack);
  return BuildPlan{.dockerfile = {.path = std::string(pipeline::kPackDockerfile), .made = text},
                   .text = std::move(text),
                   .rules = leaving.rules(*pack),
                   .pack = *pack,
                   .left = left_folders(dir, leaving, *pack)};
}

// A Dockerfile that was made for a kind and kept. What it is of need not be clear any more.
BuildPlan plan_kept(const std::string& dir, const Leaving& leaving, PackKind kind) {
  const base::Result<BuildPack> pack = detect(dir, leaving, {.kind = kind, .base = {}});
  if (!pack) return {.dockerfile = {}, .text = {}, .rules = leaving.rules(std::nullopt), .pack = {}, .left = {}};
  return {.dockerfile = {},
          .text = {},
          .rules = leaving.rules(*pack),
          .pack = {},
          .left = left_folders(dir, leaving, *pack)};
}

base::Result<Leaving> leaving_of(const std::string& dir, std::string ignore_file) {
  base::Result<GitIgnoreRules> git = read_git_ignore(dir);
  if (!git) return std::unexpected(git.error());
  return Leaving{.ignore_file = std::move(ignore_file), .git = *std::move(git)};
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
  if (found->empty() || wishes.pack.kind) {
    const base::Result<Leaving> leaving = leaving_of(dir, *ignore_file);
    return leaving ? plan_pack(dir, *leaving, wishes.pack) : std::unexpected(leaving.error());
  }
  if (!wishes.pack.base.empty()) {
    return base::fail(base::ErrorCode::usage, "--base is for a directory without a Dockerfile", dir + " has " + *found,
                      "Change its FROM, or leave the Dockerfile aside: --kind KIND");
  }
  base::Result<std::string> text = pipeline::read_small_file(dir + "/" + *found, pipeline::kMostDockerfileBytes);
  if (!text) return std::unexpected(text.error());
  BuildPlan plan{.dockerfile = {}, .text = {}, .rules = IgnoreRules(*ignore_file), .pack = {}, .left = {}};
  if (const std::optional<PackKind> kind = pipeline::kind_of_kept(*text)) {
    const base::Result<Leaving> leaving = leaving_of(dir, *ignore_file);
    if (!leaving) return std::unexpected(leaving.error());
    plan = plan_kept(dir, *leaving, *kind);
  }
  plan.dockerfile.path = *std::move(found);
  plan.text = *std::move(text);
  return plan;
}

std::vector<std::string> describe_plan(const BuildPlan& plan, const Words& words) {
  std::vector<std::string> out;
  const auto joined = [](const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + pipeline::printable(name);
    return list;
  };
  if (plan.pack) {
    const BuildPack& pack = *plan.pack;
    out.push_back(words(Text::pack_found, pack.marker, words(name_of_kind(pack.kind)), start_of(pack, words)));
    if (!pack.not_started.empty()) out.push_back(words(Text::pack_not_started, joined(pack.not_started)));
    if (!pack.foreign_lock.empty()) out.push_back(words(Text::pack_foreign_lock, pack.foreign_lock));
  }
  if (!plan.left.empty())
    out.push_back(words(Text::pack_left, joined(plan.left), pipeline::printable(plan.left.front())));
  return out;
}

}  // namespace marea::app
