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
  EXPECT_THAT(error.why, HasSubstr("manifest unknown"));
  EXPECT_THAT(error.remedy, HasSubstr("skopeo list-tags"));
}

TEST(RegistryError, the_frame_of_the_log_goes) {
  EXPECT_EQ(
      plain_cause(
          R"(time="2026-11-26T05:29:17Z" level=fatal msg="Error parsing image name \"docker://h/a\": no \"b\" here")"),
      R"(no "b" here)");
}

TEST(RegistryError, neither_bodies_of_answers_nor_queries_of_addresses_are_shown) {
  const std::string said =
      R"(fetching blob: Get "https://store.example/x?X-Amz-Signature=secret": StatusCode: 500, {"inner":"words"})";
  EXPECT_EQ(plain_cause(said), R"(fetching blob: Get "https://store.example/x": StatusCode: 500)");
}

TEST(RegistryError, what_steers_terminals_does_not_come_through) {
  EXPECT_THAT(plain_cause("bad \x1b[31m thing"), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace marea::pipeline
