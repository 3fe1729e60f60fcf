#include "control/experiment_form.h"

#include <gtest/gtest.h>

namespace marea::control {
namespace {

TEST(ExperimentFormTest, what_was_counted_and_every_evidence_comes_back) {
  decide::ExperimentData data;
  data.now = {.experiment = "form.1", .memory = 18'446'744'073'709'551'615U, .split = {{.keys = 3}}, .led = {{}}};
  data.split_before = {{.keys = 4}};
  data.led_before = {{.keys = 5}};
  data.memory_before = 6;
  data.split_logs = {0.25, -1};
  data.guards = {{{}}};
  data.guards[0][0].weight = 3334;
  data.guards[0][0].steps = 2;
  data.breached_at = {{7}};
  data.guards_before = {{-0.5}};
  data.now.segments = {{}, {{.keys = 8, .failed = 9, .converted = {10}}}};
  data.segments_before = data.now.segments;
  const std::string text = experiment_to_text(data);
  const auto back = experiment_from_text(text);
  ASSERT_TRUE(back) << back.error().line();
  EXPECT_EQ(back->now, data.now);
  EXPECT_EQ(back->split_before, data.split_before);
  EXPECT_EQ(back->led_before, data.led_before);
  EXPECT_EQ(back->memory_before, 6U);
  EXPECT_EQ(back->split_logs, data.split_logs);
  EXPECT_EQ(back->guards, data.guards) << "a weight that changed staked capital, which is not staked again";
  EXPECT_EQ(back->breached_at, data.breached_at);
  EXPECT_EQ(back->guards_before, data.guards_before);
  EXPECT_EQ(back->segments_before, data.segments_before);
}

TEST(ExperimentFormTest, an_older_text_lacks_what_is_newer) {
  const auto back = experiment_from_text(R"({"split_logs": [0.5], "mistrusted": true})");
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->mistrusted);
  EXPECT_EQ(back->memory_before, 0U);
  EXPECT_FALSE(experiment_from_text(R"({"split_logs": 3, "guards": [)"));
}

}  // namespace
}  // namespace marea::control
