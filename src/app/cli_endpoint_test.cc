#include "app/cli_endpoint.h"

#include <gtest/gtest.h>

namespace marea::app {
namespace {

const Words kWords(Language::en);

std::string place(const PlaceSettings& settings) {
  const Outcome<Endpoint> found = find_endpoint(settings, kWords);
  return found ? found->name() : found.error().error.what;
}

TEST(CliEndpoint, TheNearestSettingWins) {
  EXPECT_EQ(place({}), "unix:/var/lib/marea/api.sock");
  EXPECT_EQ(place({.env_data = "/d"}), "unix:/d/api.sock");
  EXPECT_EQ(place({.env_server = "http://h:1", .env_data = "/d"}), "http://h:1");
  EXPECT_EQ(place({.data = "/e", .env_server = "http://h:1"}), "unix:/e/api.sock");
  EXPECT_EQ(place({.server = "unix:/s", .data = "/e", .env_server = "http://h:1"}), "unix:/s");
}

TEST(CliEndpoint, AHostNameNeedsNoPortAndAnIpv6AddressKeepsItsBrackets) {
  EXPECT_EQ(place({.server = "http://box"}), "http://box:80");
  EXPECT_EQ(place({.server = "http://[::1]:8088/"}), "http://[::1]:8088");
}

TEST(CliEndpoint, WhatNamesNoPlatformIsAUsageErrorThatNamesIt) {
  for (const char* bad : {"box:80", "http://", "http://box:0", "http://box:99999", "http://box/path",
                          "unix:", "https://box", "http://me@box"}) {
    const Outcome<Endpoint> found = find_endpoint({.server = bad}, kWords);
    ASSERT_FALSE(found) << bad;
    EXPECT_EQ(found.error().exit, Exit::usage);
    EXPECT_NE(found.error().error.what.find(bad), std::string::npos);
    EXPECT_FALSE(found.error().error.remedy.empty());
  }
}

}  // namespace
}  // namespace marea::app
