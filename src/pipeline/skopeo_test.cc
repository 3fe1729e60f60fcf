#include "pipeline/skopeo.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "pipeline/fake_skopeo_test.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const RegistryReference kApp{.host = "r.example", .repository = "team/app", .tag = "1", .digest = {}};
constexpr const char* kAppWord = "docker://r.example/team/app:1";

class SkopeoTest : public ::testing::Test {
 protected:
  base::Fd file(const std::string& text) {
    const std::string path = dir / ("given" + std::to_string(++files));
    testing::write_file(path, text);
    return base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  base::Result<std::unique_ptr<Skopeo>> open(base::Duration silence = std::chrono::minutes(5),
                                             base::Duration time = std::chrono::minutes(5)) {
    std::filesystem::create_directories(dir / "scratch");
    return Skopeo::open(
        loop, events, given,
        {.scratch = dir / "scratch", .certificates = dir / "certs.d", .silence = silence, .end = clock.now() + time});
  }
  base::Result<std::string> manifest() {
    auto skopeo = open();
    if (!skopeo) return base::fail(skopeo.error());
    return (*skopeo)->manifest(kApp);
  }
  base::Result<void> blob(const std::string& bytes, std::int64_t announced = -1) {
    auto skopeo = open();
    if (!skopeo) return base::fail(skopeo.error());
    const Descriptor wanted{.digest = digest_of(bytes),
                            .bytes = announced < 0 ? static_cast<std::int64_t>(bytes.size()) : announced};
    return (*skopeo)->blob(kApp, wanted, dir / ("blob" + std::to_string(++files)));
  }

  testing::TempDir dir;
  testing::FakeSkopeo fake;
  base::SystemClock clock;
  net::Loop loop{clock};
  JobEvents events;
  RegistryFiles given;
  int files = 0;
};

TEST_F(SkopeoTest, a_manifest_is_asked_for_raw_and_comes_as_it_is) {
  fake.has_manifest(kAppWord, "{\"a\":1}\n\n");
  const auto text = manifest();
  ASSERT_TRUE(text) << text.error().line();
  EXPECT_EQ(*text, "{\"a\":1}\n\n");
  ASSERT_EQ(fake.starts(), 1);
  EXPECT_EQ(fake.calls().front()["words"],
            nlohmann::json({"--insecure-policy", "inspect", "--raw", "--authfile", "/proc/self/fd/10", kAppWord}));
}

TEST_F(SkopeoTest, the_operators_files_are_handed_on_as_descriptors_and_no_secret_of_the_environment_is) {
  given.auth = file(R"({"auths":{"r.example":{"auth":"c2VjcmV0"}}})");
  given.registries = file("unqualified-search-registries = []\n");
  ::setenv("HTTPS_PROXY", "http://proxy.example:3128", 1);
  ::setenv("MAREA_TEST_SECRET", "nobody's", 1);
  fake.has_manifest(kAppWord, "{}");
  ASSERT_TRUE(manifest());
  ::unsetenv("HTTPS_PROXY");
  ::unsetenv("MAREA_TEST_SECRET");
  const nlohmann::json call = fake.calls().front();
  EXPECT_EQ(call["auth"], R"({"auths":{"r.example":{"auth":"c2VjcmV0"}}})");
  EXPECT_EQ(call["linked"], "unqualified-search-registries = []\n") << "where a user's file is looked for";
  EXPECT_EQ(call["environment"]["HTTPS_PROXY"], "http://proxy.example:3128");
  EXPECT_FALSE(call["environment"].contains("MAREA_TEST_SECRET"));
  EXPECT_THAT(call["words"].dump() + call["environment"].dump(), Not(HasSubstr("c2VjcmV0")));
}

TEST_F(SkopeoTest, without_files_nothing_of_the_machine_takes_their_place) {
  fake.has_manifest(kAppWord, "{}");
  ASSERT_TRUE(manifest());
  const nlohmann::json call = fake.calls().front();
  EXPECT_EQ(call["auth"], "{}");
  EXPECT_EQ(call["linked"], "");
  EXPECT_EQ(call["environment"]["HOME"], dir / "scratch/home");
}

TEST_F(SkopeoTest, malformed_credentials_are_told_without_a_word_of_them) {
  given.auth = file("hunter2");
  const auto text = manifest();
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(text.error().line() + text.error().remedy, Not(HasSubstr("hunter2")));
  EXPECT_THAT(text.error().remedy, HasSubstr("skopeo login"));
  EXPECT_EQ(fake.starts(), 0);
  given.auth = file(std::string(kMostRegistryFileBytes + 1, ' '));
  EXPECT_EQ(manifest().error().code, ErrorCode::invalid_argument);
}

TEST_F(SkopeoTest, what_it_says_becomes_mareas_own_error) {
  for (const auto& [said, code] :
       {std::pair{"pinging: dial tcp: lookup r.example: no such host", ErrorCode::registry_unreachable},
        {"reading manifest 1 in r.example/team/app: unauthorized", ErrorCode::registry_denied},
        {"reading manifest 1 in r.example/team/app: manifest unknown", ErrorCode::image_not_found},
        {"tls: failed to verify certificate: x509: unknown", ErrorCode::registry_untrusted},
        {"something that nobody knows", ErrorCode::registry_failed}}) {
    fake.plan({{"error", std::string("one line before\n") + said}});
    const auto text = manifest();
    ASSERT_FALSE(text) << said;
    EXPECT_EQ(text.error().code, code) << said;
    EXPECT_THAT(text.error().what, HasSubstr("r.example/team/app:1"));
  }
}

TEST_F(SkopeoTest, its_death_is_a_failure_of_the_pull) {
  fake.plan({{"dies", true}});
  const auto text = manifest();
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::registry_failed);
}

TEST_F(SkopeoTest, a_manifest_beyond_its_bound_is_refused) {
  fake.has_manifest(kAppWord, std::string(kMostManifestBytes + 1, 'x'));
  EXPECT_EQ(manifest().error().code, ErrorCode::image_too_large);
  fake.has_manifest(kAppWord, std::string(kMostManifestBytes, 'x'));
  EXPECT_TRUE(manifest());
}

TEST_F(SkopeoTest, silence_ends_it_and_so_does_who_asked) {
  fake.plan({{"hang", true}});
  auto skopeo = open(std::chrono::milliseconds(1));
  ASSERT_TRUE(skopeo);
  const auto silent = (*skopeo)->manifest(kApp);
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::registry_slow);
  EXPECT_THAT(silent.error().remedy, HasSubstr("pull-silence"));
  events.go_on = [] { return false; };
  EXPECT_EQ(manifest().error().code, ErrorCode::unavailable);
}

TEST_F(SkopeoTest, one_that_is_not_installed_is_named_with_its_package) {
  fake.uninstall();
  const auto text = manifest();
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::dependency_missing);
  EXPECT_THAT(text.error().remedy, HasSubstr("apt-get install skopeo"));
}

TEST_F(SkopeoTest, blobs_of_an_image_come_by_one_proxy_each_by_its_digest_and_size) {
  fake.has_blob(digest_of("one"), "one");
  fake.has_blob(digest_of("twotwo"), "twotwo");
  auto skopeo = open();
  ASSERT_TRUE(skopeo);
  for (const std::string bytes : {"one", "twotwo"}) {
    const std::string path = dir / ("blob-" + bytes);
    const auto done =
        (*skopeo)->blob(kApp, {.digest = digest_of(bytes), .bytes = static_cast<std::int64_t>(bytes.size())}, path);
    ASSERT_TRUE(done) << done.error().line();
    EXPECT_EQ(testing::read_file(path), bytes);
  }
  EXPECT_EQ(fake.starts(), 1);
  EXPECT_THAT(fake.methods(), ElementsAre("Initialize", "OpenImage", "GetBlob", "FinishPipe", "GetBlob", "FinishPipe"));
  EXPECT_EQ(fake.calls()[0]["words"], nlohmann::json({"--insecure-policy", "experimental-image-proxy", "--authfile",
                                                      "/proc/self/fd/10", "--sockfd", "12"}));
  EXPECT_EQ(fake.calls()[2]["args"], nlohmann::json({kAppWord}));
  EXPECT_EQ(fake.calls()[3]["args"], nlohmann::json({7, digest_of("one"), 3}));
  EXPECT_EQ(fake.calls()[4]["args"], nlohmann::json({100}));
}

TEST_F(SkopeoTest, other_bytes_than_the_digest_and_the_manifest_say_are_a_mismatch) {
  fake.has_blob(digest_of("right"), "wrong");
  EXPECT_EQ(blob("right").error().code, ErrorCode::digest_mismatch);
  fake.has_blob(digest_of("right"), "right and more");
  const auto more = blob("right");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::digest_mismatch);
  EXPECT_THAT(more.error().why, HasSubstr("more bytes than the 5"));
  fake.has_blob(digest_of("right"), "rig");
  const auto fewer = blob("right");
  ASSERT_FALSE(fewer);
  EXPECT_EQ(fewer.error().code, ErrorCode::digest_mismatch);
  EXPECT_THAT(fewer.error().why, HasSubstr("after 3 of 5 bytes"));
}

TEST_F(SkopeoTest, each_order_of_the_proxy_may_fail) {
  for (const char* method : {"Initialize", "OpenImage", "GetBlob", "FinishPipe"}) {
    fake.has_blob(digest_of("x"), "x");
    fake.plan({{"failures", {{method, "statusCode: 401, unauthorized: authentication required"}}}});
    const auto refused = blob("x");
    ASSERT_FALSE(refused) << method;
    EXPECT_EQ(refused.error().code, ErrorCode::registry_denied) << method;
    fake.plan({{"failures", {{method, "die"}}}});
    const auto died = blob("x");
    ASSERT_FALSE(died) << method;
    EXPECT_EQ(died.error().code, ErrorCode::registry_failed) << method;
  }
}

TEST_F(SkopeoTest, what_exists_is_not_written_into) {
  fake.has_blob(digest_of("x"), "x");
  testing::write_file(dir / "there", "before");
  auto skopeo = open();
  ASSERT_TRUE(skopeo);
  EXPECT_FALSE((*skopeo)->blob(kApp, {.digest = digest_of("x"), .bytes = 1}, dir / "there"));
  EXPECT_EQ(testing::read_file(dir / "there"), "before");
}

}  // namespace
}  // namespace marea::pipeline
