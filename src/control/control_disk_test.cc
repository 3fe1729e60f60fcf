#include <gmock/gmock.h>

#include <filesystem>

#include "control/blob_upload.h"
#include "control/control_world_test.h"

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
