#include "app/cli_release_words.h"

#include <algorithm>
#include <array>

namespace marea::app {
namespace {

constexpr auto kReleaseWords = std::to_array<Text>({
#define MAREA_RELEASE_WORD(name, en, es) Text::name,
    MAREA_TEXTS_RELEASE_WORDS(MAREA_RELEASE_WORD)
#undef MAREA_RELEASE_WORD
});

}  // namespace

std::string in_language(std::string_view word, const Words& words) {
  const Words english(Language::en);
  const auto found = std::ranges::find_if(kReleaseWords, [&](Text text) { return english.raw(text) == word; });
  return std::string(found == kReleaseWords.end() ? word : words.raw(*found));
}

}  // namespace marea::app
