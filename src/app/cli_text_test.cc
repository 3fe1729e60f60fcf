#include "app/cli_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace marea::app {
namespace {

// "{}", "{0}", "{:.1f}" in order of the text; "{{" is a brace.
std::vector<std::string> placeholders(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '{') continue;
    if (at + 1 < text.size() && text[at + 1] == '{') {
      ++at;
      continue;
    }
    const std::size_t end = text.find('}', at);
    if (end == std::string_view::npos) return {"unclosed"};
    out.emplace_back(text.substr(at, end - at + 1));
    at = end;
  }
  return out;
}

TEST(CliText, EveryTextIsThereInBothLanguages) {
  for (const TextEntry& entry : kTexts) {
    EXPECT_FALSE(entry.en.empty()) << entry.name;
    EXPECT_FALSE(entry.es.empty()) << entry.name;
  }
}

TEST(CliText, BothLanguagesHaveTheSamePlaceholdersInTheSameOrder) {
  for (const TextEntry& entry : kTexts) EXPECT_EQ(placeholders(entry.en), placeholders(entry.es)) << entry.name;
}

TEST(CliText, TheCheckOfPlaceholdersSeesADifference) {
  EXPECT_NE(placeholders("{} of {:.1f}"), placeholders("{:.1f} de {}"));
  EXPECT_THAT(placeholders("{{no}} {0}"), ::testing::ElementsAre("{0}"));
}

TEST(CliText, SentencesAreTranslatedAndNotCopied) {
  for (const TextEntry& entry : kTexts) {
    if (entry.en.size() > 20) {
      EXPECT_NE(entry.en, entry.es) << entry.name;
    }
  }
}

TEST(CliText, TheFirstVariableThatIsSetDecidesTheLanguage) {
  EXPECT_EQ(language_of(nullptr, nullptr, "es_ES.UTF-8"), Language::es);
  EXPECT_EQ(language_of("", "", "es"), Language::es);
  EXPECT_EQ(language_of("C.UTF-8", nullptr, "es_ES.UTF-8"), Language::en);
  EXPECT_EQ(language_of("", "es_MX", "en_GB"), Language::es);
  EXPECT_EQ(language_of(nullptr, nullptr, nullptr), Language::en);
  EXPECT_EQ(language_of(nullptr, nullptr, "est_EE"), Language::en);
}

}  // namespace
}  // namespace marea::app
