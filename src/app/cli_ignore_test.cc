#include "app/cli_ignore.h"

#include <gtest/gtest.h>

namespace marea::app {
namespace {

TEST(CliIgnore, PatternsMatchAsDockerDocumentsThem) {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  for (const Row& row : {Row{"a", "a", true},
                         Row{"a", "b", false},
                         Row{"*.o", "x.o", true},
                         Row{"*.o", "d/x.o", false},
                         Row{"*/temp*", "a/temporary", true},
                         Row{"*/temp*", "a/b/temp", false},
                         Row{"temp?", "tempa", true},
                         Row{"temp?", "temp", false},
                         Row{"**/*.go", "x.go", true},
                         Row{"**/*.go", "a/b/x.go", true},
                         Row{"a/**", "a/b/c", true},
                         Row{"a/**", "ab", false},
                         Row{"a/**/z", "a/z", true},
                         Row{"a/**/z", "a/b/c/z", true},
                         Row{"[a-c]x", "bx", true},
                         Row{"[^a-c]x", "bx", false},
                         Row{"\\*", "*", true},
                         Row{"\\*", "a", false},
                         Row{"[", "[", true},
                         Row{"ñ", "ñ", true},
                         Row{"**", "a/b", true}}) {
    EXPECT_EQ(glob_matches(row.pattern, row.path), row.matches) << row.pattern << " " << row.path;
  }
}

TEST(CliIgnore, ManyStarsTakeNoLongerThanPatternTimesPath) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(200, 'a')));
}

TEST(CliIgnore, WhatIsBelowAnIgnoredDirectoryIsIgnored) {
  const IgnoreRules rules("# comment\n\n/node_modules/\n .git \r\n");
  EXPECT_TRUE(rules.ignores("node_modules"));
  EXPECT_TRUE(rules.ignores("node_modules/a/b.js"));
  EXPECT_TRUE(rules.ignores(".git/HEAD"));
  EXPECT_FALSE(rules.ignores("src/node_modules/a.js"));
  EXPECT_TRUE(rules.prunes());
}

TEST(CliIgnore, TheLastRuleThatFitsDecides) {
  const IgnoreRules rules("*\n!src\nsrc/*.tmp\n!src/keep.tmp\n");
  EXPECT_TRUE(rules.ignores("README.md"));
  EXPECT_FALSE(rules.ignores("src/a.c"));
  EXPECT_TRUE(rules.ignores("src/a.tmp"));
  EXPECT_FALSE(rules.ignores("src/keep.tmp"));
  EXPECT_FALSE(rules.prunes());
}

// A rule beneath is undone where an exception names what it ignores, not by one for a folder around that.
TEST(CliIgnore, AnExceptionForAFolderBringsNothingBackThatHasARuleOfItsOwn) {
  struct Row {
    const char* file;
    const char* path;
    bool ignored;
  };
  for (const Row& row :
       {Row{"*\n!src\n", "src/a.c", false}, Row{"*\n!src\n", "src/.env", true},
        Row{"*\n!src\n", "src/node_modules/a/b.js", true}, Row{"*\n!src\n", "src/secret.json", true},
        Row{"*\n!src/**\n", "src/.env", true}, Row{"*\n!src/*\n", "src/secret.json", true}, Row{"!**\n", ".env", true},
        Row{"*\n!src\n!src/.env\n", "src/.env", false}, Row{"!src/.env\n*\n!src\n", "src/.env", true},
        Row{"!.env\n", ".env", false}, Row{"!**/.env\n", "src/.env", false}, Row{"!build\n", "build/deep/a.js", false},
        Row{"!build\n", "build/.env", true}, Row{"!build/keep\n", "build/a", true},
        Row{"!build/keep\n", "build/keep/a", false}, Row{"!made\n", "made/a", false},
        Row{"!made\nmade/b\n", "made/b", true}, Row{"", "src/.env", true}, Row{"", "src/a.c", false}}) {
    GitIgnoreRules git;
    ASSERT_TRUE(git.add("/src/secret.json\nmade/\n", ""));
    IgnoreRules rules(row.file);
    rules.begin_with(git);
    rules.keep_home({"**/.env", "**/node_modules", "build"});
    EXPECT_EQ(rules.ignores(row.path), row.ignored) << row.file << " | " << row.path;
  }
}

TEST(CliIgnore, NoRulesIgnoreNothing) {
  EXPECT_FALSE(IgnoreRules().ignores("a"));
  EXPECT_FALSE(IgnoreRules("#a\n.\n/\n").ignores("a"));
}

}  // namespace
}  // namespace marea::app
