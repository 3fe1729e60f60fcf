// Room for jobs in control: what goes for it, the bound of each, and what is not touched.
#include <gmock/gmock.h>

#include <filesystem>

#include "control/blob_upload.h"
#include "control/control_world_test.h"

namespace marea::control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kShare = 600'000;  // of a disk of 1,000,000

class ControlRoomTest : public testing::Test {
 protected:
  ControlRoomTest() { world.disk = {.bytes = 1'000'000'000'000, .used = 0}; }
  // From now on files that are there are older than any job.
  void let_files_age() { world.jump(std::chrono::hours(24 * 36'500)); }
  void make_disk_small() { world.disk = {.bytes = 1'000'000, .used = 0}; }
  // What is unused, of that size, and with its name another image.
  std::string have_unused(std::int64_t bytes) {
    world.unpacked_bytes = bytes;
    const std::string old = world.have_real_image("app");
    world.unpacked_bytes = 1000;
    world.have_image("app", world.make_real_image("app, changed"));
    return old;
  }
  // Its outcome comes to `outcome_`.
  Control::Ticket build(const std::string& name = "built") {
    return world.control().execute(BuildImage{.name = name, .dockerfile = "Dockerfile", .context = "/x"},
                                   {.on_progress = [this](const std::string& line) { lines_.push_back(line); },
                                    .on_done = [this](const auto& outcome) { outcome_ = outcome; }});
  }
  void start_build(const std::string& name = "built") {
    build(name);
    world.run();
  }
  void end_at_bound() {
    world.fail_job({.code = base::ErrorCode::disk_budget, .what = "cannot build", .why = "its bound"});
  }
  bool has_blob(const std::string& digest) const {
    return std::filesystem::exists(blob_path(world.folder() + "/blobs", digest));
  }
  // One byte more than what is left of the share.
  base::Result<void> check_beyond() {
    return world.control().check_room("test",
                                      static_cast<std::uint64_t>(kShare - world.control().image_disk().used + 1));
  }
  void lose_tree(const std::string& digest) const {
    std::filesystem::remove_all(world.folder() + "/images/" + digest.substr(7));
  }
  // The cache of builds has so much, as control knows it.
  void have_cache(std::int64_t bytes) {
    world.execute(DeleteBuilds{});
    world.answer_job(net::msg::DiskCleaned{.build_bytes = bytes});
  }

  ControlWorld world;
  std::vector<std::string> lines_;
  std::optional<std::expected<Outcome, Refusal>> outcome_;
};

TEST_F(ControlRoomTest, a_job_gets_room_to_work_from_unused_images_and_is_not_refused_for_that) {
  world.connect();
  const std::string old = have_unused(kShare - 50'000);
  let_files_age();
  make_disk_small();
  start_build();
  EXPECT_EQ(world.job<net::msg::CleanDisk>().digests, std::vector<std::string>{old});
  EXPECT_GT(world.newest_job<net::msg::BuildImage>().room, kShare / 3);
}

TEST_F(ControlRoomTest, the_cache_of_builds_is_not_given_up_for_a_margin) {
  world.connect();
  have_cache(kShare - 10'000);
  make_disk_small();
  EXPECT_TRUE(world.control().check_room("test", 1, {}, Control::RoomAsk::with_margin));
  world.run();
  EXPECT_EQ(world.builders(), 0U);
  EXPECT_TRUE(world.control().check_room("test", 20'000, {}, Control::RoomAsk::with_margin));
  world.run();
  EXPECT_TRUE(world.job<net::msg::CleanDisk>().clear_storage);
}

TEST_F(ControlRoomTest, a_build_that_ends_at_its_bound_begins_anew_with_more_once_and_then_says_why) {
  world.connect();
  const std::string old = have_unused(300'000);
  let_files_age();
  make_disk_small();
  start_build();
  const std::int64_t first = world.build_job().room;
  EXPECT_LT(first, 150'000);
  end_at_bound();
  EXPECT_FALSE(outcome_);
  EXPECT_THAT(lines_, Contains(HasSubstr("begins anew")));
  EXPECT_EQ(world.job<net::msg::CleanDisk>().digests, std::vector<std::string>{old});
  world.answer_job(net::msg::DiskCleaned{.build_bytes = -1});
  EXPECT_GT(world.build_job().room, first * 3 / 2);
  end_at_bound();
  ASSERT_TRUE(outcome_ && !*outcome_);
  const base::Error& error = outcome_->error().error;
  EXPECT_EQ(error.code, base::ErrorCode::disk_budget);
  EXPECT_THAT(error.why, HasSubstr("60 %"));
  EXPECT_THAT(error.remedy, HasSubstr("image-disk"));
}

TEST_F(ControlRoomTest, where_nothing_can_go_the_bound_is_told_at_once_also_that_of_the_disk) {
  world.connect();
  make_disk_small();
  world.disk.used = 850'000;
  start_build();
  EXPECT_LE(world.build_job().room, 25'000);
  end_at_bound();
  ASSERT_TRUE(outcome_ && !*outcome_);
  EXPECT_EQ(outcome_->error().error.code, base::ErrorCode::disk_full);
  EXPECT_THAT(outcome_->error().error.why, HasSubstr("85 % full"));
}

TEST_F(ControlRoomTest, an_unpacking_that_ends_at_its_bound_begins_anew_with_more_once) {
  world.connect();
  const std::string old = have_unused(400'000);
  let_files_age();
  make_disk_small();
  const std::string digest = world.make_real_image("new");
  world.control().execute(NameImage{.name = "new", .digest = digest},
                          {.on_progress = {}, .on_done = [this](const auto& outcome) { outcome_ = outcome; }});
  world.run();
  const std::int64_t first = world.job<net::msg::UnpackImage>().room;
  end_at_bound();
  EXPECT_EQ(world.job<net::msg::CleanDisk>().digests, std::vector<std::string>{old});
  lose_tree(old);
  world.answer_job(net::msg::DiskCleaned{.build_bytes = -1});
  EXPECT_GT(world.job<net::msg::UnpackImage>().room, first * 3 / 2);
  world.finish_job();
  EXPECT_TRUE(outcome_ && *outcome_);
}

TEST_F(ControlRoomTest, a_job_that_waited_has_the_bound_of_the_moment_at_which_it_starts) {
  world.connect();
  make_disk_small();
  for (const char* name : {"a", "b", "c", "d", "e"}) start_build(name);
  EXPECT_EQ(world.builders(), kMostRunningJobs);
  const std::int64_t second = world.newest_job<net::msg::BuildImage>().room;
  world.fail_job({.code = base::ErrorCode::build_failed, .what = "cannot build"});
  world.answer_newest(net::msg::DiskCleaned{.build_bytes = 0});  // the cache of builds is measured
  const auto third = world.newest_job<net::msg::BuildImage>();
  EXPECT_EQ(third.tag, "c");
  EXPECT_GT(third.room, second) << "the first has ended, and those that wait have nothing";
}

TEST_F(ControlRoomTest, rows_without_a_tree_take_no_room_and_can_go_with_their_blobs) {
  world.connect();
  const std::string old = have_unused(500'000);
  lose_tree(old);
  make_disk_small();
  EXPECT_TRUE(world.control().check_room("test", 500'000));
  EXPECT_TRUE(has_blob(old));
  ASSERT_TRUE(check_beyond());
  EXPECT_FALSE(has_blob(old));
  EXPECT_EQ(world.control().image(old), nullptr);
}

TEST_F(ControlRoomTest, what_a_ready_revision_lacks_is_made_without_a_bound_and_tried_again) {
  world.connect();
  const std::string digest = world.have_real_image("app");
  world.deploy("hola", "app", "i1");
  world.kill();
  lose_tree(digest);
  world.disk = {.bytes = 100'000, .used = 0};
  world.start();
  world.connect();
  EXPECT_EQ(world.newest_job<net::msg::UnpackImage>().room, 0);
  world.fail_job({.code = base::ErrorCode::io, .what = "cannot unpack"});
  EXPECT_EQ(world.builders(), 0U);
  world.advance(kRestoreRetry);
  EXPECT_EQ(world.newest_job<net::msg::UnpackImage>().digest, digest);
}

TEST_F(ControlRoomTest, before_engine_has_listed_what_runs_no_blob_of_an_image_goes) {
  world.connect();
  const std::string old = have_unused(1000);
  world.kill();
  world.start();
  world.advance(kUploadGrace * 2);
  make_disk_small();
  EXPECT_FALSE(check_beyond());
  EXPECT_TRUE(has_blob(old));
  world.connect();
  EXPECT_TRUE(check_beyond());
  EXPECT_FALSE(has_blob(old));
}

TEST_F(ControlRoomTest, a_removal_runs_beside_builds) {
  world.connect();
  const std::string old = have_unused(300'000);
  let_files_age();
  start_build("a");
  start_build("b");
  make_disk_small();
  ASSERT_TRUE(world.control().check_room("test", 500'000));
  world.run();
  EXPECT_EQ(world.builders(), kMostRunningJobs + 2) << "one measures the cache, one removes";
  EXPECT_EQ(world.newest_job<net::msg::CleanDisk>().digests, std::vector<std::string>{old});
}

TEST_F(ControlRoomTest, a_build_waits_until_the_cache_is_empty) {
  world.connect();
  world.execute(DeleteBuilds{});
  start_build();
  EXPECT_EQ(world.builders(), 1U);
  world.answer_job(net::msg::DiskCleaned{.build_bytes = 77});
  EXPECT_EQ(world.build_job().storage_bytes, 77);
}

TEST_F(ControlRoomTest, a_build_that_waits_for_images_leaves_the_cache_to_make_room_for_them) {
  world.connect();
  have_cache(400'000);
  start_build();
  make_disk_small();
  world.answer_job(net::msg::ImagesNeeded{.names = {"debian:12"}});
  const std::string digest = world.make_real_image("debian");
  world.answer_job(net::msg::ImageResolved{.digest = digest, .missing_bytes = 150'000, .unpacked_bytes = 150'000});
  EXPECT_TRUE(world.job<net::msg::CleanDisk>().clear_storage);
  world.answer_job(net::msg::DiskCleaned{.build_bytes = 0});
  EXPECT_EQ(world.job<net::msg::PullImage>().digest, digest);
}

TEST_F(ControlRoomTest, what_a_build_is_made_on_stays_though_its_name_moves) {
  world.connect();
  const std::string before = world.have_real_image("base");
  let_files_age();
  start_build();
  world.tell_used({before});
  world.disk = {.bytes = 1'000'000'000'000, .used = 0};
  world.control().execute(NameImage{.name = "base", .digest = world.make_real_image("base, changed")},
                          {.on_progress = {}, .on_done = [](const auto&) {}});
  world.run();
  const auto unpack = world.newest_job<net::msg::UnpackImage>();
  world.answer_newest(net::msg::ImageDone{.image = world.unpack(unpack.digest)});
  ASSERT_EQ(world.control().image_names().at("base").digest, unpack.digest);
  make_disk_small();
  EXPECT_FALSE(check_beyond());
  EXPECT_TRUE(has_blob(before));
}

TEST_F(ControlRoomTest, a_name_that_a_person_gives_while_its_image_is_pulled_stays_theirs) {
  world.connect();
  start_build();
  world.answer_job(net::msg::ImagesNeeded{.names = {"debian:12"}});
  const std::string pulled = world.make_real_image("debian");
  world.answer_job(net::msg::ImageResolved{.digest = pulled, .missing_bytes = 1, .unpacked_bytes = 1});
  const std::string mine = world.make_real_image("mine");
  const std::string name = "docker.io/library/debian:12";
  world.control().execute(NameImage{.name = name, .digest = mine}, {.on_progress = {}, .on_done = [](const auto&) {}});
  world.run();
  world.answer_newest(net::msg::ImageDone{.image = world.unpack(mine)});
  ASSERT_EQ(world.control().image_names().at(name).digest, mine);
  world.answer_job(net::msg::ImageDone{.image = world.unpack(pulled)});
  EXPECT_EQ(world.control().image_names().at(name).digest, mine);
  EXPECT_THAT(world.build_job().known, ElementsAre(std::pair(name, mine)));
}

TEST_F(ControlRoomTest, an_upload_that_took_long_keeps_what_came_before_it) {
  world.connect();
  const std::string first = world.make_image('f');
  const std::string late = world.make_image('e');
  world.control().note_blob(first);
  make_disk_small();
  {
    Room room;
    ASSERT_TRUE(world.control().reserve(room, "take a blob", 1));
    world.control().note_blob(late);
    const base::Instant begun = world.now();
    world.advance(kUploadGrace * 2);
    world.control().note_blob("sha256:other");
    EXPECT_FALSE(check_beyond());
    world.control().note_upload(late, begun);
  }
  EXPECT_FALSE(check_beyond());
  EXPECT_TRUE(has_blob(first));
  EXPECT_TRUE(has_blob(late)) << "it is whole since now";
  world.advance(kUploadGrace);
  EXPECT_TRUE(check_beyond());
}

TEST_F(ControlRoomTest, a_refusal_names_what_is_under_way_and_a_backup) {
  world.connect();
  make_disk_small();
  {
    Room room;
    ASSERT_TRUE(world.control().reserve(room, "take a blob", 500'000));
    const auto no = world.control().check_room("test", 200'000);
    ASSERT_FALSE(no);
    EXPECT_THAT(no.error().why, HasSubstr("500 kB more are promised"));
    EXPECT_THAT(no.error().remedy, HasSubstr("Try again when what is under way has ended"));
    EXPECT_TRUE(world.control().check_room("deploy")) << "what takes nothing waits for nothing";
  }
  ASSERT_TRUE(world.control().begin_backup(world.folder() + "/copy.db"));
  const auto no = world.control().check_room("test", 700'000);
  ASSERT_FALSE(no);
  EXPECT_THAT(no.error().line(), HasSubstr("a backup is being made"));
}

TEST_F(ControlRoomTest, to_ask_alone_removes_nothing) {
  world.connect();
  const std::string old = have_unused(500'000);
  make_disk_small();
  EXPECT_TRUE(world.control().check_room("test", 400'000, {}, Control::RoomAsk::only_ask));
  EXPECT_NE(world.control().image(old), nullptr);
  EXPECT_FALSE(world.control().check_room("test", 700'000, {}, Control::RoomAsk::only_ask));
  EXPECT_TRUE(world.control().check_room("test", 400'000));
  EXPECT_EQ(world.control().image(old), nullptr);
}

TEST_F(ControlRoomTest, what_a_removal_has_freed_is_not_counted_again) {
  world.connect();
  have_unused(500'000);
  make_disk_small();
  world.disk.used = 850'000;
  ASSERT_TRUE(world.control().check_room("test", 400'000));
  world.disk.used = 400'000;  // it has removed most of it, and has not ended
  EXPECT_FALSE(world.control().check_room("test", 575'000)) << "by the disk, not by the share";
}

}  // namespace
}  // namespace marea::control
