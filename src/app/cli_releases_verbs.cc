// releases describe, watch, and what a person may tell a release: pause, resume, advance, promote, abort, retry.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "app/cli_release_lines.h"
#include "app/cli_release_page.h"
#include "app/cli_releases.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

constexpr std::size_t kShortestPage = 12;
constexpr std::size_t kUsualPage = 24;

ReleasePage page_of_terminal() {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
  // The last column stays free: some terminals clear what stands in it when the rest of the line is cleared.
  return {.columns = (known ? std::max<std::size_t>(size.ws_col, 2) : kPageWidth) - 1,
          .lines = std::max<std::size_t>(known ? size.ws_row : kUsualPage, kShortestPage) - 1};
}

// Draws each page over the one before: what stood above it on the terminal stays, and so does the last page.
class Screen {
 public:
  explicit Screen(Console& console) : console_(console) {}

  void draw(const std::string& page) {
    std::string out = lines_ == 0 ? std::string() : fmt::format("\r\033[{}A", lines_);
    for (const char c : page) {
      if (c == '\n') out += "\033[K";
      out += c;
    }
    console_.data(out + "\033[J");
    lines_ = static_cast<std::size_t>(std::ranges::count(page, '\n'));
  }

 private:
  Console& console_;
  std::size_t lines_ = 0;
};

std::string_view act_of(const Verb& verb) {
  return verb.command.name.substr(verb.command.name.find(' ') + 1);
}

Text told(std::string_view act) {
  struct Row {
    std::string_view act;
    Text told;
  };
  constexpr std::array kRows = {Row{"pause", Text::moved_pause},     Row{"resume", Text::moved_resume},
                                Row{"advance", Text::moved_advance}, Row{"promote", Text::moved_promote},
                                Row{"abort", Text::moved_abort},     Row{"retry", Text::moved_retry}};
  return std::ranges::find(kRows, act, &Row::act)->told;
}

void print_object(Verb& verb, const Json& release, const std::string& table) {
  const Format format = verb.arguments.format();
  switch (format) {
    case Format::json:
    case Format::yaml: verb.console.data(print_value(release, format)); break;
    case Format::name: verb.console.data(name_of(release) + "\n"); break;
    case Format::table: verb.console.data(table); break;
  }
}

// Data is what was asked for: the page or lines of a table; with another form the release as it is at the end, and the
// lines go to stderr.
Outcome<Json> watch(Verb& verb, const std::string& name, const FollowOptions& options) {
  const bool table = verb.arguments.format() == Format::table;
  if (table && ::isatty(STDOUT_FILENO) == 1 && !is_dumb()) {
    Screen screen(verb.console);
    return follow_release(verb, name, options, [&](const ReleaseReport& report) {
      screen.draw(print_release(report, verb.words(), page_of_terminal()));
    });
  }
  const base::SystemClock clock;
  ReleaseLines lines;
  return follow_release(verb, name, options, [&](const ReleaseReport& report) {
    for (const std::string& line : lines.news(report, verb.words(), clock.now(), clock.wall())) {
      table ? verb.console.data(line + "\n") : verb.console.say(line);
    }
  });
}

}  // namespace

Outcome<Exit> describe_release(Verb& verb) {
  const Outcome<Json> release = find_release(verb, verb.arguments.positional(0));
  if (!release) return std::unexpected(release.error());
  print_object(verb, *release,
               print_release(read_release_report(*release, base::SystemClock().wall()), verb.words(), {.columns = 0}));
  return Exit::ok;
}

Outcome<Exit> watch_release(Verb& verb) {
  const Outcome<Json> release = find_release(verb, verb.arguments.positional(0));
  if (!release) return std::unexpected(release.error());
  const bool done = verb.arguments.text("--until").value_or("promoted") == "done";
  const Outcome<Json> end =
      watch(verb, name_of(*release),
            {.until = done ? FollowUntil::done : FollowUntil::promoted, .seconds = verb.arguments.number("--timeout")});
  if (!end) return std::unexpected(end.error());
  print_object(verb, *end, {});
  const ReleaseReport report = read_release_report(*end, base::SystemClock().wall());
  say_how_it_ended(verb, report);
  return exit_of_release(report);
}

Outcome<Exit> move_release(Verb& verb) {
  const std::string_view act = act_of(verb);
  Json body = Json::object();
  if (const auto reason = verb.arguments.text("--reason")) body["reason"] = *reason;
  if (act == "pause") {
    const auto time = verb.arguments.text("--for");
    const bool endless = verb.arguments.has("--endless");
    if (time && endless) return give_up(usage_failure(verb.words()(Text::for_or_endless), {}));
    if (time) body["for"] = *time;
    if (endless) body["endless"] = true;
  }
  if (act == "advance") {
    if (const auto gate = verb.arguments.text("--gate")) body["gate"] = *gate;
  }
  const Outcome<Json> release = find_release(verb, verb.arguments.positional(0));
  if (!release) return std::unexpected(release.error());
  const std::string name = name_of(*release);
  const Outcome<Answer> answer = verb.api.send(
      {.method = "POST", .path = fmt::format("{}/{}/{}", kReleases, escape(name), act), .body = body.dump()});
  if (!answer) return std::unexpected(answer.error());
  verb.console.say(Text::release_moved, verb.words()(told(act)), name);
  const Json now = answer->json();
  print_object(verb, now,
               print_list(*view_of("releases"), {{"items", Json::array({now})}}, Format::table, verb.words()));
  return Exit::ok;
}

}  // namespace marea::app
