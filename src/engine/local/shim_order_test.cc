#include "engine/local/shim_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

namespace marea::engine::local {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

model::Revision nginx() {
  model::Revision out;
  out.name = base::RevisionName("web-00001");
  out.service = base::ServiceName("web");
  out.image.config.entrypoint = {"/entry.sh"};
  out.image.config.cmd = {"nginx", "-g", "daemon off;"};
  out.image.config.env = {"PATH=/sbin:/bin", "LANG=C"};
  out.image.config.uid = 33;
  out.image.config.gid = 34;
  out.image.config.groups = {5, 6};
  out.image.config.home = "/var/www";
  out.image.config.working_dir = "/srv";
  return out;
}

TEST(ShimOrder, the_image_runs_as_it_is) {
  const AppStart start = *resolve_app(nginx());
  EXPECT_EQ(start.argv, (Words{"/entry.sh", "nginx", "-g", "daemon off;"}));
  EXPECT_EQ(start.uid, 33U);
  EXPECT_EQ(start.gid, 34U);
  EXPECT_THAT(start.groups, ElementsAre(5, 6));
  EXPECT_EQ(start.directory, "/srv");
  EXPECT_FALSE(start.keep_capabilities);
  EXPECT_THAT(start.env, Contains("HOME=/var/www"));
  EXPECT_THAT(start.env, Contains("PORT=8080"));
  EXPECT_THAT(start.env, Contains("K_SERVICE=web"));
  EXPECT_THAT(start.env, Contains("K_REVISION=web-00001"));
  EXPECT_THAT(start.env, Contains("K_CONFIGURATION=web"));
  EXPECT_THAT(start.env, Contains("PATH=/sbin:/bin"));
}

TEST(ShimOrder, args_replace_only_the_images_arguments) {
  model::Revision revision = nginx();
  revision.spec.container.args = {"-t"};
  EXPECT_EQ(resolve_app(revision)->argv, (Words{"/entry.sh", "-t"}));
}

TEST(ShimOrder, command_replaces_the_entry_point_and_drops_the_images_arguments) {
  model::Revision revision = nginx();
  revision.spec.container.command = {"sleep"};
  EXPECT_EQ(resolve_app(revision)->argv, (Words{"sleep"}));
  revision.spec.container.args = {"5"};
  EXPECT_EQ(resolve_app(revision)->argv, (Words{"sleep", "5"}));
}

TEST(ShimOrder, variables_are_expanded_as_kubernetes_does) {
  model::Revision revision = nginx();
  revision.spec.container.env = {{"A", "1"}, {"B", "$(A)2 $(LATER) $$(A)"}, {"LATER", "x"}, {"LANG", "es"}};
  revision.spec.container.command = {"run", "--port=$(PORT)", "$(NOBODY)", "100$", "$(open"};
  const AppStart start = *resolve_app(revision);
  EXPECT_THAT(start.env, Contains("B=12 $(LATER) $(A)"));
  EXPECT_THAT(start.env, Contains("LANG=es"));
  EXPECT_THAT(start.env, Not(Contains("LANG=C")));
  EXPECT_EQ(start.argv, (Words{"run", "--port=8080", "$(NOBODY)", "100$", "$(open"}));
}

TEST(ShimOrder, the_platforms_variables_win) {
  model::Revision revision = nginx();
  revision.spec.container.port = 9000;
  revision.spec.container.env = {{"PORT", "1"}, {"K_SERVICE", "other"}};
  revision.image.config.env.emplace_back("PORT=2");
  const AppStart start = *resolve_app(revision);
  EXPECT_THAT(start.env, Contains("PORT=9000"));
  EXPECT_THAT(start.env, Contains("K_SERVICE=web"));
}

TEST(ShimOrder, another_user_has_none_of_the_images_groups_and_root_keeps_its_capabilities) {
  model::Revision revision = nginx();
  revision.spec.container.run_as_user = 0;
  AppStart start = *resolve_app(revision);
  EXPECT_EQ(start.uid, 0U);
  EXPECT_TRUE(start.groups.empty());
  EXPECT_TRUE(start.keep_capabilities);
  EXPECT_THAT(start.env, Contains("HOME=/"));
  revision.spec.capabilities = model::CapabilitySet::none;
  EXPECT_FALSE(resolve_app(revision)->keep_capabilities);
}

TEST(ShimOrder, an_image_without_a_program_is_refused) {
  model::Revision revision = nginx();
  revision.image.config.entrypoint.clear();
  revision.image.config.cmd.clear();
  const auto start = resolve_app(revision);
  ASSERT_FALSE(start);
  EXPECT_EQ(start.error().code, base::ErrorCode::image_invalid);
}

TEST(ShimOrder, a_message_has_its_length_and_its_limits) {
  AppStart start{.argv = {"a"}, .env = {"B=c"}, .directory = "/"};
  const std::string message = *encode_start(start);
  ShimHeader header;
  std::memcpy(&header, message.data(), sizeof header);
  EXPECT_EQ(header.command, ShimCommand::start);
  EXPECT_EQ(header.bytes, message.size() - sizeof header);

  start.argv.emplace_back(kMostShimMessageBytes, 'x');
  EXPECT_EQ(encode_start(start).error().code, base::ErrorCode::too_large);
  start.argv = Words(kMostShimWords + 1, "x");
  EXPECT_EQ(encode_start(start).error().code, base::ErrorCode::too_large);
  start.argv = {std::string("a\0b", 3)};
  EXPECT_EQ(encode_start(start).error().code, base::ErrorCode::invalid_argument);
}

TEST(ShimOrder, a_failed_start_is_explained) {
  AppStart start{.argv = {"srever"}, .env = {"PATH=/bin"}, .directory = "/x"};
  EXPECT_EQ(describe_not_started(start, ShimStep::find_program, ENOENT),
            "cannot run 'srever': there is no such program in PATH=/bin");
  EXPECT_THAT(describe_not_started(start, ShimStep::run_program, EACCES), HasSubstr("Permission denied"));
  EXPECT_THAT(describe_not_started(start, ShimStep::run_program, ENOEXEC), HasSubstr("without #!"));
  EXPECT_THAT(describe_not_started(start, ShimStep::change_directory, ENOTDIR), HasSubstr("/x"));
}

}  // namespace
}  // namespace marea::engine::local
