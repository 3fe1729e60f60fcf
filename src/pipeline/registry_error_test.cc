#include "pipeline/registry_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::pipeline {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;
using ::testing::Not;

const RegistryReference kReference{.host = "host:5000", .repository = "app", .tag = "1", .digest = {}};

ErrorCode code_of(const std::string& said) {
  return registry_error(kReference, said).code;
}

// As skopeo 1.9 says it.
TEST(RegistryError, each_cause_has_its_code) {
  const std::string get = R"(pinging container registry h: Get \"https://h/v2/\": )";
  EXPECT_EQ(code_of(get + "dial tcp: lookup h on 1.2.3.4:53: no such host"), ErrorCode::registry_unreachable);
  EXPECT_EQ(code_of(get + "dial tcp 127.0.0.1:1: connect: connection refused"), ErrorCode::registry_unreachable);
  EXPECT_EQ(code_of(get + "net/http: TLS handshake timeout"), ErrorCode::registry_unreachable);
  EXPECT_EQ(code_of(get + "EOF"), ErrorCode::registry_unreachable);
  EXPECT_EQ(code_of(get + "http: server gave HTTP response to HTTPS client"), ErrorCode::registry_untrusted);
  EXPECT_EQ(code_of(get + "x509: certificate signed by unknown authority"), ErrorCode::registry_untrusted);
  EXPECT_EQ(code_of("unable to retrieve auth token: invalid username/password: unauthorized"),
            ErrorCode::registry_denied);
  EXPECT_EQ(code_of("errors: denied: requested access to the resource is denied"), ErrorCode::registry_denied);
  EXPECT_EQ(code_of("reading manifest 1 in h/app: manifest unknown: manifest unknown"), ErrorCode::image_not_found);
  EXPECT_EQ(code_of("reading manifest 1 in h/app: name unknown: x"), ErrorCode::image_not_found);
  EXPECT_EQ(code_of("toomanyrequests: You have reached your pull rate limit"), ErrorCode::registry_failed);
  EXPECT_EQ(code_of("stopped after 10 redirects"), ErrorCode::registry_failed);
  EXPECT_EQ(code_of("received unexpected HTTP status: 503 Service Unavailable"), ErrorCode::registry_failed);
  EXPECT_EQ(code_of("exceeded maximum allowed size of 4194304 bytes"), ErrorCode::image_too_large);
}

TEST(RegistryError, it_names_the_registry_the_image_the_cause_and_what_to_do) {
  const base::Error error = registry_error(kReference, "reading manifest 1 in h/app: manifest unknown");
  EXPECT_EQ(error.what, "cannot pull host:5000/app:1 from the registry host:5000");
  EXPECT_THAT(error.why, HasSubstr("404"));
  EXPECT_THAT(error.remedy, HasSubstr("skopeo list-tags"));
}

TEST(RegistryError, of_a_build_it_says_what_helps_without_the_registry) {
  const base::Result<RegistryReference> debian = parse_registry_reference("debian:12-slim");
  ASSERT_TRUE(debian);
  const base::Error error =
      base_image_error(registry_error(*debian, "dial tcp: lookup registry-1.docker.io: no such host"),
                       "localhost/app:latest", "debian:12-slim");
  EXPECT_EQ(error.code, ErrorCode::registry_unreachable);
  EXPECT_THAT(error.what, HasSubstr("cannot build localhost/app:latest: FROM debian:12-slim: "));
  EXPECT_THAT(error.remedy, HasSubstr("marea images import docker.io/library/debian:12-slim oci:DIR"));
  EXPECT_EQ(error.more, "docs/images.md");
  EXPECT_THAT(base_image_error(registry_error(*debian, "manifest unknown"), "a", "debian:12-slim").remedy,
              HasSubstr("skopeo list-tags"));
}

TEST(RegistryError, no_word_of_an_answer_is_shown) {
  for (const char* said :
       {R"(fetching blob: Get "https://store.example/x?X-Amz-Signature=s3cret": StatusCode: 500, {"inner":"s3cret"})",
        "errors:\ndenied: s3cret", "manifest unknown: s3cret", "unauthorized: \x1b[31ms3cret", "x509: s3cret",
        "s3cret"}) {
    const base::Error error = registry_error(kReference, said);
    EXPECT_THAT(error.line() + error.remedy, Not(HasSubstr("s3cret"))) << said;
    EXPECT_THAT(error.line() + error.remedy, Not(HasSubstr("\x1b"))) << said;
    EXPECT_NE(error.remedy, "") << said;
  }
  EXPECT_THAT(registry_error(kReference, "StatusCode: 500, {}").why, HasSubstr("500"));
  EXPECT_THAT(registry_error(kReference, "received unexpected HTTP status: 503 Service").why, HasSubstr("503"));
}

TEST(RegistryError, names_of_images_are_no_causes) {
  const RegistryReference odd{
      .host = "tls.example", .repository = "team/certificates", .tag = "forbidden", .digest = {}};
  const auto code = [&](const std::string& said) { return registry_error(odd, said).code; };
  EXPECT_EQ(code("reading manifest forbidden in tls.example/team/certificates: manifest unknown"),
            ErrorCode::image_not_found);
  EXPECT_EQ(code(R"(Error parsing image name \"docker://tls.example/team/certificates:forbidden\": StatusCode: 404)"),
            ErrorCode::image_not_found);
  EXPECT_EQ(code(R"(Get \"https://tls.example/v2/team/certificates/manifests/forbidden\": EOF)"),
            ErrorCode::registry_unreachable);
}

}  // namespace
}  // namespace marea::pipeline
