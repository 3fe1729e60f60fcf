#include "app/cli_console.h"

#include <gtest/gtest.h>

#include <sstream>

namespace marea::app {
namespace {

using std::chrono::milliseconds;

struct Said {
  std::ostringstream out;
  std::ostringstream err;
};

TEST(CliConsole, AStepOnATerminalIsOneLineThatIsDrawnAnewWithTheTimeSoFar) {
  Said said;
  Console console(said.out, said.err, Words(Language::en), false, 40);
  console.step("web: starting", milliseconds(100));
  console.step("web: starting", milliseconds(1250));
  console.step("web: routing", milliseconds(1300));
  console.data("http://web.localhost\n");
  EXPECT_EQ(said.err.str(),
            "\r\033[Kweb: starting (0.1 s)\r\033[Kweb: starting (1.2 s)\n\r\033[Kweb: routing (1.3 s)\n");
  EXPECT_EQ(said.out.str(), "http://web.localhost\n");
}

TEST(CliConsole, AStepIsNeverWiderThanTheTerminal) {
  Said said;
  Console console(said.out, said.err, Words(Language::es), false, 24);
  console.step("revisión: se está arrancando una instancia", milliseconds(0));
  EXPECT_EQ(said.err.str(), "\r\033[Krevisión: se e… (0.0 s)");
}

TEST(CliConsole, ElsewhereAStepIsAPlainLineWhenItIsNew) {
  Said said;
  Console console(said.out, said.err, Words(Language::en), false);
  console.step("web: starting", milliseconds(100));
  console.step("web: starting", milliseconds(600));
  console.step("web: routing", milliseconds(700));
  console.say("done");
  EXPECT_EQ(said.err.str(), "web: starting\nweb: routing\ndone\n");
}

TEST(CliConsole, AnErrorHasFourPartsAndColourOnlyWhenAskedFor) {
  for (const bool colour : {false, true}) {
    Said said;
    Console console(said.out, said.err, Words(Language::en), colour);
    EXPECT_EQ(console.report({.error = {.code = base::ErrorCode::timeout, .what = "late"}, .exit = Exit::timeout}), 8);
    const std::string red = colour ? "\033[31m" : "";
    const std::string plain = colour ? "\033[0m" : "";
    EXPECT_EQ(said.err.str(), red + "marea: late" + plain +
                                  " [E_TIMEOUT]\n  it took too long; what was begun may still go on\n"
                                  "  → See how far it is: marea services list\n"
                                  "  More: marea help E_TIMEOUT, docs/cli.md#e_timeout\n");
  }
}

}  // namespace
}  // namespace marea::app
