#include "pipeline/build_pack_node.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "pipeline/build_pack_procfile.h"
#include "pipeline/json_fields.h"
#include "pipeline/layer.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

std::unexpected<base::Error> wrong_package(std::string why, std::string remedy) {
  return base::fail(ErrorCode::invalid_argument, "cannot use package.json", std::move(why), std::move(remedy));
}

// Finds where a text stops being JSON.
struct FaultFinder : nlohmann::json_sax<Json> {
  std::size_t place = 0;
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*elements*/) override { return true; }
  bool key(string_t& /*value*/) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*elements*/) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& /*why*/) override {
    place = position;
    return false;
  }
};

base::Result<Json> parse(const std::string& text) {
  Json out = Json::parse(text, nullptr, false);
  if (out.is_object()) return out;
  if (!out.is_discarded()) return wrong_package("package.json:1: it is no object", "Write it as npm init does.");
  FaultFinder finder;
  Json::sax_parse(text, &finder);
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(finder.place, text.size()));
  const auto line = 1 + std::count(text.begin(), end, '\n');
  return wrong_package("package.json:" + std::to_string(line) + ": it is no JSON", "Mend that line.");
}

bool has_members(const Json& object, const char* key) {
  const Json* found = member(object, key);
  return found != nullptr && found->is_object() && !found->empty();
}

// Dependencies that npm takes from the directory itself.
bool depends_on_files(const Json& object) {
  return std::ranges::any_of(
      std::array{"dependencies", "devDependencies", "optionalDependencies"}, [&](const char* key) {
        const Json* list = member(object, key);
        return list != nullptr && list->is_object() && std::ranges::any_of(*list, [](const Json& version) {
                 if (!version.is_string()) return false;
                 const std::string& text = version.get_ref<const std::string&>();
                 return text.starts_with("file:") || text.starts_with("link:") || text.starts_with('.') ||
                        text.starts_with('/');
               });
      });
}

// The files of a page that a script builds are sources, which no browser reads.
const char* remedy_without_start(bool has_page, bool builds) {
  if (!has_page) return "Write scripts.start into package.json, or a Procfile: web: node FILE";
  return builds ? "If it is a static site, build it here (npm run build) and name the folder that this makes: "
                  "marea up dist; else write a Procfile: web: node FILE"
                : "If it is a static site, say so: --kind static; else write a Procfile: web: node FILE";
}

// modules.html of Node, "Folders as modules".
std::vector<std::string> files_of_main(const std::string& main) {
  if (main.contains('\0')) return {};
  std::string path = std::filesystem::path(main).lexically_normal().string();
  while (path.ends_with('/')) path.pop_back();
  if (path.empty() || path.starts_with('/') || path == ".." || path.starts_with("../")) return {};
  if (path == ".") return {"index.js"};
  return {path, path + ".js", path + "/index.js"};
}

// Scripts, main and start name files in it: then it has sources, or what is built there is built anew.
bool uses_folder(const Json& package, const Json& scripts, const std::string& start, std::string_view folder) {
  return names_folder(start, folder) || names_folder(text_member(package, "main"), folder) ||
         std::ranges::any_of(scripts, [&](const Json& script) {
           return script.is_string() && names_folder(script.get_ref<const std::string&>(), folder);
         });
}

base::Result<void> start_of(const AppDirectory& directory, const Json& package, const Json& scripts, BuildPack& pack) {
  const std::string script = text_member(scripts, "start");
  if (!script.empty()) {
    if (!is_plain_text(script) || script.size() > kMostCommandBytes) {
      return wrong_package("package.json: scripts.start has control characters or more than " +
                               std::to_string(kMostCommandBytes) + " bytes",
                           "Put it into a script and name that.");
    }
    const bool surrounded = member(scripts, "prestart") != nullptr || member(scripts, "poststart") != nullptr;
    pack.source = StartSource::start_script;
    pack.start = surrounded ? "npm start" : script;
    pack.command = surrounded ? std::vector<std::string>{"npm", "start"} : argv_of_command(script);
    return {};
  }
  const std::string main = text_member(package, "main");
  const bool has_main =
      !main.empty() &&
      (pack.builds || std::ranges::any_of(files_of_main(main), [&](const auto& name) { return directory.has(name); }));
  for (const auto& [there, word, source] : {std::tuple{has_main, ".", StartSource::main_field},
                                            {directory.has("server.js"), "server.js", StartSource::file_name},
                                            {directory.has("index.js"), "index.js", StartSource::file_name}}) {
    if (!there) continue;
    pack.source = source;
    pack.command = {"node", word};
    pack.start = std::string("node ") + word;
    return {};
  }
  return base::fail(ErrorCode::not_found, "cannot tell how to start the app",
                    "package.json is there; looked for: Procfile, scripts.start and main in package.json, server.js, "
                    "index.js" +
                        (main.empty() ? std::string() : "; main names " + printable(main) + ", which is not there"),
                    remedy_without_start(directory.has("index.html"), pack.builds));
}

bool mentions_npm(const std::string& command) {
  return command.contains("npm") || command.contains("npx");
}

}  // namespace

std::vector<std::string> main_files(const std::string& package_json) {
  const Json package = Json::parse(package_json, nullptr, false);
  return package.is_object() ? files_of_main(text_member(package, "main")) : std::vector<std::string>();
}

base::Result<void> detect_node(const AppDirectory& directory, BuildPack& pack) {
  const auto text = directory.texts.find("package.json");
  const base::Result<Json> package = parse(text == directory.texts.end() ? std::string() : text->second);
  if (!package) return std::unexpected(package.error());
  const Json* scripts = member(*package, "scripts");
  if (scripts != nullptr && !scripts->is_object()) {
    return wrong_package("package.json: scripts is no object", "Write it as npm init does.");
  }
  const Json none = Json::object();
  const Json& known = scripts == nullptr ? none : *scripts;
  pack.builds = !text_member(known, "build").empty();
  const bool installs = pack.builds || member(*package, "workspaces") != nullptr ||
                        has_members(*package, "dependencies") || has_members(*package, "optionalDependencies");
  for (const char* lock : {"npm-shrinkwrap.json", "package-lock.json"}) {
    if (!directory.has(lock)) continue;
    pack.has_lock = true;
    if (installs) pack.manifests.emplace_back(lock);
  }
  for (const char* lock : {"yarn.lock", "pnpm-lock.yaml"}) {
    if (directory.has(lock) && !pack.has_lock) pack.foreign_lock = lock;
  }
  pack.has_npmrc = directory.has(".npmrc");
  if (installs) {
    pack.manifests.insert(pack.manifests.begin(), "package.json");
    if (pack.has_npmrc) pack.manifests.emplace_back(".npmrc");
  }
  const bool runs_at_install = std::ranges::any_of(std::array{"preinstall", "install", "postinstall", "prepare"},
                                                   [&](const char* key) { return member(known, key) != nullptr; });
  pack.manifests_alone = !runs_at_install && !depends_on_files(*package) && member(*package, "workspaces") == nullptr;
  if (pack.start.empty()) {
    if (base::Result<void> found = start_of(directory, *package, known, pack); !found) return found;
  }
  if (uses_folder(*package, known, pack.start, "build")) pack.used.emplace_back("build");
  pack.needs_npm = installs || mentions_npm(pack.start);
  return {};
}

}  // namespace marea::pipeline
