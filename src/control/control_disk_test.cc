#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "control/blob_upload.h"
#include "control/control_world_test.h"
#include "pipeline/oci_image.h"

namespace marea::control {
namespace {

using model::InstanceState;
using testing::HasSubstr;

class ControlDiskTest : public testing::Test {
 protected:
  // The names and files of images that there are.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, row] : world.control().image_names()) out.push_back(name);
    return out;
  }
  // Asks, lets the builder do its part, and gives the answer.
  std::expected<Outcome, Refusal> remove(const std::string& name) {
    auto got = std::make_shared<std::optional<std::expected<Outcome, Refusal>>>();
    world.control().execute(DeleteImages{name},
                            {.on_progress = {}, .on_done = [got](auto outcome) { *got = outcome; }});
    world.run();
    if (!*got) world.finish_cleaning();
    return got->value_or(control::refuse(base::ErrorCode::internal, "no answer"));
  }
  bool has_blob(const std::string& digest) const {
    return std::filesystem::exists(blob_path(world.folder() + "/blobs", digest));
  }

  mutable ControlWorld world;
};

TEST_F(ControlDiskTest, a_full_disk_refuses_deploys_uploads_and_builds_and_nothing_else) {
  world.connect();
  world.have_image("a", 'a');
  world.have_image("b", 'b');
  world.deploy("hola", "a", "i1");
  world.disk = {.bytes = 1'000'000'000, .used = 905'000'000};
  const auto deploy = world.apply("hola", "b");
  ASSERT_FALSE(deploy);
  EXPECT_EQ(deploy.error().error.code, base::ErrorCode::disk_full);
  EXPECT_THAT(deploy.error().error.why, HasSubstr("91 % full"));
  for (const char* way :
       {"marea images delete --unused", "marea builds delete", "marea logs NAME --delete", "--disk-limit"}) {
    EXPECT_THAT(deploy.error().error.remedy, HasSubstr(way));
  }
  EXPECT_EQ(world.shares("hola"), "hola-00001=10000");
  EXPECT_FALSE(world.control().check_room("take a blob"));
  EXPECT_FALSE(world.execute(BuildImage{.name = "x", .dockerfile = "Dockerfile", .context = "/x"}));
  EXPECT_TRUE(world.apply("hola", "a")) << "the same again needs no room";
  world.disk.used = 900'000'000;
  EXPECT_TRUE(world.control().check_room("take a blob")) << "up to the limit";
  EXPECT_FALSE(world.control().check_room("take a blob", 100'000'000)) << "a blob that would fill it";
  EXPECT_TRUE(world.apply("hola", "b"));
}

TEST_F(ControlDiskTest, a_disk_that_fills_half_way_is_told_with_what_to_remove) {
  world.connect();
  const base::Error full{.code = base::ErrorCode::disk_full, .what = "cannot unpack", .why = "write: No space left"};
  for (const Command& command : {Command(NameImage{.name = "a", .digest = world.make_image('a')}),
                                 Command(BuildImage{.name = "x", .dockerfile = "Dockerfile", .context = "/x"})}) {
    std::optional<std::expected<Outcome, Refusal>> got;
    world.control().execute(command, {.on_progress = {}, .on_done = [&got](auto outcome) { got = outcome; }});
    world.run();
    world.fail_job(full);
    ASSERT_TRUE(got.has_value() && !got->has_value());
    EXPECT_EQ(got->error().error.code, base::ErrorCode::disk_full);
    EXPECT_EQ(got->error().error.why, full.why);
    for (const char* way : {"marea images delete --unused", "marea builds delete", "marea logs NAME --delete"}) {
      EXPECT_THAT(got->error().error.remedy, HasSubstr(way));
    }
  }
  const base::Error other{.code = base::ErrorCode::image_invalid, .what = "cannot unpack", .remedy = "Make it again"};
  EXPECT_EQ(world.control().with_what_to_remove(other), other);
}

TEST_F(ControlDiskTest, what_a_revision_uses_stays_and_the_rest_goes) {
  world.connect();
  const std::string a = world.have_real_image("a");
  const std::string b = world.have_real_image("b");
  const std::string c = world.have_real_image("c");
  world.deploy("hola", "a", "i1");
  EXPECT_EQ(world.control().users_of(world.control().image_names().at("a")), std::vector<std::string>{"hola"});
  const auto in_use = remove("a");
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().error.code, base::ErrorCode::conflict);
  EXPECT_THAT(in_use.error().error.line(), HasSubstr("hola"));
  EXPECT_EQ(remove("nothing").error().error.code, base::ErrorCode::not_found);
  const auto one = remove("b");
  ASSERT_TRUE(one) << one.error().error.line();
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "c"}));
  EXPECT_FALSE(has_blob(b));
  EXPECT_EQ(world.cleaned, std::vector<std::string>{b});
  EXPECT_TRUE(has_blob(c));
  const auto all = remove("");
  ASSERT_TRUE(all) << all.error().error.line();
  EXPECT_EQ(std::get<Freed>(*all).names, std::vector<std::string>{"c"});
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
  EXPECT_TRUE(has_blob(a));
  world.kill();
  world.start();
  EXPECT_EQ(names(), std::vector<std::string>{"a"}) << "and it is so after a restart";
}

TEST_F(ControlDiskTest, blobs_lose_their_names_at_once_and_their_bytes_in_a_job_or_at_the_next_start) {
  world.connect();
  const std::string digest = world.have_real_image("a");
  const auto buried = [this] {
    std::size_t out = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.folder() + "/blobs")) {
      out += entry.is_regular_file() && entry.path().string().find("/.scratch-") != std::string::npos ? 1 : 0;
    }
    return out;
  };
  world.execute(DeleteImages{""});
  EXPECT_FALSE(has_blob(digest));
  EXPECT_EQ(buried(), 3U) << "manifest, config, layer";
  EXPECT_EQ(world.job<net::msg::CleanDisk>().blobs, world.folder() + "/blobs");
  world.kill();
  world.start();
  world.connect();
  EXPECT_EQ(buried(), 3U) << "control itself frees nothing";
  EXPECT_EQ(world.job<net::msg::CleanDisk>().images, world.folder() + "/blobs");
}

TEST_F(ControlDiskTest, what_images_consist_of_is_known_from_the_start_on) {
  world.connect();
  const std::string digest = world.have_real_image("a");
  const std::vector<std::string> parts = *pipeline::blobs_of(world.folder() + "/blobs", digest);
  world.deploy("hola", "a", "i1");
  world.kill();
  world.start();
  world.connect();
  world.advance(kUploadGrace * 2);
  std::filesystem::remove(blob_path(world.folder() + "/blobs", digest));
  ASSERT_TRUE(remove(""));
  EXPECT_TRUE(has_blob(parts.back()));
}

TEST_F(ControlDiskTest, a_damaged_manifest_of_an_image_in_use_is_named_and_keeps_what_may_be_its_own_alone) {
  world.connect();
  const std::string used = world.have_real_image("used");
  const std::vector<std::string> parts = *pipeline::blobs_of(world.folder() + "/blobs", used);
  world.deploy("hola", "used", "i1");
  const std::string unused = world.have_real_image("unused");
  const std::string stray = world.make_real_image("nobody's");
  world.kill();
  std::ofstream(blob_path(world.folder() + "/blobs", used), std::ios::app) << "damage";
  world.start();
  world.connect();
  world.jump(kUploadGrace * 2);
  world.advance(kUploadGrace * 2);
  EXPECT_TRUE(world.control().unreadable_images().contains(used));
  const auto all = remove("");
  ASSERT_TRUE(all) << all.error().error.line();
  EXPECT_EQ(world.cleaned, std::vector<std::string>{unused});
  EXPECT_FALSE(has_blob(unused));
  for (const std::string& part : parts) EXPECT_TRUE(has_blob(part));
  EXPECT_TRUE(has_blob(stray)) << "it may be the damaged one's";
}

TEST_F(ControlDiskTest, what_is_promised_to_uploads_is_taken_until_they_end) {
  world.connect();
  world.disk = {.bytes = 1'000'000, .used = 0};
  {
    Room first;
    ASSERT_TRUE(world.control().reserve(first, "take a blob", 400'000));
    Room second;
    const auto no = world.control().reserve(second, "take a blob", 300'000);
    ASSERT_FALSE(no) << "each alone would fit";
    EXPECT_EQ(no.error().code, base::ErrorCode::disk_budget);
    world.disk.used = 600'000;  // what has come of it, and others
    first.write(400'000);
    EXPECT_EQ(first.left(), 0);
    EXPECT_TRUE(world.control().reserve(second, "take a blob", 100'000)) << "the disk has it once";
    EXPECT_FALSE(world.control().reserve(first, "take a blob", 250'000)) << "more is asked for, and counts";
    const Room moved = std::move(first);
  }
  world.disk.used = 0;
  EXPECT_TRUE(world.control().check_room("take a blob", 500'000)) << "all of it is given back";
}

TEST_F(ControlDiskTest, jobs_are_bound_by_what_is_left_and_share_it) {
  world.connect();
  world.disk = {.bytes = 1'000'000, .used = 0};  // images may have 600,000
  const std::string digest = world.make_real_image("a");
  const std::int64_t there = world.control().image_disk().used;
  const auto image = pipeline::read_manifests(world.folder() + "/blobs", digest);
  const std::int64_t guess = pipeline::unpacked_guess(image->layers);
  world.execute(NameImage{.name = "a", .digest = digest});
  const std::int64_t first = world.job<net::msg::UnpackImage>().room;
  EXPECT_EQ(first, guess + (600'000 - there - guess) / 2);
  world.execute(BuildImage{.name = "x", .dockerfile = "Dockerfile", .context = "/x"});
  const std::int64_t second = world.newest_job<net::msg::BuildImage>().room;
  EXPECT_EQ(second, (600'000 - there - first) / 2);
  EXPECT_LE(there + first + second, 600'000);
}

TEST_F(ControlDiskTest, a_build_needs_room_for_its_context_twice) {
  world.connect();
  std::filesystem::create_directories(world.folder() + "/context");
  std::ofstream(world.folder() + "/context/context.tar") << std::string(320'000, 'x');
  world.disk = {.bytes = 1'000'000, .used = 0};
  const auto refused =
      world.execute(BuildImage{.name = "x", .dockerfile = "Dockerfile", .context = world.folder() + "/context"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, base::ErrorCode::disk_budget);
}

TEST_F(ControlDiskTest, what_is_held_is_told_by_names_and_revisions_and_adds_up) {
  world.connect();
  world.unpacked_bytes = 1000;
  const std::string old = world.have_real_image("one");
  world.deploy("hola", "one", "i1");
  const std::string revision = world.newest("hola");
  const std::string now = world.make_real_image("changed");
  world.have_image("one", now);
  world.have_image("two", now);
  world.make_image('f');  // nobody's
  const HeldImages held = world.control().held_images();
  ASSERT_EQ(held.images.size(), 2U);
  EXPECT_EQ(held.images[0].digest, now);
  EXPECT_EQ(held.images[0].names, (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(held.images[0].revisions.empty());
  EXPECT_EQ(held.images[1].digest, old);
  EXPECT_TRUE(held.images[1].names.empty());
  EXPECT_EQ(held.images[1].revisions, std::vector<std::string>{revision});
  EXPECT_EQ(held.other_blobs, 8) << "its file";
  std::int64_t sum = held.other_blobs + held.builds;
  for (const HeldImage& image : held.images) sum += image.bytes + image.blob_bytes;
  EXPECT_EQ(sum, world.control().image_disk().used);
}

TEST_F(ControlDiskTest, a_blob_that_was_just_uploaded_waits_for_its_image) {
  world.connect();
  const std::string digest = world.make_real_image("d");
  world.control().note_blob(digest);
  ASSERT_TRUE(remove(""));
  EXPECT_TRUE(has_blob(digest));
  world.advance(kUploadGrace);
  ASSERT_TRUE(remove(""));
  EXPECT_FALSE(has_blob(digest));
}

TEST_F(ControlDiskTest, nothing_is_removed_while_images_are_built_or_backed_up) {
  world.connect();
  world.have_real_image("a");
  const auto backup = world.control().begin_backup(world.folder() + "/copy.db");
  ASSERT_TRUE(backup) << backup.error().line();
  EXPECT_THAT(remove("a").error().error.line(), HasSubstr("a backup is being made"));
  EXPECT_EQ(backup->blobs.size(), 3U) << "manifest, config, layer";
  EXPECT_TRUE(backup->missing.empty());
  world.control().end_backup();
  world.execute(BuildImage{.name = "x", .dockerfile = "Dockerfile", .context = "/x"});
  EXPECT_THAT(remove("a").error().error.line(), HasSubstr("built or removed"));
}

TEST_F(ControlDiskTest, an_image_whose_instance_still_ends_stays) {
  world.connect();
  world.have_real_image("a");
  world.deploy("hola", "a", "i1");
  const std::string revision = world.newest("hola");
  world.execute(DeleteService{.name = base::ServiceName("hola")});
  world.apply_routes();
  world.report("i1", revision, InstanceState::draining);
  const auto early = remove("a");
  ASSERT_FALSE(early);
  EXPECT_THAT(early.error().error.line(), HasSubstr("still ending"));
  world.report("i1", revision, InstanceState::stopped);
  EXPECT_TRUE(remove("a"));
}

}  // namespace
}  // namespace marea::control
