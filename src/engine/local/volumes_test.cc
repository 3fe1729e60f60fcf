#include "engine/local/volumes.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "engine/local/sandbox_fixture.h"

namespace marea::engine::local {
namespace {

using testing::HasSubstr;

model::Template two_containers() {
  model::Template spec;
  spec.container.limits.memory_bytes = 100;
  spec.container.mounts = {{.volume = "v", .path = "/v"}};
  spec.sidecars.resize(1);
  spec.sidecars[0].limits.memory_bytes = 40;
  spec.sidecars[0].mounts = {{.volume = "v", .path = "/v", .read_only = true}};
  return spec;
}

TEST(VolumeBytes, are_half_of_the_instances_memory_but_less_than_a_writers) {
  model::Template spec = two_containers();
  EXPECT_EQ(volume_bytes(spec, {.name = "v"}), 70);
  EXPECT_EQ(volume_bytes(spec, {.name = "v", .size_bytes = 50}), 50);
  EXPECT_EQ(volume_bytes(spec, {.name = "v", .size_bytes = 1000}), 75) << "only the app writes";
  spec.sidecars[0].mounts[0].read_only = false;
  EXPECT_EQ(volume_bytes(spec, {.name = "v"}), 30);
  spec.container.mounts.clear();
  EXPECT_EQ(volume_bytes(spec, {.name = "v"}), 30) << "only the sidecar writes";
}

TEST(VolumeBytes, of_all_volumes_that_a_container_writes_into_are_less_than_its_memory) {
  model::Template spec = two_containers();
  spec.container.limits.memory_bytes = 400;
  spec.volumes = {{.name = "v"}, {.name = "w"}, {.name = "x", .size_bytes = 10}};
  spec.container.mounts = {{.volume = "v", .path = "/v"},
                           {.volume = "v", .path = "/again"},
                           {.volume = "w", .path = "/w"},
                           {.volume = "x", .path = "/x"}};
  EXPECT_EQ(volumes_bytes(spec), (std::vector<std::int64_t>{100, 100, 10}));
}

class VolumesTest : public SandboxFixture {
 protected:
  // The app's script and that of the sidecar `other`, with the volume `v` at /v in both.
  model::Revision with_volume(const std::string& app, const std::string& other) const {
    model::Revision out = revision(app);
    add_sidecar(out, "other", other);
    out.spec.container.name = "app";
    out.spec.volumes = {{.name = "v"}};
    out.spec.container.mounts = {{.volume = "v", .path = "/v"}};
    out.spec.sidecars[0].mounts = {{.volume = "v", .path = "/v"}};
    return out;
  }
  bool run_to_end(TestRun& run) {
    return run_until_started(run) && wait([&] { return run.end.has_value(); });
  }
};

TEST_P(VolumesTest, are_shared_both_ways_and_belong_to_the_user_of_the_app) {
  model::Revision revision = with_volume(
      "echo ping > /v/a; while ! grep pong /v/b 2>/dev/null; do sleep 0.02; done; stat -c '%a %u' /v; mount | grep -c "
      "'nosuid,nodev.* /v \\| /v .*nosuid,nodev'",
      "while ! grep ping /v/a 2>/dev/null; do sleep 0.02; done; echo pong > /v/b; sleep 1000");
  revision.spec.container.run_as_user = 1000;
  revision.spec.sidecars[0].run_as_user = 2000;
  auto run = create(revision);
  ASSERT_TRUE(run_to_end(*run));
  EXPECT_EQ(run->end->reason, model::Reason::app_exited) << run->end->detail;
  EXPECT_EQ(read_output(*run), "pong\n777 1000\n1\n");
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

TEST_P(VolumesTest, a_full_one_is_an_error_and_not_the_end) {
  model::Revision revision =
      this->revision("dd if=/dev/zero of=/v/big bs=1M count=200 2>&1 | grep -c 'No space'; echo still here");
  revision.spec.volumes = {{.name = "v", .size_bytes = 1LL << 30}};
  revision.spec.container.mounts = {{.volume = "v", .path = "/v"}};
  auto run = create(revision);
  ASSERT_TRUE(run_to_end(*run));
  EXPECT_EQ(run->end->reason, model::Reason::app_exited) << run->end->detail;
  EXPECT_EQ(read_output(*run), "1\nstill here\n");
  EXPECT_GT(run->end->peak_memory_bytes, 40LL << 20) << "its bytes are the writer's memory";
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

TEST_P(VolumesTest, a_small_sidecar_may_fill_one_and_live) {
  model::Revision revision =
      with_volume("while ! [ -e /w/done ]; do sleep 0.02; done; cat /w/done",
                  "dd if=/dev/zero of=/v/big bs=1M count=100 2>&1 | grep -c 'No space' > /w/saw; "
                  "(cat /w/saw; echo lives) > /w/next; ln /w/next /w/done; sleep 1000");
  revision.spec.volumes.push_back({.name = "w"});
  revision.spec.container.limits.memory_bytes = 256LL << 20;
  revision.spec.sidecars[0].limits.memory_bytes = 32LL << 20;
  revision.spec.container.mounts = {{.volume = "w", .path = "/w", .read_only = true}};
  revision.spec.sidecars[0].mounts.push_back({.volume = "w", .path = "/w"});
  auto run = create(revision);
  ASSERT_TRUE(run_to_end(*run));
  EXPECT_FALSE(run->failing) << run->failing->detail;
  EXPECT_EQ(read_output(*run), "1\nlives\n");
}

TEST_P(VolumesTest, one_may_lie_below_a_read_only_one) {
  model::Revision revision =
      this->revision("echo y > /ro/in/ner/b; cat /part/in/ner/b; echo x > /ro/a || echo refused");
  revision.spec.volumes = {{.name = "v"}, {.name = "w"}};
  revision.spec.container.mounts = {{.volume = "w", .path = "/ro/in/ner"},
                                    {.volume = "v", .path = "/ro", .sub_path = "outer", .read_only = true},
                                    {.volume = "w", .path = "/part/in/ner"}};
  auto run = create(revision);
  ASSERT_TRUE(run_to_end(*run));
  EXPECT_EQ(read_output(*run), "y\nrefused\n");
}

TEST_P(VolumesTest, a_link_where_a_part_is_wanted_is_refused) {
  const std::string folder = data_ + "/stage";
  ASSERT_TRUE(std::filesystem::create_directory(folder));
  model::Template spec;
  spec.volumes = {{.name = "v"}};
  spec.container.mounts = {{.volume = "v", .path = "/part", .sub_path = "a/link/b"}};
  ASSERT_TRUE(mount_volumes(folder, spec, {1 << 20}, {}));
  const std::filesystem::path volume = folder + "/volumes/0";
  std::filesystem::create_directories(volume / "a" / "real");
  for (const char* target : {"/", "real", "../../..", "/proc/self/root"}) {
    std::filesystem::create_symlink(target, volume / "a" / "link");
    EXPECT_FALSE(bind_volumes(folder, spec, spec.container)) << target;
    std::filesystem::remove(volume / "a" / "link");
  }
  EXPECT_TRUE(bind_volumes(folder, spec, spec.container));
  EXPECT_TRUE(std::filesystem::is_directory(volume / "a" / "link" / "b"));
  EXPECT_FALSE(std::filesystem::exists(volume / "a" / "real" / "b"));
  unmount_volumes(folder);
  EXPECT_FALSE(std::filesystem::exists(volume / "a"));
}

TEST_P(VolumesTest, may_be_read_only_nested_and_seen_in_part) {
  model::Revision revision = this->revision(
      "echo x > /ro/a || echo refused; echo y > /v/inner/b; cat /part/b; ls /v; echo z > /dev/shm/c; ls /ro");
  revision.spec.volumes = {{.name = "v"}, {.name = "w"}};
  revision.spec.container.mounts = {{.volume = "w", .path = "/v/inner", .sub_path = "deep/er"},
                                    {.volume = "v", .path = "/v"},
                                    {.volume = "v", .path = "/ro", .read_only = true},
                                    {.volume = "w", .path = "/part", .sub_path = "deep/er"},
                                    {.volume = "v", .path = "/dev/shm"}};
  auto run = create(revision);
  ASSERT_TRUE(run_to_end(*run));
  EXPECT_EQ(read_output(*run), "refused\ny\ninner\nc\ninner\n");
}

TEST_P(VolumesTest, a_part_is_never_where_a_link_leads) {
  model::Revision revision = with_volume("cat /part/passwd; ls /part | wc -l",
                                         "rm -r /v/part; ln -s /etc /v/part; ls /v; exec httpd -f -h /v -p 9000");
  revision.spec.container.mounts = {{.volume = "v", .path = "/part", .sub_path = "part"}};
  revision.spec.container.starts_after = {"other"};
  revision.spec.sidecars[0].startup = {.port = 9000, .period = std::chrono::seconds(10), .declared = true};
  auto run = create(revision);
  ASSERT_TRUE(run_to_end(*run));
  EXPECT_EQ(read_output(*run), "0\n") << "an empty folder, and no file of the machine's or the image's";
}

TEST_P(VolumesTest, paths_and_volumes_that_cannot_be_are_refused_here_too) {
  for (const model::VolumeMount& mount :
       {model::VolumeMount{.volume = "v", .path = "/../etc"}, model::VolumeMount{.volume = "v", .path = "/proc/x"},
        model::VolumeMount{.volume = "v", .path = "/v", .sub_path = "../x"},
        model::VolumeMount{.volume = "w", .path = "/v"}}) {
    model::Revision revision = this->revision("true");
    revision.spec.volumes = {{.name = "v"}};
    revision.spec.container.mounts = {mount};
    EXPECT_FALSE(host_->create({.id = base::InstanceId("hola-x"), .slot = 5, .revision = revision},
                               {.on_prepared = {}, .on_started = {}, .on_dying = {}, .on_failing = {}, .on_ended = {}}))
        << mount.path;
  }
  model::Revision revision = this->revision("true");
  revision.spec.volumes = {{.name = "s", .sources = {{.name = "secret"}}}};
  const auto refused = host_->create({.id = base::InstanceId("hola-y"), .slot = 5, .revision = revision}, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().line(), HasSubstr("the values of secrets and config maps are not here"));
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Runtimes, VolumesTest, testing::Values("crun", "runc"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace marea::engine::local
