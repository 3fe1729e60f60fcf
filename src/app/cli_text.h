// Every sentence that the command line says, in English and in Spanish. cli_text_table.h is the one list: a name, the
// two texts. Texts of the platform itself (its errors, its logs) are English everywhere and pass through unchanged.
//
//   const Words words(language_of(lc_all, lc_messages, lang));
//   words(Text::uploading, "sha256:12…", 4096);
//
// Placeholders are fmt's "{}", the same ones in the same order in both languages; a test proves it.
#pragma once

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "app/cli_text_table.h"

namespace marea::app {

enum class Language { en, es };

// What POSIX says: the first of LC_ALL, LC_MESSAGES, LANG that is set and not empty decides; es… is Spanish, all else
// English. A nullptr is a variable that is not set.
Language language_of(const char* lc_all, const char* lc_messages, const char* lang);
Language language_of_environment();

enum class Text {
#define MAREA_TEXT_NAME(name, en, es) name,
  MAREA_TEXTS(MAREA_TEXT_NAME)
#undef MAREA_TEXT_NAME
};

struct TextEntry {
  std::string_view name;
  std::string_view en;
  std::string_view es;
};

inline constexpr auto kTexts = std::to_array<TextEntry>({
#define MAREA_TEXT_ENTRY(name, en, es) {#name, en, es},
    MAREA_TEXTS(MAREA_TEXT_ENTRY)
#undef MAREA_TEXT_ENTRY
});

class Words {
 public:
  explicit Words(Language language) : language_(language) {}
  Language language() const { return language_; }

  std::string_view raw(Text text) const {
    const TextEntry& entry = kTexts.at(static_cast<std::size_t>(text));
    return language_ == Language::es ? entry.es : entry.en;
  }
  template <class... Values>
  std::string operator()(Text text, const Values&... values) const {
    return fmt::format(fmt::runtime(raw(text)), values...);
  }

 private:
  Language language_;
};

}  // namespace marea::app
