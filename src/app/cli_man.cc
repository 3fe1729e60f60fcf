// man: the manual page, in troff with the macros of man(7), from the command table and the tables of codes.
#include "app/cli_codes.h"
#include "app/cli_verbs.h"
#include "app/version.h"

namespace marea::app {
namespace {

// Text for troff: its own characters are escaped, lines are short, and none begins with a dot, which is a request.
std::string plain(std::string_view text) {
  constexpr std::size_t kWidest = 76;  // a page is read as text too
  std::string out;
  char before = ' ';
  for (const char c : text) {
    if (c == '.' && before == ' ') out += "\\&";
    before = c;
    switch (c) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '\'': out += "\\(aq"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      default: out += c;
    }
  }
  return wrapped(out, 0, kWidest);
}

void section(std::string& out, std::string_view title) {
  out += fmt::format(".SH {}\n", plain(title));
}

void entry(std::string& out, std::string_view term, std::string_view text) {
  out += fmt::format(".TP\n.B {}\n{}\n", plain(term), plain(text));
}

std::string trimmed_form(const OptionSpec& option) {
  std::string form = option_form(option);
  return form.substr(form.find_first_not_of(' '));
}

bool is_common(const OptionSpec& option) {
  for (const OptionSpec& common : common_options()) {
    if (common.name == option.name) return true;
  }
  return false;
}

void command(std::string& out, const CommandSpec& spec, const Words& words) {
  out += fmt::format(".SS {}\n{}.\n", plain(spec.usage()), plain(words.raw(spec.summary)));
  if (spec.detail) out += plain(words.raw(*spec.detail)) + "\n";
  for (const OptionSpec& option : spec.options) {
    if (is_common(option)) continue;
    entry(out, trimmed_form(option), words.raw(option.help));
  }
}

}  // namespace

Outcome<Exit> print_manual(Verb& verb) {
  const Words& words = verb.words();
  std::string out = fmt::format(".TH MAREA 1 \"\" \"marea {}\"\n", plain(kVersion));
  section(out, words.raw(Text::man_name));
  out += fmt::format("marea \\- {}\n", plain(words.raw(Text::man_what)));
  section(out, words.raw(Text::man_synopsis));
  out += fmt::format(".B marea\n.I {}\n[{}]\n", plain(words.raw(Text::man_command)), words.raw(Text::help_options));
  section(out, words.raw(Text::man_description));
  out += plain(words.raw(Text::man_text)) + "\n";
  section(out, words.raw(Text::man_commands));
  for (const CommandSpec& spec : commands()) {
    if (!spec.hidden) command(out, spec, words);
  }
  section(out, words.raw(Text::man_common));
  for (const OptionSpec& option : common_options()) {
    entry(out, trimmed_form(option), words.raw(option.help));
  }
  section(out, words.raw(Text::man_exits));
  for (const Exit exit : kExits) entry(out, std::to_string(static_cast<int>(exit)), words.raw(text_of_exit(exit)));
  section(out, words.raw(Text::man_codes));
  out += plain(words.raw(Text::man_codes_text)) + "\n";
  for (const base::ErrorCode code : base::error_codes()) {
    const CodeTexts texts = texts_of(code);
    entry(out, base::to_string(code), fmt::format("{}. {}.", words.raw(texts.meaning), words.raw(texts.remedy)));
  }
  section(out, words.raw(Text::man_environment));
  entry(out, "MAREA_SERVER, MAREA_DATA", words.raw(Text::man_place));
  entry(out, "LC_ALL, LC_MESSAGES, LANG", words.raw(Text::man_language));
  entry(out, "NO_COLOR", words.raw(Text::man_colour));
  verb.console.data(out);
  return Exit::ok;
}

}  // namespace marea::app
