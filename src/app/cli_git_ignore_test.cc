#include "app/cli_git_ignore.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace marea::app {
namespace {

bool ignored(std::string_view rules, std::string_view path, bool is_folder = false) {
  GitIgnoreRules all;
  EXPECT_TRUE(all.add(rules, ""));
  return all.ignores(path, is_folder);
}

TEST(CliGitIgnore, PatternsMatchAsGitDocumentsThem) {
  struct Row {
    const char* rules;
    const char* path;
    bool is_folder;
    bool ignored;
  };
  for (const Row& row : {Row{"secret", "secret", false, true},
                         Row{"secret", "a/b/secret", false, true},
                         Row{"secret", "a/secret/key", false, true},
                         Row{"/secret", "a/secret", false, false},
                         Row{"/secret", "secret", false, true},
                         Row{"a/secret", "b/a/secret", false, false},
                         Row{"out/", "out", false, false},
                         Row{"out/", "out", true, true},
                         Row{"out/", "x/out/y", false, true},
                         Row{"*.key", "a/b.key", false, true},
                         Row{"*.key\n!b.key", "a/b.key", false, false},
                         Row{"!b.key\n*.key", "b.key", false, true},
                         Row{"keys/\n!keys/public", "keys/public", false, true},
                         Row{"# no\n\\#yes", "#yes", false, true},
                         Row{"# no", "# no", false, false},
                         Row{"end   ", "end", false, true},
                         Row{"end\\ ", "end ", false, true},
                         Row{"a/**/z", "a/b/c/z", false, true},
                         Row{"windows\r\n", "windows", false, true},
                         Row{"[!a]x", "bx", false, true},
                         Row{"[!a]x", "ax", false, false},
                         Row{"[!a]x", "!x", false, true},
                         Row{"[!]]x", "ax", false, true},
                         Row{"\\[!a]x", "[!a]x", false, true},
                         Row{"[a!]x", "!x", false, true}}) {
    EXPECT_EQ(ignored(row.rules, row.path, row.is_folder), row.ignored) << row.rules << " | " << row.path;
  }
}

TEST(CliGitIgnore, FilesOfFoldersHoldForWhatIsInThem) {
  GitIgnoreRules all;
  all.add("*.log", "");
  all.add("!keep.log\n/own", "a/");
  EXPECT_TRUE(all.ignores("x.log", false));
  EXPECT_FALSE(all.ignores("a/keep.log", false));
  EXPECT_TRUE(all.ignores("b/keep.log", false));
  EXPECT_TRUE(all.ignores("a/own", false));
  EXPECT_FALSE(all.ignores("own", false));
}

TEST(CliGitIgnore, ADirectoryInsideACheckoutHasTheRulesAboveIt) {
  std::string top = (std::filesystem::temp_directory_path() / "marea-git-ignore-XXXXXX").string();
  ASSERT_NE(::mkdtemp(top.data()), nullptr);
  const auto put = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(top + "/" + name).parent_path());
    std::ofstream(top + "/" + name) << text;
  };
  put(".git/info/exclude", "mine\n");
  put(".gitignore", ".secrets\n/app/local\n/app\n");
  put("app/.gitignore", "cache/\n");
  put("app/deep/.gitignore", "x\n");
  const base::Result<GitIgnoreRules> rules = read_git_ignore(top + "/app");
  std::filesystem::remove_all(top);
  ASSERT_TRUE(rules) << rules.error().line();
  for (const char* path : {".secrets", "deep/.secrets", "local", "mine", "deep/x", "cache/file"}) {
    EXPECT_TRUE(rules->ignores(path, false)) << path;
  }
  // `/app` says that git does not have the directory at all; whoever names it wants its files.
  for (const char* path : {"main.py", "x", "deep/y"}) EXPECT_FALSE(rules->ignores(path, false)) << path;
}

TEST(CliGitIgnore, TooManyPatternsAreRefused) {
  std::string text;
  for (std::size_t i = 0; i <= kMostGitRules; ++i) text += "a\n";
  GitIgnoreRules all;
  EXPECT_FALSE(all.add(text, ""));
}

}  // namespace
}  // namespace marea::app
