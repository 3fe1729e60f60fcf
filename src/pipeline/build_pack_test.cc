#include "pipeline/build_pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "pipeline/build_pack_directory.h"
#include "pipeline/build_pack_node.h"
#include "pipeline/build_pack_procfile.h"
#include "pipeline/json_fields.h"
#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

AppDirectory directory(const std::map<std::string, std::string>& files) {
  AppDirectory out;
  for (const auto& [name, text] : files) {
    out.files.insert(name);
    if (std::ranges::find(pack_text_names(), name) != pack_text_names().end()) out.texts.emplace(name, text);
  }
  return out;
}

BuildPack detected(const std::map<std::string, std::string>& files, const PackWishes& wishes = {}) {
  base::Result<BuildPack> pack = detect_pack(directory(files), wishes);
  EXPECT_TRUE(pack) << pack.error().line();
  return pack ? *pack : BuildPack{};
}

base::Error fault(const std::map<std::string, std::string>& files, const PackWishes& wishes = {}) {
  const base::Result<BuildPack> pack = detect_pack(directory(files), wishes);
  EXPECT_FALSE(pack) << "it is " << to_string(pack->kind);
  return pack ? base::Error{} : pack.error();
}

// The Dockerfile's instructions: comments and continued lines are taken away as Docker's parser does.
std::vector<std::string> instructions(const std::string& dockerfile) {
  std::vector<std::string> out;
  bool goes_on = false;
  std::string_view rest = dockerfile;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || (!goes_on && line.starts_with('#'))) continue;
    if (!goes_on) out.emplace_back(line.substr(0, line.find(' ')));
    goes_on = line.ends_with('\\');
  }
  return out;
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.size() - 1;
  return text.substr(text.rfind('\n', end - 1) + 1, end - text.rfind('\n', end - 1) - 1);
}

TEST(BuildPack, FilesDecideTheKindAndHowItStarts) {
  struct Row {
    std::map<std::string, std::string> files;
    PackKind kind;
    StartSource source;
    std::vector<std::string> command;
  };
  const std::vector<Row> rows = {
      {{{"index.html", ""}}, PackKind::static_site, StartSource::server, {}},
      {{{"dist/index.html", ""}}, PackKind::static_site, StartSource::server, {}},
      {{{"package.json", "{}"}, {"server.js", ""}}, PackKind::node, StartSource::file_name, {"node", "server.js"}},
      {{{"package.json", R"({"main":"./a b"})"}, {"a b.js", ""}, {"server.js", ""}},
       PackKind::node,
       StartSource::main_field,
       {"node", "."}},
      {{{"package.json", R"({"scripts":{"start":"node a.js"},"main":"b.js"})"}, {"b.js", ""}},
       PackKind::node,
       StartSource::start_script,
       {"node", "a.js"}},
      {{{"package.json", R"({"scripts":{"start":"node a.js","prestart":"x"}})"}},
       PackKind::node,
       StartSource::start_script,
       {"npm", "start"}},
      {{{"package.json", "{}"}, {"Procfile", "web: npm start\n"}, {"index.html", ""}},
       PackKind::node,
       StartSource::procfile,
       {"npm", "start"}},
      {{{"requirements.txt", ""}, {"Procfile", "web: gunicorn -b :$PORT app:app"}},
       PackKind::python,
       StartSource::procfile,
       {"/bin/sh", "-c", "exec gunicorn -b :$PORT app:app"}},
      {{{"pyproject.toml", ""}, {"app.py", ""}}, PackKind::python, StartSource::guess, {"python", "app.py"}},
      {{{"main.py", ""}, {"index.html", ""}}, PackKind::python, StartSource::guess, {"python", "main.py"}},
      {{{"CMakeLists.txt", ""}}, PackKind::cmake, StartSource::only_program, {"/app/program"}},
      {{{"CMakeLists.txt", ""}, {"main.py", ""}, {"Procfile", "web: build/server --fast"}},
       PackKind::cmake,
       StartSource::procfile,
       {"/app/server", "--fast"}},
      {{{"CMakeLists.txt", ""}, {"Procfile", "web: ./server $PORT"}},
       PackKind::cmake,
       StartSource::procfile,
       {"/bin/sh", "-c", "exec /app/server $PORT"}},
      {{{"CMakeLists.txt", ""}, {"Procfile", "web: ./prepare && ./server"}},
       PackKind::cmake,
       StartSource::procfile,
       {"/bin/sh", "-c", "./prepare && ./server"}},
  };
  for (const Row& row : rows) {
    const BuildPack pack = detected(row.files);
    EXPECT_EQ(pack.kind, row.kind) << pack.marker;
    EXPECT_EQ(pack.source, row.source) << pack.marker;
    EXPECT_EQ(pack.command, row.command) << pack.marker;
  }
}

TEST(BuildPack, WhatIsUnclearListsWhatWasLookedForAndHowToDecide) {
  const base::Error nothing = fault({});
  EXPECT_EQ(nothing.code, ErrorCode::not_found);
  for (const char* name : {"Dockerfile", "package.json", "requirements.txt", "CMakeLists.txt", "index.html"}) {
    EXPECT_THAT(nothing.why, HasSubstr(name));
  }
  const base::Error several = fault({{"package.json", "{}"}, {"requirements.txt", ""}});
  EXPECT_EQ(several.code, ErrorCode::invalid_argument);
  EXPECT_THAT(several.why, HasSubstr("package.json (node), requirements.txt (python)"));
  EXPECT_THAT(several.remedy, HasSubstr("--kind"));
  EXPECT_EQ(detected({{"package.json", "{}"}, {"requirements.txt", ""}, {"app.py", ""}},
                     {.kind = PackKind::python, .base = {}})
                .kind,
            PackKind::python);
  EXPECT_THAT(fault({{"index.html", ""}}, {.kind = PackKind::cmake, .base = {}}).why, HasSubstr("CMakeLists.txt"));
  EXPECT_THAT(fault({{"Procfile", "web: x"}}).why, HasSubstr("Procfile is there"));
  EXPECT_THAT(fault({{"package.json", "{}"}}).why, HasSubstr("scripts.start"));
  EXPECT_THAT(fault({{"package.json", "{}"}, {"index.html", ""}}).remedy, HasSubstr("--kind static"));
  EXPECT_THAT(fault({{"requirements.txt", ""}}).remedy, HasSubstr("Procfile"));
}

TEST(BuildPack, MainCountsOnlyWhenItsFileIsThereOrIsBuilt) {
  EXPECT_THAT(detected({{"package.json", R"({"main":"gone.js"})"}, {"server.js", ""}}).command,
              ElementsAre("node", "server.js"));
  EXPECT_THAT(detected({{"package.json", R"({"main":"lib/"})"}, {"lib/index.js", ""}, {"server.js", ""}}).command,
              ElementsAre("node", "."));
  EXPECT_THAT(detected({{"package.json", R"({"main":"out/a.js","scripts":{"build":"x"}})"}, {"server.js", ""}}).command,
              ElementsAre("node", "."));
  EXPECT_THAT(fault({{"package.json", R"({"main":"gone.js"})"}}).why,
              HasSubstr("main names gone.js, which is not there"));
  for (const char* outside : {"../a.js", "/a.js", "a/../../b.js", "..", ""}) {
    EXPECT_THAT(main_files(R"({"main":")" + std::string(outside) + R"("})"), ElementsAre()) << outside;
  }
  EXPECT_THAT(main_files(R"({"main":"a\u0000b"})"), ElementsAre());
  EXPECT_THAT(main_files("["), ElementsAre());
  EXPECT_THAT(main_files(R"({"main":"./"})"), ElementsAre("index.js"));
}

TEST(BuildPack, APageThatIsBuiltIsNotServedAsItsSources) {
  const base::Error error = fault({{"package.json", R"({"scripts":{"build":"vite build"}})"}, {"index.html", ""}});
  EXPECT_THAT(error.remedy, Not(HasSubstr("--kind static")));
  EXPECT_THAT(error.remedy, HasSubstr("marea up dist"));
}

TEST(BuildPack, AFolderThatACommandUsesGoesAlong) {
  const auto leaves = [](const std::map<std::string, std::string>& files, const std::string& folder) {
    const std::vector<std::string> left = left_at_home(detected(files));
    return std::ranges::find(left, folder) != left.end();
  };
  EXPECT_TRUE(leaves({{"package.json", R"({"scripts":{"build":"npm run build:all","start":"node a"}})"}}, "build"));
  EXPECT_FALSE(leaves({{"package.json", R"({"scripts":{"build":"node ./build/make.js","start":"node a"}})"}}, "build"));
  EXPECT_FALSE(leaves({{"package.json", R"({"scripts":{"build":"x"},"main":"build/a.js"})"}}, "build"));
  EXPECT_TRUE(leaves({{"package.json", R"({"scripts":{"build":"node rebuild/x","start":"node a"}})"}}, "build"));
  EXPECT_TRUE(leaves({{"requirements.txt", ""}, {"Procfile", "web: python build/a.py"}}, "dist"));
  EXPECT_FALSE(leaves({{"requirements.txt", ""}, {"Procfile", "web: python build/a.py"}}, "build"));
  EXPECT_TRUE(leaves({{"CMakeLists.txt", ""}, {"Procfile", "web: build/server"}}, "build"));
}

TEST(BuildPack, OfAnIgnoreFileTheLastWordIsWhatStaysAtHome) {
  const BuildPack pack = detected({{"index.html", ""}});
  const std::string text = ignore_file_of("*\n!src", pack);
  EXPECT_THAT(text, ::testing::StartsWith("*\n!src\n"));
  EXPECT_GT(text.find("\n**/.env\n"), text.find("!src"));
  EXPECT_NE(text.find("\n**/.env\n"), std::string::npos);
  EXPECT_EQ(ignore_file_of("", pack).front(), '.');
}

// The last stage is the image; it takes what the one with the credentials made without them.
TEST(BuildPack, CredentialsOfNpmStayInAStageThatIsNotTheImage) {
  const std::string text = dockerfile_of(detected({{"package.json", R"({"main":"a.js","dependencies":{"x":"1"}})"},
                                                   {".npmrc", "//r/:_authToken=x"},
                                                   {"a.js", ""}}));
  const std::size_t copied = text.find("COPY package.json .npmrc ./");
  const std::size_t removed = text.find("RUN rm .npmrc");
  const std::size_t last = text.rfind("\nFROM tools\n");
  ASSERT_NE(last, std::string::npos) << text;
  EXPECT_LT(copied, removed);
  EXPECT_LT(removed, last);
  EXPECT_THAT(text.substr(last), HasSubstr("COPY --from=build --chown=10001:10001 /app /app\n"));
  EXPECT_THAT(text.substr(last), Not(HasSubstr("COPY --chown")));
  const BuildPack alone = detected({{"package.json", R"({"main":"a.js"})"}, {".npmrc", ""}, {"a.js", ""}});
  EXPECT_THAT(dockerfile_of(alone), Not(HasSubstr("FROM tools")));
  EXPECT_THAT(left_at_home(alone), ::testing::Contains(".npmrc"));
}

TEST(BuildPack, ALibraryThatTheLoaderDoesNotFindIsNamed) {
  const std::string text = dockerfile_of(detected({{"CMakeLists.txt", ""}}));
  EXPECT_THAT(text, HasSubstr("/*) cp --parents -L \"$file\" /image || exit 1 ;;"));
  EXPECT_THAT(text, HasSubstr("*) echo \"the program needs $name, and the loader does not find it\"; exit 1 ;;"));
}

TEST(BuildPack, AKeptDockerfileTellsItsKindInItsFirstLine) {
  const std::string text = dockerfile_of(detected({{"index.html", ""}}));
  EXPECT_EQ(kind_of_kept(text), PackKind::static_site);
  EXPECT_EQ(kind_of_kept(text + "RUN true\n"), PackKind::static_site);
  EXPECT_EQ(kind_of_kept("FROM x\n" + text), std::nullopt);
  EXPECT_EQ(kind_of_kept(""), std::nullopt);
}

TEST(BuildPack, FaultsOfAProcfileNameItsLine) {
  struct Row {
    std::string text;
    const char* why;
  };
  const std::string long_line = "web: " + std::string(kMostCommandBytes + 1, 'x');
  std::string many;
  for (std::size_t i = 0; i <= kMostProcesses; ++i) many += "p" + std::to_string(i) + ": x\n";
  for (const Row& row : {Row{"# a comment\n\nweb node\n", "Procfile:3: it is not NAME: COMMAND"},
                         {"web: a\nweb: b\n", "Procfile:2: 'web' is there already, on line 1"},
                         {"web:\n", "Procfile:1:"},
                         {"web: a \\\n b", "Procfile:1: the command ends with a backslash"},
                         {std::string("web: a\0b\n", 9), "Procfile:1: it has control characters"},
                         {"x: y\nweb: \xff\xfe\n", "Procfile:2: it has control characters or is no UTF-8"},
                         {"web: a\rFROM scratch\n", "Procfile:1: it has control characters"},
                         {"web: \xc2\x85next\n", "Procfile:1: it has control characters"},
                         {"web: \xed\xa0\x80\n", "no UTF-8"},
                         {"w b: x\n", "it is not NAME: COMMAND"},
                         {long_line, "more than 4096 bytes"},
                         {many, "more than 100 processes"},
                         {"worker: x\n", "no process named web"},
                         {"", "it has no line"}}) {
    const base::Error error = fault({{"requirements.txt", ""}, {"Procfile", row.text}});
    EXPECT_EQ(error.code, ErrorCode::invalid_argument);
    EXPECT_THAT(error.why, HasSubstr(row.why));
  }
  const BuildPack pack =
      detected({{"requirements.txt", ""}, {"Procfile", "\xEF\xBB\xBFrelease: x\r\nweb:  a  b \r\nworker: y"}});
  EXPECT_THAT(pack.not_started, ElementsAre("release", "worker"));
  EXPECT_THAT(pack.command, ElementsAre("a", "b"));
}

TEST(BuildPack, FaultsOfAPackageFileNameItsLine) {
  EXPECT_THAT(fault({{"package.json", "{\n\"a\": 1,\n}"}}).why, HasSubstr("package.json:3: it is no JSON"));
  EXPECT_THAT(fault({{"package.json", "\xff"}}).why, HasSubstr("package.json:1"));
  EXPECT_THAT(fault({{"package.json", "[1]"}}).why, HasSubstr("package.json:1: it is no object"));
  EXPECT_THAT(fault({{"package.json", R"({"scripts":[]})"}}).why, HasSubstr("scripts is no object"));
  EXPECT_THAT(fault({{"package.json", R"({"scripts":{"start":"a\nRUN b"}})"}}).why,
              HasSubstr("scripts.start has control"));
  EXPECT_THAT(fault({{"package.json", std::string(200'000, '[')}}).why, HasSubstr("it is no JSON"));
}

TEST(BuildPack, OnlyACommandAloneIsRunWithoutWaitingForIt) {
  for (const char* single : {"node server.js", "gunicorn -b :$PORT app:app", "java -jar 'my app.jar'"}) {
    EXPECT_TRUE(is_single_command(single)) << single;
  }
  for (const char* other : {"a; b", "a && b", "a | b", "A=1 b", "cd x", "$APP x", "a `b`", "a > b", "(a)", "a # b"}) {
    EXPECT_FALSE(is_single_command(other)) << other;
  }
  EXPECT_THAT(argv_of_command("a b"), ElementsAre("a", "b"));
  EXPECT_THAT(argv_of_command("a *.js"), ElementsAre("/bin/sh", "-c", "exec a *.js"));
  EXPECT_THAT(argv_of_command("cd x && a"), ElementsAre("/bin/sh", "-c", "cd x && a"));
}

TEST(BuildPack, DependenciesAreInstalledBeforeTheCodeIsCopied) {
  const std::string node = dockerfile_of(detected(
      {{"package.json", R"({"main":"a.js","dependencies":{"x":"1"}})"}, {"package-lock.json", ""}, {"a.js", ""}}));
  EXPECT_LT(node.find("COPY package.json package-lock.json ./"), node.find("RUN npm ci"));
  EXPECT_LT(node.find("RUN npm ci"), node.find("COPY --chown=10001:10001 . ./"));
  const std::string python = dockerfile_of(detected({{"requirements.txt", "flask==3\n# -r x\n"}, {"app.py", ""}}));
  EXPECT_LT(python.find("COPY requirements.txt ./"), python.find("pip install"));
  EXPECT_LT(python.find("pip install"), python.find("COPY --chown=10001:10001 . ./"));
  for (const char* elsewhere : {"-r base.txt", "./lib", "-e .", "x @ file:///app/x", "lib/pkg", "x-1.0.whl",
                                "# \\\n-r a", "a \\\n  --hash=sha256:1\n-c b.txt"}) {
    const std::string text = dockerfile_of(detected({{"requirements.txt", elsewhere}, {"app.py", ""}}));
    EXPECT_LT(text.find("COPY --chown=10001:10001 . ./"), text.find("-r requirements.txt")) << elsewhere;
  }
  for (const char* alone : {"a==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n", "--index-url https://x/simple\na",
                            "-i https://x/y\n", "a @ https://x/a.whl\nhttps://x/y/b.zip", "--require-hashes\n"}) {
    const std::string text = dockerfile_of(detected({{"requirements.txt", alone}, {"app.py", ""}}));
    EXPECT_THAT(text, HasSubstr("COPY requirements.txt ./")) << alone;
  }
  const std::string own =
      dockerfile_of(detected({{"package.json", R"({"main":"a.js","dependencies":{"x":"file:lib"}})"}, {"a.js", ""}}));
  EXPECT_LT(own.find("COPY --chown=10001:10001 . ./"), own.find("npm install"));
  EXPECT_THAT(dockerfile_of(detected({{"package.json", R"({"main":"a.js"})"}, {"a.js", ""}})),
              Not(HasSubstr("npm install")));
}

TEST(BuildPack, EveryDockerfileRunsAsAnUnprivilegedUserWithItsCommandLast) {
  for (const std::map<std::string, std::string>& files :
       {std::map<std::string, std::string>{{"index.html", ""}},
        {{"package.json", R"({"main":"a","scripts":{"build":"b"},"dependencies":{"x":"1"}})"}},
        {{"pyproject.toml", "[build-system]\n"}, {"main.py", ""}},
        {{"CMakeLists.txt", ""}},
        {{"CMakeLists.txt", ""}, {"Procfile", "web: ./a+b.x $PORT"}}}) {
    const std::string text = dockerfile_of(detected(files, {.kind = {}, .base = "team/base:1"}));
    EXPECT_THAT(text, HasSubstr("\nFROM team/base:1"));
    EXPECT_THAT(text, HasSubstr("\nUSER 10001:10001\n"));
    EXPECT_THAT(last_line(text), ::testing::StartsWith("CMD ["));
  }
}

// Whatever stands in a file, the Dockerfile has the same instructions, and its last line is the command and no more.
TEST(BuildPack, NothingOfAFileBecomesAnInstruction) {
  const std::vector<std::string> hostile = {
      "a\" ] RUN touch /x", "a' \\\" && FROM scratch", "${HOME} $PORT `id` $(id)", "<<EOF",         "a # syntax=x",
      "a\\u000aRUN b",      "ñandú 中文 \u2028RUN x",  "\"]\tCMD [\"evil\"]",      "a --from=evil", "a\\nUSER root"};
  const std::vector<std::string> expected =
      instructions(dockerfile_of(detected({{"requirements.txt", ""}, {"Procfile", "web: a"}})));
  for (const std::string& command : hostile) {
    const BuildPack pack = detected({{"requirements.txt", ""}, {"Procfile", "web: " + command}});
    const std::string text = dockerfile_of(pack);
    EXPECT_EQ(instructions(text), expected) << text;
    EXPECT_EQ(std::ranges::count_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }), 0);
    const std::string last = last_line(text);
    ASSERT_TRUE(last.starts_with("CMD ")) << last;
    EXPECT_EQ(Json::parse(last.substr(4), nullptr, false), Json(pack.command)) << last;
  }
  EXPECT_THAT(fault({{"CMakeLists.txt", ""}, {"Procfile", "web: ./a@b"}}).why, HasSubstr("a@b"));
  for (const char* base : {"a\nRUN x", "a b", "a AS x", "$BASE", "a\\"}) {
    EXPECT_THAT(fault({{"index.html", ""}}, {.kind = {}, .base = base}).why, HasSubstr("no name of an image")) << base;
  }
}

TEST(BuildPack, ADirectoryIsReadWithoutFollowingLinksAndWithinBounds) {
  const testing::TempDir dir;
  testing::write_file(dir / "package.json", R"({"main":"lib/a"})");
  testing::write_file(dir / "lib/a.js", "");
  testing::write_file(dir / "server.js", "");
  testing::write_file(dir / "elsewhere/index.html", "");
  ASSERT_EQ(::symlink("/etc", (dir / "outside").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (dir / "Procfile").c_str()), 0);
  ASSERT_EQ(::symlink("elsewhere", (dir / "public").c_str()), 0);
  const auto all = [](const std::string&) { return false; };
  base::Result<AppDirectory> read = read_app_directory(dir.path(), all);
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_THAT(read->files, ElementsAre("lib/a.js", "package.json", "server.js"));
  const base::Result<BuildPack> pack = detect_pack(*read, {});
  ASSERT_FALSE(pack);
  EXPECT_THAT(pack.error().why, HasSubstr("Procfile is a symbolic link"));

  std::filesystem::remove(dir / "Procfile");
  testing::write_file(dir / "Procfile", "web: " + std::string(1U << 20, 'x'));
  read = read_app_directory(dir.path(), all);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::too_large);
  EXPECT_THAT(read.error().line(), HasSubstr("Procfile"));
  read = read_app_directory(dir.path(), [](const std::string& path) { return path == "Procfile"; });
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->has("Procfile"));

  testing::write_file(dir / "package.json", R"({"main":"outside/passwd"})");
  read = read_app_directory(dir.path(), [](const std::string& path) { return path == "Procfile"; });
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->has("outside/passwd"));
}

}  // namespace
}  // namespace marea::pipeline
