// Images from registries, and room for them, in control: what is asked of the builder, and when it ends.
#include <gmock/gmock.h>

#include <filesystem>

#include "control/blob_upload.h"
#include "control/control_world_test.h"

namespace marea::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ControlPullTest : public testing::Test {
 protected:
  void resolve(const std::string& digest, std::int64_t bytes = 1000) {
    world.answer_job(net::msg::ImageResolved{.digest = digest, .missing_bytes = bytes, .unpacked_bytes = bytes});
  }
  void pulled(const std::string& digest) { world.answer_job(net::msg::ImageDone{.image = world.unpack(digest)}); }
  // The builder measures the cache of builds, if it is asked to, and then removes.
  void finish_removal() {
    world.run();
    if (world.job<net::msg::CleanDisk>().digests.empty()) world.answer_job(net::msg::DiskCleaned{.build_bytes = 0});
    world.finish_cleaning();
  }
  bool is_there(const std::string& digest) const {
    return std::filesystem::exists(world.folder() + "/images/" + digest.substr(7));
  }

  ControlWorld world;
};

TEST_F(ControlPullTest, a_tag_is_asked_for_then_pulled_by_its_digest_which_the_revision_keeps) {
  world.connect();
  ASSERT_TRUE(world.apply("hola", "registry.example:5000/app:1"));
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "registry.example:5000/app:1");
  const std::string digest = world.make_image('a');
  resolve(digest);
  const auto pull = world.job<net::msg::PullImage>();
  EXPECT_EQ(pull.digest, digest);
  EXPECT_EQ(pull.reference, "registry.example:5000/app:1");
  pulled(digest);
  EXPECT_EQ(world.service("hola").revisions.back().record.revision.image.digest, digest);
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 1]DeployCheck");
}

TEST_F(ControlPullTest, a_name_that_marea_has_wins_and_one_with_a_host_never_means_it) {
  world.connect();
  world.have_image("app", 'a');
  world.have_image("registry.example/app", 'b');
  ASSERT_TRUE(world.apply("hola", "app"));
  EXPECT_EQ(world.builders(), 0U);
  ASSERT_TRUE(world.apply("hallo", "registry.example/app"));
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "registry.example/app:latest");
}

TEST_F(ControlPullTest, localhost_without_a_port_is_marea_first_as_builds_are_called_so) {
  world.connect();
  world.have_image("localhost/app:latest", 'a');
  ASSERT_TRUE(world.apply("hola", "localhost/app:latest"));
  EXPECT_EQ(world.builders(), 0U);
  ASSERT_TRUE(world.apply("hallo", "localhost/other"));
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "localhost/other:latest");
}

TEST_F(ControlPullTest, a_name_that_nobody_has_is_docker_hubs) {
  world.connect();
  ASSERT_TRUE(world.apply("hola", "debian:12"));
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "docker.io/library/debian:12");
}

TEST_F(ControlPullTest, two_that_want_the_same_make_one_question_and_one_pull) {
  world.connect();
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  ASSERT_TRUE(world.apply("hallo", "r.example/app"));
  ASSERT_TRUE(world.apply("salut", "r.example/app:other"));
  EXPECT_EQ(world.builders(), 2U) << "two tags";
  const std::string digest = world.make_image('a');
  resolve(digest);
  resolve(digest);
  EXPECT_EQ(world.builders(), 1U) << "one digest";
  pulled(digest);
  EXPECT_EQ(world.builders(), 0U);
  for (const char* name : {"hola", "hallo", "salut"}) {
    EXPECT_EQ(world.service(name).revisions.back().record.revision.image.digest, digest);
  }
}

TEST_F(ControlPullTest, what_is_unpacked_already_is_not_pulled_again_but_the_registry_is_asked) {
  world.connect();
  const std::string digest = world.have_real_image("named");
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  resolve(digest);
  EXPECT_EQ(world.builders(), 0U);
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 1]DeployCheck");
}

TEST_F(ControlPullTest, a_pinned_image_that_is_here_needs_no_registry) {
  world.connect();
  const std::string digest = world.have_real_image("named");
  ASSERT_TRUE(world.apply("hola", "r.example/app@" + digest));
  EXPECT_EQ(world.builders(), 0U);
  ASSERT_TRUE(world.apply("hallo", "r.example/app@sha256:" + std::string(64, 'e')));
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "r.example/app@sha256:" + std::string(64, 'e'));
}

TEST_F(ControlPullTest, a_pull_that_nobody_waits_for_ends) {
  world.connect();
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  EXPECT_EQ(world.builders(), 1U);
  ASSERT_TRUE(world.apply("hola", "r.example/other"));  // takes its place
  world.run();
  EXPECT_EQ(world.killed.size(), 1U);
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "r.example/other:latest");
  resolve(world.make_image('a'));
  world.execute(DeleteService{base::ServiceName("hola")});
  world.apply_routes();
  EXPECT_EQ(world.killed.size(), 2U);
  EXPECT_EQ(world.builders(), 0U);
}

TEST_F(ControlPullTest, what_the_registry_says_is_what_the_revision_says) {
  world.connect();
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  world.fail_job(
      {.code = base::ErrorCode::registry_denied, .what = "cannot pull r.example/app", .why = "unauthorized"});
  const ServiceStatus status = world.control().status(world.service("hola"));
  EXPECT_EQ(status.error_code, "E_REGISTRY_DENIED");
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("unauthorized"));
}

TEST_F(ControlPullTest, a_misspelt_name_of_an_image_that_is_here_is_told_as_that_too) {
  world.connect();
  world.have_image("hola", 'a');
  world.have_image("other", 'b');
  ASSERT_TRUE(world.apply("web", "holla"));
  world.fail_job({.code = base::ErrorCode::registry_unreachable, .what = "cannot pull", .why = "no such host"});
  const ServiceStatus status = world.control().status(world.service("web"));
  EXPECT_EQ(status.error_code, "E_REGISTRY_UNREACHABLE");
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("no image here has the name \"holla\", only hola;"));
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("no such host"));
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("marea images list"));
  ASSERT_TRUE(world.apply("web", "r.example/holla"));
  world.fail_job({.code = base::ErrorCode::registry_unreachable, .what = "cannot pull", .why = "no such host"});
  EXPECT_THAT(world.control().status(world.service("web")).conditions.at(0).message,
              ::testing::Not(HasSubstr("no image here")));
}

TEST_F(ControlPullTest, a_builder_that_dies_in_a_pull_is_followed_by_another) {
  world.connect();
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  const std::string digest = world.make_image('a');
  resolve(digest);
  world.kill_builder();
  EXPECT_EQ(world.job<net::msg::PullImage>().digest, digest);
  pulled(digest);
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 1]DeployCheck");
}

TEST_F(ControlPullTest, a_restart_in_the_middle_of_a_pull_takes_it_up_again) {
  world.connect();
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  resolve(world.make_image('a'));
  world.kill();
  world.start();
  world.connect();
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "r.example/app:latest");
}

TEST_F(ControlPullTest, an_image_beyond_the_share_of_images_is_refused_before_it_is_pulled) {
  world.connect();
  world.disk = {.bytes = 1'000'000, .used = 0};
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  resolve(world.make_image('a'), 400'000);
  EXPECT_TRUE(world.job<net::msg::CleanDisk>().digests.empty()) << "the cache of builds is measured, nothing else";
  const ServiceStatus status = world.control().status(world.service("hola"));
  EXPECT_EQ(status.error_code, "E_DISK_BUDGET");
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("60 %"));
  EXPECT_THAT(status.conditions.at(0).message, HasSubstr("marea images delete --unused"));
}

TEST_F(ControlPullTest, the_least_recently_used_image_makes_room_and_what_is_used_or_named_stays) {
  world.connect();
  std::vector<std::string> digests;
  for (const char* name : {"first", "second", "third"}) {
    digests.push_back(world.make_real_image(name));
    world.unpacked_bytes = 100'000;
    world.have_image(name, digests.back());
    world.advance(std::chrono::hours(2));
  }
  world.have_image("third", world.make_real_image("anew"));  // its old digest has no name any more
  world.advance(std::chrono::hours(2));
  world.have_image("first", world.make_real_image("anew 1"));
  world.advance(std::chrono::hours(2));
  ASSERT_TRUE(is_there(digests[0]) && is_there(digests[1]) && is_there(digests[2]));
  world.disk = {.bytes = 1'000'000, .used = 0};  // images may have 600,000; 500,000 and a few are there
  EXPECT_TRUE(world.control().check_room("test", 150'000));
  finish_removal();
  EXPECT_THAT(world.cleaned, ElementsAre(digests[2])) << "it lost its name first";
  EXPECT_TRUE(world.control().check_room("test", 250'000));
  finish_removal();
  EXPECT_THAT(world.cleaned, ElementsAre(digests[0]));
  const auto no = world.control().check_room("test", 350'000);
  ASSERT_FALSE(no) << "the others have names";
  EXPECT_EQ(no.error().code, base::ErrorCode::disk_budget);
  EXPECT_TRUE(is_there(digests[1]));
}

TEST_F(ControlPullTest, the_image_of_a_removed_service_stays_while_an_instance_of_it_ends) {
  world.connect();
  world.unpacked_bytes = 500'000;
  const std::string digest = world.have_real_image("app");
  world.deploy("hola", "app", "i1");
  ASSERT_TRUE(world.control().image(digest) != nullptr);
  world.have_image("app", world.make_real_image("other"));
  const std::string revision = world.newest("hola");
  world.execute(DeleteService{base::ServiceName("hola")});
  world.apply_routes();
  world.advance(kDeleteWait * 2);
  world.disk = {.bytes = 1'500'000, .used = 0};
  EXPECT_FALSE(world.control().check_room("test", 200'000)) << "it still runs";
  world.report("i1", revision, model::InstanceState::stopped);
  EXPECT_TRUE(world.control().check_room("test", 200'000));
  finish_removal();
  EXPECT_THAT(world.cleaned, ElementsAre(digest));
}

TEST_F(ControlPullTest, a_pull_waits_for_the_removal_that_makes_room_for_it) {
  world.connect();
  world.unpacked_bytes = 500'000;
  world.have_image("app", world.make_real_image("old"));
  world.have_image("app", world.make_real_image("new"));
  world.disk = {.bytes = 2'000'000, .used = 0};
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  const std::string digest = world.make_real_image("pulled");
  resolve(digest, 200'000);
  world.answer_job(net::msg::DiskCleaned{.build_bytes = 0});  // the cache of builds is measured
  EXPECT_EQ(world.job<net::msg::CleanDisk>().digests.size(), 1U);
  EXPECT_EQ(world.builders(), 1U);
  world.answer_job(net::msg::DiskCleaned{.build_bytes = 0});
  EXPECT_EQ(world.job<net::msg::PullImage>().digest, digest);
}

TEST_F(ControlPullTest, pulls_that_are_under_way_leave_less_room_for_others) {
  world.connect();
  world.disk = {.bytes = 1'000'000, .used = 0};
  ASSERT_TRUE(world.apply("hola", "r.example/one"));
  ASSERT_TRUE(world.apply("hallo", "r.example/two"));
  resolve(world.make_real_image("one"), 180'000);  // and as much unpacked
  resolve(world.make_real_image("two"), 180'000);
  EXPECT_EQ(world.control().status(world.service("hola")).error_code, "");
  EXPECT_EQ(world.control().status(world.service("hallo")).error_code, "E_DISK_BUDGET");
}

TEST_F(ControlPullTest, the_image_that_is_deployed_makes_no_room_for_itself) {
  world.connect();
  world.unpacked_bytes = 500'000;
  const std::string digest = world.have_real_image("app");
  world.have_image("app", world.make_real_image("other"));
  world.disk = {.bytes = 1'000'000, .used = 0};  // 400,000 too much
  const auto applied = world.apply("hola", "r.example/app@" + digest);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().error.code, base::ErrorCode::disk_budget);
  EXPECT_TRUE(world.control().image(digest) != nullptr);
}

TEST_F(ControlPullTest, blobs_that_came_since_a_registry_was_asked_stay) {
  world.connect();
  world.disk = {.bytes = 1'000'000, .used = 0};
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  const std::string digest = world.make_real_image("manifest");  // the builder has stored it and not yet said so
  EXPECT_FALSE(world.control().check_room("test", 599'999));
  EXPECT_TRUE(std::filesystem::exists(blob_path(world.folder() + "/blobs", digest)));
}

TEST_F(ControlPullTest, unused_images_can_be_removed_while_others_are_pulled) {
  world.connect();
  const std::string unused = world.have_real_image("unused");
  ASSERT_TRUE(world.apply("hola", "r.example/app"));
  const std::string digest = world.make_real_image("pulled");
  resolve(digest);
  EXPECT_EQ(world.job<net::msg::PullImage>().digest, digest);
  world.execute(DeleteImages{""});
  EXPECT_EQ(world.control().image(unused), nullptr);
  EXPECT_TRUE(std::filesystem::exists(blob_path(world.folder() + "/blobs", digest)));
  EXPECT_EQ(world.builders(), 2U) << "the pull goes on beside the removal";
}

TEST_F(ControlPullTest, a_damaged_blob_is_asked_of_the_registry) {
  world.connect();
  const std::string digest = world.make_real_image("damaged");
  ASSERT_TRUE(world.apply("hola", "r.example/app@" + digest));
  EXPECT_EQ(world.job<net::msg::UnpackImage>().digest, digest);
  world.fail_job({.code = base::ErrorCode::digest_mismatch, .what = "cannot trust the blob"});
  EXPECT_EQ(world.job<net::msg::PullImage>().reference, "r.example/app@" + digest);
  pulled(digest);
  EXPECT_EQ(world.plan(), "hola-00001[0..100 want 1]DeployCheck");
}

TEST_F(ControlPullTest, a_damaged_manifest_is_asked_of_the_registry) {
  world.connect();
  const std::string digest = world.make_image('a');  // whose text has another digest
  ASSERT_TRUE(world.apply("hola", "r.example/app@" + digest));
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "r.example/app@" + digest);
}

TEST_F(ControlPullTest, more_services_than_pulls_that_run_all_get_their_images) {
  world.connect();
  constexpr int kServices = 100;
  for (int i = 0; i < kServices; ++i) {
    ASSERT_TRUE(world.apply("s" + std::to_string(i), "r.example/a" + std::to_string(i)));
  }
  for (int i = 0; i < kServices; ++i) {
    EXPECT_EQ(world.control().status(world.service("s" + std::to_string(i))).error_code, "") << i;
  }
  EXPECT_EQ(world.builders(), kMostRunningPulls);
}

TEST_F(ControlPullTest, a_build_that_made_what_is_being_removed_waits_for_that) {
  world.connect();
  world.unpacked_bytes = 500'000;
  world.have_image("app", world.make_real_image("old"));
  world.have_image("app", world.make_real_image("new"));
  world.jump(std::chrono::hours(24 * 36'500));  // the build begins after the files of both were written
  int ended = 0;
  bool built = false;
  world.control().execute(BuildImage{.name = "built", .dockerfile = "Dockerfile", .context = "/x"},
                          {.on_progress = {}, .on_done = [&](const auto& outcome) {
                             ++ended;
                             built = outcome.has_value();
                           }});
  world.run();
  world.disk = {.bytes = 1'500'000, .used = 0};
  ASSERT_TRUE(world.control().check_room("test", 100'000));
  world.run();
  world.answer_job(net::msg::ImageDone{.image = world.unpack(world.make_image('d'))});
  EXPECT_EQ(ended, 0) << "the removal may take it along";
  world.answer_job(net::msg::DiskCleaned{.build_bytes = 0});  // measured
  world.answer_job(net::msg::DiskCleaned{.build_bytes = 0});
  EXPECT_EQ(ended, 0) << "it is made again";
  world.finish_job();
  EXPECT_EQ(ended, 1);
  EXPECT_TRUE(built);
}

TEST_F(ControlPullTest, what_a_death_left_half_filled_is_swept_at_the_start) {
  world.connect();
  world.kill();
  std::filesystem::create_directories(world.folder() + "/blobs/.scratch-abcdef");
  world.start();
  world.connect();
  EXPECT_EQ(world.job<net::msg::CleanDisk>().images, world.folder() + "/blobs");
}

TEST_F(ControlPullTest, a_build_gets_the_images_that_it_lacks_first) {
  world.connect();
  bool done = false;
  world.control().execute(BuildImage{.name = "app", .dockerfile = "Dockerfile", .context = "/x"},
                          {.on_progress = {}, .on_done = [&](const auto& outcome) { done = outcome.has_value(); }});
  world.run();
  world.answer_job(net::msg::ImagesNeeded{.names = {"debian:12"}});
  EXPECT_EQ(world.job<net::msg::ResolveImage>().reference, "docker.io/library/debian:12");
  const std::string digest = world.make_real_image("debian");
  resolve(digest);
  pulled(digest);
  const net::msg::BuildImage build = world.build_job();
  EXPECT_THAT(build.known, ElementsAre(std::pair("docker.io/library/debian:12", digest)));
  world.finish_build('d');
  EXPECT_TRUE(done);
}

// A build whose FROM is pulled; gives that image's digest.
class ControlFromTest : public ControlPullTest {
 protected:
  std::string build_from(const std::string& name) {
    world.control().execute(BuildImage{.name = "app", .dockerfile = "Dockerfile", .context = "/x"},
                            {.on_progress = {}, .on_done = [](const auto&) {}});
    world.run();
    world.answer_job(net::msg::ImagesNeeded{.names = {name}});
    std::string digest = world.make_real_image(name);
    resolve(digest);
    pulled(digest);
    finish_build();
    return digest;
  }
  // Its result is named, and the cache of builds is measured.
  void finish_build() {
    world.answer_job(net::msg::ImageDone{.image = world.unpack(world.make_image('d'))});
    if (world.builders() != 0) world.answer_job(net::msg::DiskCleaned{.build_bytes = 0});
  }
};

TEST_F(ControlFromTest, a_name_that_marea_gave_a_from_goes_with_its_image_when_room_is_needed) {
  world.connect();
  world.unpacked_bytes = 200'000;
  const std::string digest = build_from("debian:12");
  ASSERT_TRUE(world.control().image_names().contains("docker.io/library/debian:12"));
  world.advance(std::chrono::hours(2));
  world.disk = {.bytes = 1'000'000, .used = 0};
  ASSERT_TRUE(world.control().check_room("test", 300'000));
  EXPECT_FALSE(world.control().image_names().contains("docker.io/library/debian:12"));
  EXPECT_TRUE(world.control().image_names().contains("app"));
  EXPECT_EQ(world.control().image(digest), nullptr);
}

TEST_F(ControlFromTest, of_two_the_one_that_builds_used_last_stays) {
  world.connect();
  world.unpacked_bytes = 100'000;
  const std::string first = build_from("debian:12");
  world.advance(std::chrono::hours(2));
  const std::string second = build_from("debian:13");
  world.advance(std::chrono::hours(2));
  world.control().execute(BuildImage{.name = "app", .dockerfile = "Dockerfile", .context = "/x"},
                          {.on_progress = {}, .on_done = [](const auto&) {}});
  world.run();
  world.tell_used({first});
  finish_build();
  world.advance(std::chrono::hours(2));
  world.disk = {.bytes = 1'000'000, .used = 0};
  ASSERT_TRUE(world.control().check_room("test", 350'000));
  EXPECT_TRUE(world.control().image_names().contains("docker.io/library/debian:12"));
  EXPECT_FALSE(world.control().image_names().contains("docker.io/library/debian:13"));
  EXPECT_EQ(world.control().image(second), nullptr);
}

TEST_F(ControlFromTest, the_same_name_given_by_a_person_stays) {
  world.connect();
  world.unpacked_bytes = 200'000;
  const std::string digest = build_from("debian:12");
  world.have_image("docker.io/library/debian:12", digest);
  world.kill();
  world.start();
  world.connect();
  world.advance(std::chrono::hours(2));
  world.disk = {.bytes = 1'000'000, .used = 0};
  EXPECT_FALSE(world.control().check_room("test", 300'000));
  EXPECT_TRUE(world.control().image_names().contains("docker.io/library/debian:12"));
}

TEST_F(ControlFromTest, what_a_build_may_be_about_to_use_stays) {
  world.connect();
  world.unpacked_bytes = 200'000;
  build_from("debian:12");
  world.advance(std::chrono::hours(2));
  world.control().execute(BuildImage{.name = "app", .dockerfile = "Dockerfile", .context = "/x"},
                          {.on_progress = {}, .on_done = [](const auto&) {}});
  world.run();
  world.disk = {.bytes = 1'000'000, .used = 0};
  EXPECT_FALSE(world.control().check_room("test", 300'000));
}

TEST_F(ControlPullTest, a_build_whose_asker_went_away_pulls_nothing_more) {
  world.connect();
  const auto ticket = world.control().execute(BuildImage{.name = "app", .dockerfile = "Dockerfile", .context = "/x"},
                                              {.on_progress = {}, .on_done = [](const auto&) { ADD_FAILURE(); }});
  world.run();
  world.answer_job(net::msg::ImagesNeeded{.names = {"debian:12"}});
  EXPECT_EQ(world.builders(), 1U);
  world.control().cancel(ticket);
  world.run();
  EXPECT_EQ(world.builders(), 0U);
  EXPECT_THAT(world.control().image_names(), IsEmpty());
}

}  // namespace
}  // namespace marea::control
