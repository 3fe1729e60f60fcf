#include "control/missing_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::control {
namespace {

using model::SourceKind;
using testing::HasSubstr;
using testing::Not;

model::Revision loans() {
  model::Revision revision;
  revision.name = base::RevisionName("loans-00002-abc");
  revision.spec.container.name = "app";
  return revision;
}

TEST(MissingValues, a_revision_without_references_needs_nothing) {
  EXPECT_TRUE(missing_values(loans().spec).empty());
  EXPECT_FALSE(describe_missing_values(loans()));
}

TEST(MissingValues, what_is_optional_is_not_needed) {
  model::Revision revision = loans();
  revision.spec.container.env_references = {
      {.variable = "A", .kind = SourceKind::secret, .name = "a", .key = "k", .optional = true}};
  revision.spec.volumes = {{.name = "v", .sources = {{.kind = SourceKind::config, .name = "c", .optional = true}}}};
  EXPECT_FALSE(describe_missing_values(revision));
}

TEST(MissingValues, a_secret_is_named_with_its_key_its_place_and_its_path) {
  model::Revision revision = loans();
  revision.spec.annotations["run.googleapis.com/secrets"] = "db:projects/7/secrets/database";
  revision.spec.container.env_references = {
      {.variable = "DB", .kind = SourceKind::secret, .name = "db", .key = "latest"}};
  const auto failure = describe_missing_values(revision);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->reason, model::Reason::secret_missing);
  EXPECT_EQ(failure->code, base::ErrorCode::secret_missing);
  EXPECT_THAT(failure->message,
              HasSubstr("loans-00002-abc: it needs what is not there: secret db (projects/7/secrets/database), key "
                        "latest, for the variable DB of container app. "));
  EXPECT_THAT(failure->message, HasSubstr("optional: true"));
}

TEST(MissingValues, a_config_map_alone_is_a_config_that_is_missing) {
  model::Revision revision = loans();
  revision.spec.container.env_references = {{.kind = SourceKind::config, .name = "settings"}};
  revision.spec.sidecars.emplace_back().name = "proxy";
  revision.spec.sidecars[0].mounts = {{.volume = "v", .path = "/etc/proxy"}};
  revision.spec.volumes = {
      {.name = "v", .sources = {{.kind = SourceKind::config, .name = "files", .items = {{.key = "a", .path = "b"}}}}},
      {.name = "w", .sources = {{.kind = SourceKind::config, .name = "lonely"}}}};
  const auto failure = describe_missing_values(revision);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->reason, model::Reason::config_missing);
  EXPECT_THAT(failure->message, HasSubstr("config map settings, for variables of container app; config map files, key "
                                          "a, for the files under /etc/proxy of container proxy; config map lonely, "
                                          "for the volume w"));
}

TEST(MissingValues, a_long_list_is_counted) {
  model::Revision revision = loans();
  for (int i = 0; i < 12; ++i) {
    revision.spec.container.env_references.push_back(
        {.variable = "V" + std::to_string(i), .kind = SourceKind::secret, .name = "s", .key = "k"});
  }
  const auto failure = describe_missing_values(revision);
  ASSERT_TRUE(failure);
  EXPECT_THAT(failure->message, HasSubstr("; and 2 more."));
  EXPECT_THAT(failure->message, Not(HasSubstr("V10")));
}

}  // namespace
}  // namespace marea::control
