#include "app/cli_complete.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "model/platform_limits.h"

namespace marea::app {
namespace {

// The verbs, or of a noun its own.
std::vector<Candidate> verbs(std::string_view noun, const Words& words) {
  std::vector<Candidate> out;
  for (const CommandSpec& command : commands()) {
    if (command.hidden || (!noun.empty() && command.noun() != noun)) continue;
    std::string word(noun.empty() ? command.noun() : command.name.substr(command.name.find(' ') + 1));
    if (out.empty() || out.back().text != word) {
      out.push_back({.text = std::move(word), .about = std::string(words.raw(command.summary))});
    }
  }
  return out;
}

std::vector<Candidate> options_not_given(std::span<const OptionSpec> options, const TypedLine& line,
                                         const Words& words) {
  std::vector<Candidate> out;
  for (const OptionSpec& spec : options) {
    if (line.options.contains(spec.name) && !spec.repeats()) continue;
    out.push_back({.text = std::string(spec.name), .about = std::string(words.raw(spec.help))});
  }
  return out;
}

std::vector<Candidate> topics(const Words& words) {
  std::vector<Candidate> out = verbs("", words);
  for (const base::ErrorCode code : base::error_codes()) out.push_back({.text = std::string(base::to_string(code))});
  return out;
}

std::vector<Candidate> limits() {
  std::vector<Candidate> out;
  for (const model::LimitRow& row : model::limit_rows()) out.push_back({.text = std::string(row.name) + "="});
  return out;
}

// Folders that go on from "oci:DIR".
std::vector<Candidate> layouts(std::string_view typed) {
  constexpr std::string_view kScheme = "oci:";
  std::vector<Candidate> out;
  if (!typed.starts_with(kScheme)) return {{.text = std::string(kScheme)}};
  const std::string path(typed.substr(kScheme.size()));
  const std::string above = path.substr(0, path.rfind('/') + 1);
  std::error_code failed;
  for (std::filesystem::directory_iterator at(above.empty() ? "." : above, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    if (name.starts_with('.') || !at->is_directory(ignored)) continue;
    const bool layout = std::filesystem::exists(at->path() / "oci-layout", ignored);
    out.push_back({.text = fmt::format("{}{}{}{}", kScheme, above, name, layout ? "" : "/")});
  }
  return out;
}

std::vector<Candidate> with_ending(std::vector<Candidate> candidates, std::string_view ending) {
  for (Candidate& one : candidates) one.text += ending;
  return candidates;
}

std::vector<Candidate> with_beginning(std::vector<Candidate> candidates, std::string_view beginning) {
  for (Candidate& one : candidates) one.text.insert(0, beginning);
  return candidates;
}

std::vector<Candidate> listed(std::string_view choices) {
  std::vector<Candidate> out;
  for (const std::string_view choice : choices_of(choices)) out.push_back({.text = std::string(choice)});
  return out;
}

constexpr std::string_view kStrategies = "none|canary|blue-green|all-at-once";

std::vector<Candidate> with_more(std::vector<Candidate> candidates, std::vector<Candidate> more) {
  std::ranges::move(more, std::back_inserter(candidates));
  return candidates;
}

Completion values(Completes what, std::string_view typed, const TypedLine& line, const Words& words, const Ask& ask) {
  using enum Completes;
  switch (what) {
    case nothing:
    case itself: return {};
    case services:
    case revisions:
    case tags:
    case instances:
    case policies:
    case experiments:
    case images: return {.candidates = ask(what, line)};
    case releases: return {.candidates = with_more(ask(releases, line), ask(services, line))};
    case strategies: return {.candidates = with_more(listed(kStrategies), ask(policies, line))};
    case shares: return {.candidates = with_ending(ask(revisions, line), "=")};
    case tagged: {
      const std::size_t equals = typed.find('=');
      if (equals == std::string_view::npos) return {.candidates = with_ending(ask(tags, line), "=")};
      return {.candidates = with_beginning(ask(revisions, line), typed.substr(0, equals + 1))};
    }
    case layouts: {
      Completion out{.candidates = app::layouts(typed)};
      if (!typed.starts_with("oci:")) std::ranges::move(ask(images, line), std::back_inserter(out.candidates));
      return out;
    }
    case files: return {.paths = Completion::Paths::files};
    case directories: return {.paths = Completion::Paths::directories};
    case limits: return {.candidates = app::limits()};
    case Completes::verbs: return {.candidates = topics(words)};
  }
  return {};
}

Completion value_of(const OptionSpec& spec, std::string_view typed, const TypedLine& line, const Words& words,
                    const Ask& ask) {
  if (spec.kind == ValueKind::choice) return {.candidates = listed(spec.value)};
  return values(spec.completes, typed, line, words, ask);
}

// What the words say; gives the option whose value is typed now, or null.
const OptionSpec* read_typed(std::span<const std::string> words, std::span<const OptionSpec> options, TypedLine& line) {
  bool only_words = false;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (only_words || !word.starts_with('-')) {
      line.positionals.push_back(word);
    } else if (word == "--") {
      only_words = true;
    } else if (const OptionSpec* spec = find_option(options, word)) {
      const bool next = takes_next(options, word);
      if (next && at + 1 == words.size()) return spec;
      const std::size_t equals = word.find('=');
      const std::string value = equals == std::string::npos ? std::string() : word.substr(equals + 1);
      line.options[std::string(spec->name)] = next ? words[++at] : value;
    }
  }
  return nullptr;
}

Completion unfiltered(std::span<const std::string> before, const std::string& typed, const Words& language,
                      const Ask& ask) {
  TypedLine line;
  const std::size_t at = words_before_verb(before);
  std::vector<std::string> rest(before.begin(), before.end());
  std::span<const OptionSpec> options = common_options();
  if (at < before.size()) {
    const Outcome<ChosenCommand> chosen = choose_command(rest, language);
    if (!chosen) return {};
    line.command = chosen->command;
    options = line.command->options;
    rest = chosen->words;
  }
  const OptionSpec* pending = read_typed(rest, options, line);
  if (pending != nullptr) return value_of(*pending, typed, line, language, ask);
  if (typed.starts_with('-')) {
    const std::size_t equals = typed.find('=');
    const OptionSpec* spec = find_option(options, typed);
    if (equals == std::string::npos) return {.candidates = options_not_given(options, line, language)};
    if (spec == nullptr) return {};
    Completion out = value_of(*spec, std::string_view(typed).substr(equals + 1), line, language, ask);
    out.candidates = with_beginning(std::move(out.candidates), typed.substr(0, equals + 1));
    return out;
  }
  if (line.command == nullptr) return {.candidates = verbs("", language)};
  const std::string noun = in_plural(before.back());
  if (is_noun(noun) && at + 1 == before.size()) return {.candidates = verbs(noun, language)};
  const std::vector<PositionalSpec>& specs = line.command->positionals;
  const bool repeats = !specs.empty() && specs.back().repeats;
  if (line.positionals.size() >= specs.size() && !repeats) return {};
  const PositionalSpec& spec = specs[std::min(line.positionals.size(), specs.size() - 1)];
  if (spec.completes == Completes::itself) return {.candidates = listed(spec.name)};
  return values(spec.completes, typed, line, language, ask);
}

}  // namespace

std::string TypedLine::service() const {
  if (const auto found = options.find("--service"); found != options.end()) return found->second;
  const bool first = command != nullptr && !command->positionals.empty() && !positionals.empty() &&
                     command->positionals.front().completes == Completes::services;
  return first ? positionals.front() : std::string();
}

Completion complete(std::span<const std::string> words, const Words& language, const Ask& ask) {
  const std::string typed = words.empty() ? std::string() : words.back();
  Completion out = unfiltered(words.first(words.empty() ? 0 : words.size() - 1), typed, language, ask);
  std::set<std::string> seen;
  std::erase_if(out.candidates,
                [&](const Candidate& one) { return !one.text.starts_with(typed) || !seen.insert(one.text).second; });
  return out;
}

}  // namespace marea::app
