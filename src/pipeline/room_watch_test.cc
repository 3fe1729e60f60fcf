#include "pipeline/room_watch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "pipeline/scratch_dir.h"
#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

class RoomWatchTest : public ::testing::Test {
 protected:
  RoomWatch make(std::int64_t room, std::int64_t before = 100) {
    return RoomWatch(clock, {.room = room,
                             .before = before,
                             .disk = [this] { return disk; },
                             .storage =
                                 [this] {
                                   ++measured;
                                   return storage;
                                 },
                             .others = [this] { return others; }});
  }
  bool look(RoomWatch& watch) {
    clock.advance(RoomWatch::kLook);
    return watch.has_room();
  }

  base::ManualClock clock;
  std::int64_t disk = 1000;
  std::int64_t storage = 100;
  std::map<std::string, std::int64_t> others;
  int measured = 0;
};

TEST_F(RoomWatchTest, up_to_its_room_nothing_is_measured_and_beyond_it_ends_for_good) {
  RoomWatch watch = make(50);
  disk = 1050;
  EXPECT_TRUE(look(watch));
  EXPECT_EQ(measured, 0);
  disk = 1051;
  storage = 151;
  EXPECT_FALSE(look(watch));
  EXPECT_TRUE(watch.exceeded());
  disk = 1000;
  EXPECT_FALSE(look(watch)) << "what was killed does not come back";
}

TEST_F(RoomWatchTest, what_others_write_is_not_the_builds_and_is_measured_once) {
  RoomWatch watch = make(50);
  disk = 1100;
  EXPECT_TRUE(look(watch));
  EXPECT_TRUE(look(watch));
  EXPECT_EQ(measured, 1);
  disk = 1151;
  storage = 151;
  EXPECT_FALSE(look(watch));
}

TEST_F(RoomWatchTest, a_storage_that_was_not_measured_is_at_the_beginning) {
  RoomWatch watch = make(50, -1);
  EXPECT_EQ(measured, 1);
  disk = 1051;
  EXPECT_TRUE(look(watch)) << "it was others";
  disk = 1102;
  storage = 151;
  EXPECT_FALSE(look(watch));
}

TEST_F(RoomWatchTest, two_at_once_may_take_what_both_rooms_are_together) {
  others = {{"other", 200}};
  RoomWatch watch = make(50);
  disk = 1250;
  storage = 350;
  EXPECT_TRUE(look(watch));
  others.clear();  // it has ended; what it wrote is there still
  disk = 1301;
  EXPECT_TRUE(look(watch));
  storage = 351;
  disk = 1352;
  EXPECT_FALSE(look(watch));
}

TEST_F(RoomWatchTest, beside_a_build_without_a_bound_nobody_is_ended) {
  others = {{"other", 0}};
  RoomWatch watch = make(50);
  disk = storage = 99'999;
  EXPECT_TRUE(look(watch));
}

TEST(RoomsOfOthers, are_told_in_their_folders_while_they_last) {
  const testing::TempDir temp;
  const std::string storage = temp / "build";
  std::filesystem::create_directories(storage);
  base::Result<ScratchDir> own = ScratchDir::make(storage, 0700);
  ASSERT_TRUE(own && tell_room(own->path(), 7));
  EXPECT_TRUE(rooms_of_others(storage, own->path()).empty());
  {
    base::Result<ScratchDir> other = ScratchDir::make(storage, 0700);
    ASSERT_TRUE(other && tell_room(other->path(), 1'000'000'000'000));
    const std::map<std::string, std::int64_t> rooms = rooms_of_others(storage, own->path());
    ASSERT_EQ(rooms.size(), 1U);
    EXPECT_EQ(rooms.at(other->path()), 1'000'000'000'000);
  }
  EXPECT_TRUE(rooms_of_others(storage, own->path()).empty());
}

TEST_F(RoomWatchTest, without_a_bound_it_never_looks) {
  RoomWatch watch(clock, {});
  EXPECT_TRUE(look(watch));
  EXPECT_FALSE(watch.exceeded());
}

TEST_F(RoomWatchTest, it_looks_now_and_then_alone) {
  RoomWatch watch = make(50);
  EXPECT_TRUE(look(watch));
  disk = storage = 9999;
  EXPECT_TRUE(watch.has_room()) << "not yet";
  EXPECT_FALSE(look(watch));
}

TEST(TellsOfFullDisk, in_the_words_of_libc_wherever_they_stand) {
  EXPECT_TRUE(tells_of_full_disk("dd: error writing 'x': No space left on device"));
  EXPECT_TRUE(tells_of_full_disk("write /x: no space left on device"));
  EXPECT_TRUE(tells_of_full_disk("E: Write error - write (122: Disk quota exceeded)"));
  EXPECT_FALSE(tells_of_full_disk("no space"));
  EXPECT_FALSE(tells_of_full_disk(""));
}

}  // namespace
}  // namespace marea::pipeline
