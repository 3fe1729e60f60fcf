#include "app/cli_release_change.h"

#include <array>
#include <utility>

#include "app/cli_release_words.h"

namespace marea::app {
namespace {

// Two digits: more would claim what nobody knows.
std::int64_t rounded_up(std::int64_t keys) {
  std::int64_t step = 1;
  while (keys / step >= 100) step *= 10;
  return (keys + step - 1) / step * step;
}

bool is_slow(const DistanceReport& one) {
  return one.name == "slow";
}

void join(std::string& out, const std::string& between, const std::string& more) {
  if (!out.empty()) out += between;
  out += more;
}

std::string to_proof(const ReleaseReport& report, const Words& words) {
  std::string out;
  for (const DistanceReport& each : report.distances) {
    if (each.proven) continue;
    std::string ways;
    if (each.clean) ways = words(is_slow(each) ? Text::change_not_slow : Text::change_clean, rounded_up(*each.clean));
    if (each.alike && (!each.clean || *each.alike < *each.clean)) {
      join(ways, words(Text::change_or),
           words(is_slow(each) ? Text::change_slow_alike : Text::change_alike, rounded_up(*each.alike)));
    }
    if (ways.empty()) ways = words(Text::change_untold);
    join(out, "; ", in_language(each.name, words) + ": " + ways);
  }
  return out;
}

// Keys that are hit, of each metric that says how many.
std::string hits(const ReleaseReport& report, const Words& words, std::optional<std::int64_t> DistanceReport::* keys) {
  std::string out;
  for (const DistanceReport& each : report.distances) {
    if (!(each.*keys)) continue;
    join(out, words(Text::change_or),
         words(is_slow(each) ? Text::change_slow : Text::change_fail, rounded_up(*(each.*keys))));
  }
  return out;
}

std::string missing(const ReleaseReport& report, const Words& words) {
  const bool stable = report.stable.keys.value_or(0) < report.canary.keys.value_or(0);
  return words(stable ? Text::change_keys_of_stable : Text::change_keys_of_canary, *report.missing_keys);
}

// By the word of the doubt; it is the platform's own, as are all that are looked up here.
std::string of_doubt(const ReleaseReport& report, const Words& words) {
  if (report.missing_keys) return missing(report, words);
  constexpr auto kRemedies = std::to_array<std::pair<Text, Text>>({{Text::word_sample_ratio, Text::change_sample_ratio},
                                                                   {Text::word_platform_trouble, Text::change_platform},
                                                                   {Text::word_lost_counts, Text::change_lost},
                                                                   {Text::word_mostly_failing, Text::change_mostly},
                                                                   {Text::word_no_latencies, Text::change_untimed},
                                                                   {Text::word_few_busy_users, Text::change_busy},
                                                                   {Text::word_untracked, Text::change_untracked},
                                                                   {Text::word_no_seat, Text::change_seat}});
  const Words english(Language::en);
  for (const auto& [doubt, remedy] : kRemedies) {
    if (english.raw(doubt) == report.doubt) return words(remedy);
  }
  return report.change;
}

}  // namespace

std::string what_would_change(const ReleaseReport& report, const Words& words) {
  if (words.language() == Language::en) return report.change;
  if (report.judged == "bad") return words(Text::change_bad);
  std::string out;
  if (report.judged == "cannot know") {
    out = of_doubt(report, words);
    if (out == report.change) return out;  // a doubt of which this program does not know
  } else if (report.distances.empty()) {
    return report.change;
  } else if (report.judged == "not yet") {
    out = in_language("proven good", words) + ": " + to_proof(report, words);
  } else if (report.judged == "proven good") {
    out = in_language("not yet", words) + ": " + hits(report, words, &DistanceReport::lost);
  }
  const std::string bad = hits(report, words, &DistanceReport::bad);
  if (!bad.empty()) join(out, "; ", in_language("bad", words) + ": " + words(Text::change_alone, bad));
  return out;
}

}  // namespace marea::app
