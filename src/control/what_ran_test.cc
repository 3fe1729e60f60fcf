#include "control/what_ran.h"

#include <gtest/gtest.h>

namespace marea::control {
namespace {

using model::TimelineCause;

const base::RevisionName kFirst("hola-1");
const base::RevisionName kOther("hola-2");

model::TimelineLine line_of(std::int64_t number, std::int64_t written, std::int64_t confirmed,
                            const base::RevisionName& revision) {
  return {.number = number,
          .unix_ns = written,
          .confirmed_unix_ns = confirmed,
          .cause = TimelineCause::deployed,
          .revision = revision,
          .serving = {.shares = {{.revision = revision, .weight = 10'000}}}};
}

std::int64_t number_for(std::span<const model::TimelineLine> lines, std::int64_t at,
                        const base::RevisionName& revision) {
  const model::TimelineLine* found = line_of_request(lines, at, revision);
  return found == nullptr ? 0 : found->number;
}

TEST(WhatRan, a_request_between_a_line_and_its_confirmation_belongs_to_the_line_that_its_revision_says) {
  const std::vector<model::TimelineLine> lines = {line_of(1, 100, 105, kFirst), line_of(2, 200, 210, kOther)};
  EXPECT_EQ(number_for(lines, 205, kOther), 2);
  EXPECT_EQ(number_for(lines, 205, kFirst), 1) << "router did not serve by the second yet";
  EXPECT_EQ(number_for(lines, 215, kFirst), 2) << "it did, and what the split was is asked";
  EXPECT_EQ(number_for(std::span(lines).first(1), 150, kFirst), 1);
  EXPECT_EQ(number_for(lines, 205, {}), 2) << "it came to no revision";
  EXPECT_EQ(number_for({}, 205, kFirst), 0);
}

TEST(WhatRan, what_no_router_ever_confirmed_is_looked_through) {
  const std::vector<model::TimelineLine> lines = {line_of(1, 100, 105, kFirst), line_of(2, 200, 0, kOther),
                                                  line_of(3, 210, 0, kOther)};
  EXPECT_EQ(number_for(lines, 220, kFirst), 1);
  EXPECT_EQ(number_for(lines, 220, base::RevisionName("gone")), 3);
}

TEST(WhatRan, the_deploy_of_a_revision_is_the_newest_that_asked_for_it) {
  std::vector<model::TimelineLine> lines = {line_of(1, 1, 1, kFirst), line_of(2, 2, 2, kFirst),
                                            line_of(3, 3, 3, kOther)};
  EXPECT_EQ(deploy_of(lines, kFirst), nullptr);
  for (auto& each : lines) each.cause = TimelineCause::deploy_asked;
  EXPECT_EQ(deploy_of(lines, kFirst), &lines[1]);
}

}  // namespace
}  // namespace marea::control
