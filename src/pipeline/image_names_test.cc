#include "pipeline/image_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(FullImageName, AddsTheLocalHostAndTheLatestTag) {
  EXPECT_EQ(full_image_name("debian"), "localhost/debian:latest");
  EXPECT_EQ(full_image_name("debian:Bookworm"), "localhost/debian:Bookworm");
  EXPECT_EQ(full_image_name("team/app:1"), "localhost/team/app:1");
  EXPECT_EQ(full_image_name("localhost/debian"), "localhost/debian:latest");
  EXPECT_EQ(full_image_name("registry.example:5000/app"), "registry.example:5000/app:latest");
}

TEST(FullImageName, IsEmptyForWhatIsNoName) {
  for (const char* text :
       {"", "oci:/srv/layout:tag", "oci:layout", "Upper", "a b", "a:", "/a", "a/", "a@sha256:00", "a:b:c", "a\n"}) {
    EXPECT_EQ(full_image_name(text), "") << text;
  }
  EXPECT_EQ(full_image_name(std::string(256, 'a')), "");
}

const KnownImages kKnown = {
    {"localhost/debian:bookworm", "d1"}, {"hola", "d2"}, {"oci:/srv/x:y", "d3"}, {"web:1", "d4"}};

TEST(ImagesFor, FindsFromOfEveryStageAndCopyFrom) {
  EXPECT_THAT(images_for("# FROM web:1\nFROM debian:bookworm AS build\nRUN make\n"
                         "from --platform=linux/amd64 hola\nCOPY --from=build /a /b\n",
                         kKnown),
              ElementsAre(Pair("localhost/debian:bookworm", "d1"), Pair("localhost/hola:latest", "d2")));
  EXPECT_THAT(images_for("FROM scratch\nCOPY --from=web:1 /a /b", kKnown), ElementsAre(Pair("localhost/web:1", "d4")));
  EXPECT_THAT(images_for("FROM scratch\nRUN --mount=type=bind,from=hola,target=/x true", kKnown),
              ElementsAre(Pair("localhost/hola:latest", "d2")));
}

TEST(ImagesFor, TakesAllWhenANameIsAVariable) {
  EXPECT_EQ(images_for("ARG BASE=web:1\nFROM ${BASE}\n", kKnown).size(), 3U);
  EXPECT_EQ(images_for("FROM \\\n web:1\n", kKnown).size(), 3U);
}

TEST(ImagesWanted, AreThoseOfFromAndCopyWithoutStages) {
  EXPECT_THAT(images_wanted(
                  "ARG V=12\nARG BASE=debian:${V}\nFROM $BASE AS build\nFROM --platform=linux/amd64 node:${N:-20}\n"
                  "COPY --from=build /a /b\nCOPY --from=0 /a /b\nCOPY --from=busybox /a /b\nFROM scratch\nFROM Build\n"
                  "FROM ${UNKNOWN}\n"),
              ElementsAre("debian:12", "node:20", "busybox"));
}

TEST(ImagesMissing, AreThoseThatNoKnownNameMeans) {
  const std::string hex(64, 'a');
  const KnownImages known = {{"docker.io/library/debian:12", "d1"}, {"web", "d2"}, {"h.example/a@sha256:" + hex, "d3"}};
  EXPECT_THAT(images_missing("FROM debian:12\nFROM docker.io/library/debian:12\nFROM web\nFROM h.example/a@sha256:" +
                                 hex + "\nFROM debian:13\n",
                             known),
              ElementsAre("debian:13"));
  EXPECT_THAT(images_for("FROM debian:12\n", known), ElementsAre(Pair("localhost/debian:12", "d1")));
  EXPECT_THAT(images_for("FROM h.example/a@sha256:" + hex + "\n", known),
              ElementsAre(Pair("localhost/pinned:" + hex, "d3")));
}

TEST(WithoutDigests, GivesPinnedImagesANameThatStorageKnows) {
  const std::string hex(64, 'b');
  EXPECT_EQ(without_digests("FROM a@sha256:" + hex + " AS x\nFROM debian\n"),
            "FROM localhost/pinned:" + hex + " AS x\nFROM debian\n");
}

TEST(ImagesFor, TakesNoneThatIsNotNamed) {
  EXPECT_THAT(images_for("FROM scratch\nRUN echo hola web:1\n", kKnown), IsEmpty());
  EXPECT_THAT(images_for("", kKnown), IsEmpty());
}

}  // namespace
}  // namespace marea::pipeline
