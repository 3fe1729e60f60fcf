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
  EXPECT_THAT(images_for("FROM \\\n web:1\n", kKnown), ElementsAre(Pair("localhost/web:1", "d4")));
}

TEST(ImagesWanted, AreThoseOfFromAndCopyWithoutStages) {
  EXPECT_THAT(images_wanted(
                  "ARG V=12\nARG BASE=debian:${V}\nFROM $BASE AS build\nFROM --platform=linux/amd64 node:${N:-20}\n"
                  "COPY --from=build /a /b\nCOPY --from=0 /a /b\nCOPY --from=busybox /a /b\nFROM scratch\nFROM Build\n"
                  "FROM ${UNKNOWN}\n"),
              ElementsAre("debian:12", "node:20", "busybox"));
}

TEST(ImagesWanted, WordsOfCommandsAreNone) {
  EXPECT_THAT(images_wanted("FROM debian:12\n"
                            "RUN tar --exclude-from=excludes . && rsync --files-from=list.txt a b\n"
                            "RUN python3 -c 'import x; \\\n"
                            "from flask import Flask; \\\n"
                            "# from nobody\n"
                            "\n"
                            "print(x)'\n"
                            "RUN psql -c 'select * \\\n  from users'\n"
                            "COPY a --from=b\n"
                            "CMD [\"--from=c\"]\n"),
              ElementsAre("debian:12"));
}

TEST(ImagesWanted, HereDocumentsAreNone) {
  EXPECT_THAT(images_wanted("FROM debian:12\nRUN <<EOF\nFROM a\nEOF\nRUN <<-\"EOT\" cat\n\tfrom b\n\tEOT\n"
                            "COPY <<one <<two /x/\nFROM c\none\nFROM d\ntwo\nCOPY --from=busybox /a /b\n"),
              ElementsAre("debian:12", "busybox"));
  EXPECT_THAT(images_wanted("FROM a\nRUN cat <<<EOF\nFROM b\nRUN echo 1 <<NEVER\nFROM c\n"),
              ElementsAre("a", "b", "c"));
}

TEST(ImagesWanted, ContinuedLinesAreOneAndMountsNameImages) {
  EXPECT_THAT(images_wanted("FROM \\\n  --platform=linux/amd64 \\\n  a:1 \\\n AS x\n"
                            "RUN --mount=type=cache,target=/c --mount=type=bind,from=b:1,target=/x \\\n make from=c\n"
                            "FROM x\n"),
              ElementsAre("a:1", "b:1"));
  EXPECT_THAT(images_wanted("# escape=`\nFROM `\n a\nRUN copy C:\\\nFROM b\n"), ElementsAre("a", "b"));
}

TEST(ImagesWanted, OnlyArgumentsBeforeTheFirstFromCount) {
  EXPECT_THAT(images_wanted("ARG A=1 B=2\nFROM x:$A\nARG B=3\nFROM x:$B\n"), ElementsAre("x:1", "x:2"));
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
