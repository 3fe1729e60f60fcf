#include "pipeline/registry_reference.h"

#include <gtest/gtest.h>

namespace marea::pipeline {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string read(const std::string& text) {
  const auto reference = parse_registry_reference(text);
  return reference ? to_string(*reference) : std::string(base::to_string(reference.error().code));
}

TEST(RegistryReference, short_names_are_docker_hubs) {
  EXPECT_EQ(read("debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(read("debian:12"), "docker.io/library/debian:12");
  EXPECT_EQ(read("someone/app"), "docker.io/someone/app:latest");
  EXPECT_EQ(read("index.docker.io/debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(read("docker://debian:12"), "docker.io/library/debian:12");
}

TEST(RegistryReference, a_first_part_with_a_dot_or_a_port_is_a_host) {
  EXPECT_EQ(read("registry.example/a/b"), "registry.example/a/b:latest");
  EXPECT_EQ(read("localhost/app:1"), "localhost/app:1");
  EXPECT_EQ(read("host:5000/app"), "host:5000/app:latest");
  EXPECT_EQ(read("[::1]:5000/app:1"), "[::1]:5000/app:1");
  EXPECT_EQ(read("host:5000"), "docker.io/library/host:5000") << "a tag";
}

TEST(RegistryReference, a_digest_says_more_than_a_tag) {
  EXPECT_EQ(read("host:5000/app:1@" + kDigest), "host:5000/app@" + kDigest);
  EXPECT_EQ(read("app@" + kDigest), "docker.io/library/app@" + kDigest);
}

TEST(RegistryReference, what_is_no_name_is_refused) {
  for (const char* text : {"",
                           "UPPER",
                           "a//b",
                           "host:5000/",
                           "/a",
                           "a/",
                           "a:",
                           "a:b:c",
                           "a@sha256:12",
                           "a b",
                           "-a",
                           "host:5000/a:-x",
                           "a.example/..",
                           "a\n",
                           "ho st:1/a",
                           "oci:/dir/x",
                           "./app",
                           "../x",
                           "dir:/x",
                           "a.b:/x",
                           "h:1:2/x",
                           "h:70000/x",
                           "a..b/x",
                           "a.-b/x",
                           "[::1/x",
                           "[1]:5/x",
                           "[::1]5/x",
                           ".a/x"}) {
    EXPECT_EQ(read(text), "E_INVALID_ARGUMENT") << text;
  }
  EXPECT_EQ(read(std::string(256, 'a')), "E_INVALID_ARGUMENT");
  EXPECT_EQ(read("a:" + std::string(129, 'a')), "E_INVALID_ARGUMENT");
}

TEST(RegistryReference, what_can_only_mean_a_registry) {
  for (const char* text : {"docker://a", "a.example/b", "localhost/a", "h:1/a"})
    EXPECT_TRUE(names_registry(text)) << text;
  for (const char* text : {"a", "a:1", "a/b", "a.b", "localhost", "oci:/a.b/c", "sha256:aa"}) {
    EXPECT_FALSE(names_registry(text)) << text;
  }
}

TEST(NearNames, are_those_that_a_service_may_use_and_that_a_slip_of_the_finger_leads_to) {
  const std::vector<std::string> names = {"bonjour", "docker.io/library/holla:1", "hola",
                                          "hola:2",  "localhost/hola:latest",     "oci:/holla"};
  EXPECT_EQ(near_names("holla", names), (std::vector<std::string>{"hola", "hola:2", "localhost/hola:latest"}));
  EXPECT_EQ(near_names("localhost/holla:latest", names).size(), 3U);
  EXPECT_TRUE(near_names("something", names).empty());
}

TEST(MayBeOwnName, is_what_has_no_host_and_is_no_place) {
  for (const char* own : {"holla", "holla:1", "team/app", "localhost/app"}) EXPECT_TRUE(may_be_own_name(own)) << own;
  const std::string digest = "sha256:" + std::string(64, 'a');
  for (const std::string& other : {std::string("r.example/app"), std::string("localhost:5000/app"),
                                   std::string("docker://app"), std::string("oci:app"), digest, "app@" + digest}) {
    EXPECT_FALSE(may_be_own_name(other)) << other;
  }
}

}  // namespace
}  // namespace marea::pipeline
