// images list: what is kept, by whom, and sizes that add up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/test_platform.h"

namespace marea::app {
namespace {

using ::testing::HasSubstr;
using testing::json_answer;
using ::testing::Not;
using testing::run_cli;
using testing::TestPlatform;

TEST(CliImages, ShowsWhatIsKeptWithoutANameByItsRevisionsAndWhatBelongsToNoImage) {
  TestPlatform platform{[](const net::HttpRequest&) {
    return json_answer(200, R"({"items": [{"name": "hola", "digest": "sha256:1", "bytes": 5, "disk_bytes": 12,
                                           "used_by": ["web"], "revisions": ["web-00002-abc"]}],
                                "unnamed": [{"digest": "sha256:2", "bytes": 7, "disk_bytes": 9,
                                             "revisions": ["web-00001-xyz", "api-00001-abc"]},
                                            {"digest": "sha256:3", "bytes": 1, "disk_bytes": 1, "revisions": []}],
                                "other_bytes": 30, "builds_bytes": 0, "used_bytes": 52, "unused_bytes": 31})");
  }};
  const std::string table = run_cli({"images", "list"}, platform.dir()).out;
  EXPECT_THAT(table, HasSubstr("hola"));
  EXPECT_THAT(table, ::testing::ContainsRegex("\\(no name\\) +sha256:2 +9 +web-00001-xyz,api-00001-abc"));
  EXPECT_THAT(table, ::testing::ContainsRegex("\\(no name\\) +sha256:3 +1 +nobody"));
  EXPECT_THAT(table, ::testing::ContainsRegex("\\(blobs of no image\\) +- +30"));
  EXPECT_THAT(table, Not(HasSubstr("cache of builds"))) << "it is empty";
  EXPECT_THAT(run_cli({"images", "list"}, platform.dir(), Language::es).out, HasSubstr("(sin nombre)"));
  EXPECT_EQ(run_cli({"images", "list", "-o", "name"}, platform.dir()).out, "hola\n") << "names alone";
}

}  // namespace
}  // namespace marea::app
