#include "base/replace_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace marea::base {
namespace {

namespace fs = std::filesystem;

class ReplaceFileTest : public testing::TestWithParam<Durable> {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "replace-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path() const { return folder_ + "/file"; }
  std::string text() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  std::string folder_;
};

TEST_P(ReplaceFileTest, the_newest_text_is_there_and_nothing_else) {
  ASSERT_TRUE(replace_file(path(), std::string(5000, 'x'), GetParam()));
  std::ofstream(path() + ".new") << "a killed writer's";
  ASSERT_TRUE(replace_file(path(), std::string("a\0b", 3), GetParam()));
  EXPECT_EQ(text(), std::string("a\0b", 3));
  EXPECT_EQ(files(), 1U);
}

TEST_P(ReplaceFileTest, without_room_the_file_is_as_it_was_and_nothing_is_left) {
  ASSERT_TRUE(replace_file(path(), "old", GetParam()));
  // A file size limit is refused like a full disk, and needs no disk of its own.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const Result<void> refused = replace_file(path(), std::string(101, 'x'), GetParam());
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(refused);
  EXPECT_EQ(text(), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_P(ReplaceFileTest, a_place_that_cannot_be_replaced_is_named_and_nothing_is_left) {
  fs::create_directories(path() + "/below");
  const Result<void> refused = replace_file(path(), "x", GetParam());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().line().find(path()), std::string::npos);
  EXPECT_EQ(files(), 1U);
  EXPECT_FALSE(replace_file(folder_ + "/absent/file", "x", GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Both, ReplaceFileTest, testing::Values(Durable::no, Durable::yes));

}  // namespace
}  // namespace marea::base
