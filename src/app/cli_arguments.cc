#include "app/cli_arguments.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace marea::app {
namespace {

std::optional<std::int64_t> read_count(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc() || end != text.data() + text.size() || text.empty() || out < 0) return std::nullopt;
  return out;
}

// "-o=json" as "--output=json", as kubectl's users write it.
std::string long_form(std::span<const OptionSpec> options, const std::string& word) {
  if (word.size() < 3 || word[0] != '-' || word[2] != '=') return word;
  const auto spec = std::ranges::find(options, word[1], &OptionSpec::letter);
  return spec == options.end() ? word : std::string(spec->name) + word.substr(2);
}

// "--args -m" as "--args=-m": the next word belongs to the option, whatever it begins with.
std::vector<std::string> join_values(std::span<const OptionSpec> options, std::vector<std::string> words) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto spec = std::ranges::find(options, std::string_view(words[i]), &OptionSpec::name);
    const bool joins = spec != options.end() && spec->repeats();
    if (joins && i + 1 < words.size()) {
      out.push_back(words[i] + "=" + words[i + 1]);
      ++i;
    } else {
      out.push_back(long_form(options, words[i]));
    }
  }
  return out;
}

// Takes off what stands behind "--": words, whatever they begin with.
std::vector<std::string> cut_verbatim(std::span<const OptionSpec> options, std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") {
      std::vector<std::string> out(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      words.resize(i);
      return out;
    }
    if (takes_next(options, words[i])) ++i;
  }
  return {};
}

// What is wrong with one value, or nothing.
std::optional<std::string> value_fault(const OptionSpec& spec, const std::string& value, const Words& words) {
  switch (spec.kind) {
    case ValueKind::none:
    case ValueKind::any: return std::nullopt;
    case ValueKind::word: return value.empty() ? std::optional(words(Text::bad_empty, spec.name)) : std::nullopt;
    case ValueKind::pairs:
      return value.find('=') == std::string::npos || value.starts_with('=')
                 ? std::optional(words(Text::bad_pair, spec.name, value))
                 : std::nullopt;
    case ValueKind::count:
      return read_count(value) ? std::nullopt : std::optional(words(Text::bad_count, spec.name, value));
    case ValueKind::port: {
      const auto number = read_count(value);
      const bool good = number && *number >= 1 && *number <= 65535;
      return good ? std::nullopt : std::optional(words(Text::bad_port, spec.name, value));
    }
    case ValueKind::seconds:
      return read_seconds(value) ? std::nullopt : std::optional(words(Text::bad_seconds, spec.name, value));
    case ValueKind::choice: {
      const std::vector<std::string_view> choices = choices_of(spec.value);
      if (std::ranges::find(choices, value) != choices.end()) return std::nullopt;
      return words(Text::bad_choice, spec.name, fmt::join(choices, ", "), value);
    }
  }
  return std::nullopt;
}

Failure unknown_option(std::span<const OptionSpec> options, const std::string& word, const Words& words) {
  Failure out = usage_failure(words(Text::unknown_option, word), {});
  std::vector<std::string_view> known;
  for (const OptionSpec& spec : options) known.push_back(spec.name);
  const std::string_view meant = nearest(word.substr(0, word.find('=')), known);
  if (!meant.empty()) out.error.why = words(Text::meant, meant);
  return out;
}

std::string cli11_names(const OptionSpec& spec) {
  return spec.letter == '\0' ? std::string(spec.name) : fmt::format("-{},{}", spec.letter, spec.name);
}

struct Reading {
  std::map<std::string, std::vector<std::string>, std::less<>> values;
  std::vector<std::string> positionals;
};

void declare(CLI::App& app, std::span<const OptionSpec> options, Reading& reading) {
  app.set_help_flag("");
  app.allow_extras();
  for (const OptionSpec& spec : options) {
    std::vector<std::string>& values = reading.values[std::string(spec.name)];
    if (spec.kind == ValueKind::none) {
      app.add_flag_callback(cli11_names(spec), [&values] { values.assign(1, "true"); });
    } else {
      app.add_option(cli11_names(spec), values)->allow_extra_args(false);
    }
  }
  app.add_option("words", reading.positionals);
}

}  // namespace

std::vector<std::string_view> choices_of(std::string_view listed) {
  std::vector<std::string_view> out;
  while (!listed.empty()) {
    out.push_back(listed.substr(0, listed.find('|')));
    listed.remove_prefix(std::min(listed.size(), out.back().size() + 1));
  }
  return out;
}

const OptionSpec* find_option(std::span<const OptionSpec> options, std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  const auto named = [&](const OptionSpec& spec) {
    return name.starts_with("--") ? spec.name == name : name.size() == 2 && name[0] == '-' && name[1] == spec.letter;
  };
  const auto found = std::ranges::find_if(options, named);
  return found == options.end() ? nullptr : &*found;
}

bool takes_next(std::span<const OptionSpec> options, std::string_view word) {
  const OptionSpec* spec = find_option(options, word);
  return spec != nullptr && spec->kind != ValueKind::none && word.find('=') == std::string_view::npos;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  const std::size_t most = std::min<std::size_t>(2, word.size() / 3);  // beyond it, it is another word
  std::string_view best;
  std::size_t least = most + 1;
  for (const std::string_view one : known) {
    std::vector<std::size_t> row(one.size() + 1);  // Wagner and Fischer (1974): of the prefixes so far
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i + 1);
      for (std::size_t j = 0; j < one.size(); ++j) {
        const std::size_t changed = diagonal + (word[i] == one[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
      }
    }
    if (row.back() < least) {
      least = row.back();
      best = one;
    }
  }
  return best;
}

Failure usage_failure(std::string what, std::string remedy) {
  return {.error = {.code = base::ErrorCode::usage, .what = std::move(what), .remedy = std::move(remedy)},
          .exit = Exit::usage};
}

std::optional<std::int64_t> read_seconds(std::string_view text) {
  std::int64_t unit = 1;
  if (text.ends_with('s') || text.ends_with('m') || text.ends_with('h')) {
    unit = text.back() == 's' ? 1 : text.back() == 'm' ? 60 : 3600;
    text.remove_suffix(1);
  }
  const auto number = read_count(text);
  constexpr std::int64_t kMost = 1'000'000'000;  // beyond it a typing error, not a wait
  if (!number || *number > kMost / unit) return std::nullopt;
  return *number * unit;
}

Outcome<Arguments> read_arguments(std::span<const OptionSpec> options, std::span<const PositionalSpec> positionals,
                                  std::vector<std::string> words, const Words& language) {
  CLI::App app;
  Reading reading;
  declare(app, options, reading);
  const std::vector<std::string> verbatim = cut_verbatim(options, words);
  words = join_values(options, std::move(words));
  std::ranges::reverse(words);  // as CLI11 wants a vector
  try {
    app.parse(std::move(words));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view what = error.what();  // "--port: 1 required TEXT missing"
    return give_up(usage_failure(language(Text::bad_empty, what.substr(0, what.find(':'))), {}));
  } catch (const CLI::ParseError& error) {
    return give_up(usage_failure(language(Text::bad_usage, error.what()), {}));
  }
  Arguments out;
  out.positionals_ = std::move(reading.positionals);
  for (const std::string& extra : app.remaining()) {
    const bool option = extra.starts_with('-') && extra.size() > 1;
    if (option) return give_up(unknown_option(options, extra, language));
    out.positionals_.push_back(extra);
  }
  out.positionals_.insert(out.positionals_.end(), verbatim.begin(), verbatim.end());
  std::erase_if(reading.values, [](const auto& entry) { return entry.second.empty(); });
  out.values_ = std::move(reading.values);
  for (const OptionSpec& spec : options) {
    for (const std::string& value : out.all(spec.name)) {
      if (auto fault = value_fault(spec, value, language)) return give_up(usage_failure(*std::move(fault), {}));
    }
  }
  if (out.has("--help")) return out;
  const bool repeats = !positionals.empty() && positionals.back().repeats;
  if (!repeats && out.positionals_.size() > positionals.size()) {
    return give_up(usage_failure(language(Text::unexpected_word, out.positionals_[positionals.size()]), {}));
  }
  for (std::size_t i = 0; i < positionals.size(); ++i) {
    if (positionals[i].required && out.positional(i).empty()) {
      return give_up(usage_failure(language(Text::missing_word, positionals[i].name), {}));
    }
  }
  return out;
}

std::optional<std::string> Arguments::text(std::string_view option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? std::nullopt : std::optional(found->second.back());
}

std::vector<std::string> Arguments::all(std::string_view option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::optional<std::int64_t> Arguments::number(std::string_view option) const {
  const auto value = text(option);
  return value ? read_seconds(*value) : std::nullopt;
}

std::vector<std::pair<std::string, std::string>> Arguments::pairs(std::string_view option) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& value : all(option)) {
    const std::size_t equals = value.find('=');
    out.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }
  return out;
}

Format Arguments::format() const {
  return format_from(text("--output").value_or("table")).value_or(Format::table);
}

const std::string& Arguments::positional(std::size_t index) const {
  static const std::string kNone;
  return index < positionals_.size() ? positionals_[index] : kNone;
}

std::span<const std::string> Arguments::positionals_from(std::size_t index) const {
  return std::span(positionals_).subspan(std::min(index, positionals_.size()));
}

}  // namespace marea::app
