#include "pipeline/builder_role.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "base/clock.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/messages.h"
#include "pipeline/test_images.h"

namespace marea::pipeline {
namespace {

namespace msg = net::msg;
using ::testing::HasSubstr;

// What control sees of one job; the builder runs on a thread of its own, with nothing shared but the socket.
struct Seen {
  int exit_code = -1;
  std::vector<std::string> lines;
  std::optional<model::Image> image;
  std::optional<base::Error> error;
};

Seen ask(const net::ControlToBuilder& job) {
  Seen seen;
  const base::SystemClock clock;
  net::Loop loop(clock);
  auto ends = net::make_socket_pair();
  EXPECT_TRUE(ends);
  net::Link<net::ControlToBuilder, net::BuilderToControl> link(
      loop, std::move(ends->first),
      {.on_message =
           [&](net::BuilderToControl message, std::vector<base::Fd>) {
             if (auto* line = std::get_if<msg::Progress>(&message)) seen.lines.push_back(line->line);
             if (auto* done = std::get_if<msg::ImageDone>(&message)) seen.image = done->image;
             if (auto* failed = std::get_if<msg::JobFailed>(&message)) seen.error = failed->error;
           },
       .on_closed = [&](const std::string&) { loop.stop(); }});
  link.send(job);
  std::thread builder([&] { seen.exit_code = run_builder(std::move(ends->second)); });
  loop.run();
  builder.join();
  return seen;
}

TEST(RunBuilder, UnpacksAnImageAndSendsProgressThenTheImage) {
  const testing::TempDir temp;
  const testing::TestLayout layout(temp / "layout");
  std::filesystem::create_directories(temp / "images");
  const std::string digest = layout.add_image({{.tar = testing::tar({{.name = "f", .content = "x"}})}})["digest"];
  const Seen seen = ask(msg::UnpackImage{.blobs = layout.blobs(), .digest = digest, .images = temp / "images"});
  ASSERT_TRUE(seen.image);
  EXPECT_EQ(seen.image->digest, digest);
  EXPECT_EQ(testing::read_file(seen.image->rootfs + "/f"), "x");
  EXPECT_EQ(seen.exit_code, 0);
  EXPECT_FALSE(seen.error);
  EXPECT_THAT(seen.lines, ::testing::Not(::testing::IsEmpty()));
}

TEST(RunBuilder, AFailureIsAResultToo) {
  const testing::TempDir temp;
  const Seen seen = ask(msg::UnpackImage{.blobs = temp / "none", .digest = digest_of("none"), .images = temp.path()});
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->code, base::ErrorCode::image_not_found);
  EXPECT_EQ(seen.exit_code, 0);
}

TEST(RunBuilder, EndsWhenControlGoesAwayBeforeItAsked) {
  auto ends = net::make_socket_pair();
  ASSERT_TRUE(ends);
  ends->first.reset();
  EXPECT_EQ(run_builder(std::move(ends->second)), 1);
}

}  // namespace
}  // namespace marea::pipeline
