#include "store/repair.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "store/database.h"
#include "store/sample_records_test.h"
#include "store/store.h"

namespace marea::store {
namespace {

using testing::HasSubstr;

constexpr int kServices = 120;

class RepairTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "repair-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/marea.db";
    auto store = Store::open(path_);
    ASSERT_TRUE(store);
    for (int i = 0; i < kServices; ++i) {
      const std::string name = "s" + std::to_string(i);
      std::vector<Change> changes{sample_service(name), sample_revision(name + "-1", name),
                                  ImageName{"oci:/" + name, "sha256:aa", i}};
      ASSERT_TRUE(store->commit(changes));
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Overwrites pages from `first` on, as a broken disk does.
  void damage(int first, int count) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = first; page < first + count; ++page) {
      file.seekp(static_cast<std::streamoff>(page) * 4096);
      file << std::string(4096, '\xee');
    }
  }

  std::string folder_;
  std::string path_;
};

TEST_F(RepairTest, a_sound_store_is_left_alone) {
  EXPECT_TRUE(check(path_));
  EXPECT_TRUE(check(folder_ + "/not-there.db"));
  const auto done = repair(path_);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->kept.empty());
}

TEST_F(RepairTest, what_can_be_read_is_saved_and_the_rest_is_named) {
  const auto size = static_cast<int>(std::filesystem::file_size(path_) / 4096);
  ASSERT_GT(size, 20);
  int saved = 0;
  for (int first = 8; first + 2 < size; first += 5) {
    SCOPED_TRACE("pages from " + std::to_string(first));
    TearDown();
    SetUp();
    damage(first, 2);
    const auto found = check(path_);
    if (found) continue;  // a page that nothing is in
    EXPECT_EQ(found.error().code, base::ErrorCode::store_damaged) << found.error().line();
    EXPECT_THAT(found.error().remedy, HasSubstr("marea repair"));
    ASSERT_FALSE(Store::open(path_) && Store::open(path_)->load());
    const auto done = repair(path_);
    ASSERT_TRUE(done) << done.error().line();
    EXPECT_FALSE(done->kept.empty());
    EXPECT_TRUE(std::filesystem::exists(done->kept));
    auto store = Store::open(path_);
    ASSERT_TRUE(store) << store.error().line();
    EXPECT_GT(store->epoch(), 1U);
    EXPECT_GE(store->resource_version(), static_cast<std::uint64_t>(kServices));
    const auto contents = store->load();
    ASSERT_TRUE(contents) << contents.error().line();
    EXPECT_EQ(contents->services.size(), static_cast<std::size_t>(done->services));
    EXPECT_EQ(contents->revisions.size(), static_cast<std::size_t>(done->revisions));
    const bool all = done->services == kServices && done->revisions == kServices;
    EXPECT_TRUE(all || !done->lost.empty());
    saved = std::max(saved, static_cast<int>(done->services));
  }
  EXPECT_EQ(saved, kServices) << "damage elsewhere costs no service";
}

TEST_F(RepairTest, of_a_file_that_was_cut_off_what_is_there_is_saved) {
  for (const int percent : {90, 75}) {
    TearDown();
    SetUp();
    {
      // The first pages are of tables, whatever is in them: rows must reach well beyond.
      auto store = Store::open(path_);
      std::vector<Change> more;
      for (int i = kServices; i < 6 * kServices; ++i) more.emplace_back(sample_service("s" + std::to_string(i)));
      ASSERT_TRUE(store->commit(more));
    }
    const auto size = std::filesystem::file_size(path_);
    const auto left = size * static_cast<unsigned>(percent) / 100 + 77;
    SCOPED_TRACE(std::to_string(left) + " of " + std::to_string(size) + " bytes");
    std::filesystem::resize_file(path_, left);
    ASSERT_FALSE(check(path_));
    const auto done = repair(path_);
    ASSERT_TRUE(done) << done.error().line();
    EXPECT_GT(done->services, 0);
    EXPECT_FALSE(done->lost.empty());
    EXPECT_EQ(std::filesystem::file_size(done->kept), left);
    EXPECT_TRUE(check(path_));
    EXPECT_FALSE(std::filesystem::exists(path_ + ".completed"));
  }
}

TEST_F(RepairTest, a_row_that_is_not_understood_is_named_and_left_out) {
  {
    auto db = Database::open(path_);
    ASSERT_TRUE(db->run("UPDATE services SET document = '{\"kind\":\"Service\"}' WHERE name = 's7'"));
  }
  ASSERT_FALSE(check(path_));
  const auto done = repair(path_);
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_EQ(done->services, kServices - 1);
  EXPECT_EQ(done->revisions, kServices - 1);
  ASSERT_EQ(done->lost.size(), 2U);
  EXPECT_THAT(done->lost[0], HasSubstr("service s7"));
  EXPECT_THAT(done->lost[1], HasSubstr("revision s7-1"));
  EXPECT_TRUE(check(path_));
}

TEST_F(RepairTest, a_store_of_a_newer_marea_is_neither_sound_nor_repaired) {
  ASSERT_TRUE(Database::open(path_)->run("PRAGMA user_version=99"));
  ASSERT_FALSE(check(path_));
  EXPECT_THAT(check(path_).error().remedy, HasSubstr("newer marea"));
  const auto done = repair(path_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::ErrorCode::conflict);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".damaged-1"));
}

TEST_F(RepairTest, a_store_that_was_emptied_is_damaged_and_not_new) {
  ASSERT_TRUE(Store::open(path_, true));
  std::filesystem::resize_file(path_, 0);
  for (const char* state : {"no byte", "no table"}) {
    SCOPED_TRACE(state);
    const auto found = check(path_);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, base::ErrorCode::store_damaged) << found.error().line();
    const auto opened = Store::open(path_, true);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, base::ErrorCode::store_damaged) << opened.error().line();
    const auto done = repair(path_);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().remedy, HasSubstr("marea restore"));
    // Its log is gone, in which everything was.
    std::filesystem::remove(path_);
    ASSERT_TRUE(Database::open(path_));
    std::filesystem::remove(path_ + "-wal");
  }
  std::filesystem::remove(path_);
  EXPECT_TRUE(Store::open(path_, true)) << "whoever moves it away starts empty";
}

TEST_F(RepairTest, a_file_in_which_nothing_can_be_read_stays_and_the_way_out_is_told) {
  std::filesystem::remove(path_ + "-wal");
  std::ofstream(path_, std::ios::binary) << std::string(8192, 'x');
  const auto done = repair(path_);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().remedy, HasSubstr("marea restore"));
  EXPECT_EQ(std::filesystem::file_size(path_), 8192U);
}

}  // namespace
}  // namespace marea::store
