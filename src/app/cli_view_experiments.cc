#include "app/cli_view_experiments.h"

#include <fmt/format.h>

#include "app/cli_client.h"

namespace marea::app {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

const std::vector<Json>& parts_at(const Json& object, std::initializer_list<std::string_view> path) {
  static const std::vector<Json> kNone;
  const Json* found = find(object, path);
  return found != nullptr && found->is_array() ? found->get_ref<const Json::array_t&>() : kNone;
}

// "loan 12, paid 3"
std::string conversions_of(const Json& arm) {
  std::string out;
  const Json* conversions = find(arm, {"conversions"});
  if (conversions == nullptr || !conversions->is_object()) return out;
  for (const auto& [name, count] : conversions->items()) {
    out += (out.empty() ? "" : ", ") + name + " " + (count.is_number() ? count.dump() : "");
  }
  return out;
}

std::string arm_text(const Json& arm, const Words& words) {
  std::string out = text_at(arm, {"weight"});
  if (!out.empty()) {
    out += " " + text_at(arm, {"revision"}) + ": " +
           words(Text::arm_counts, text_at(arm, {"users"}), text_at(arm, {"failedUsers"}), conversions_of(arm));
  } else {
    out = text_at(arm, {"revision"}) + ":";
  }
  if (const Json* led = find(arm, {"led"})) {
    out += (out.ends_with(':') ? " " : "; ") + words(Text::arm_led, text_at(*led, {"users"}));
    for (const Json& each : parts_at(*led, {"segments"})) {
      out += ", " + words(Text::arm_segment, text_at(each, {"users"}), text_at(each, {"name"}));
    }
  }
  return out;
}

std::string verdict_of(const Json& experiment) {
  std::string out;
  for (const Json& each : parts_at(experiment, {"status", "comparisons"})) {
    out += (out.empty() ? "" : ", ") + text_at(each, {"arm"}) + " " + text_at(each, {"verdict"});
  }
  return out;
}

std::string word_of(const std::string& verdict, const Words& words) {
  if (verdict == "better") return words(Text::verdict_better);
  if (verdict == "worse") return words(Text::verdict_worse);
  return words(verdict == "unclear" ? Text::verdict_unclear : Text::verdict_too_early);
}

// An end of an interval; a share in percentage points. Nothing is known on a side that is missing.
std::string end_text(const Json& outcome, std::string_view end, bool share) {
  const Json* value = find(outcome, {"difference", end});
  if (value == nullptr || !value->is_number()) return "?";
  return share ? fmt::format("{:+.1f}", 100 * value->get<double>()) : fmt::format("{:+.0f}", value->get<double>());
}

std::string outcome_text(const Json& outcome, const Words& words) {
  const std::string verdict = word_of(text_at(outcome, {"verdict"}), words);
  const bool share = find(outcome, {"arm", "rate"}) != nullptr;
  const std::string low = end_text(outcome, "low", share);
  const std::string high = end_text(outcome, "high", share);
  const auto count = [&](std::string_view whose, std::string_view what) { return text_at(outcome, {whose, what}); };
  if (!share) return words(Text::values_differ, verdict, count("arm", "users"), count("control", "users"), low, high);
  return words(Text::rates_differ, verdict, count("arm", "converted"), count("arm", "users"),
               count("control", "converted"), count("control", "users"), low, high);
}

std::vector<std::string> experiment_row(const Json& experiment) {
  std::string arms;
  std::string users;
  for (const Json& arm : parts_at(experiment, {"status", "arms"})) {
    arms += (arms.empty() ? "" : ", ") + text_at(arm, {"name"});
    users += (users.empty() ? "" : ", ") + text_at(arm, {"users"});
  }
  return {name_of(experiment),
          text_at(experiment, {"spec", "service"}),
          text_at(experiment, {"status", "phase"}),
          arms,
          users,
          verdict_of(experiment),
          text_at(experiment, {"spec", "ends"})};
}

Pairs experiment_pairs(const Json& experiment, const Words& words) {
  const auto status = [&](std::string_view key) { return text_at(experiment, {"status", key}); };
  std::string state = status("phase");
  for (const std::string& part : {status("cause"), status("who"), status("detail")}) {
    if (!part.empty()) state += (state.find(':') == std::string::npos ? ": " : ", ") + part;
  }
  Pairs out = {{words(Text::label_name), name_of(experiment)},
               {words(Text::label_service), text_at(experiment, {"spec", "service"})},
               {words(Text::label_state), state},
               {words(Text::label_since), status("began")},
               {words(Text::label_ends), text_at(experiment, {"spec", "ends"})},
               {words(Text::label_ended), status("ended")},
               {words(Text::label_summary), summary_of(experiment, words)}};
  for (const Json& arm : parts_at(experiment, {"status", "arms"})) {
    out.emplace_back(text_at(arm, {"name"}), arm_text(arm, words));
  }
  for (const Json& compared : parts_at(experiment, {"status", "comparisons"})) {
    const std::string arms = words(Text::arm_against, text_at(compared, {"arm"}), status("control"));
    for (const Json& outcome : parts_at(compared, {"outcomes"})) {
      out.emplace_back(arms + ", " + text_at(outcome, {"name"}), outcome_text(outcome, words));
    }
  }
  for (const Json& each : parts_at(experiment, {"status", "guardrails"})) {
    if (text_at(each, {"breached"}) != "true") continue;
    out.emplace_back(text_at(each, {"arm"}), words(Text::guardrail_breached, text_at(each, {"metric"})));
  }
  const bool mistrusted = text_at(experiment, {"status", "sampleRatio", "mistrusted"}) == "true";
  out.emplace_back(words(Text::label_sample_ratio),
                   words(mistrusted ? Text::sample_ratio_mistrusted : Text::sample_ratio_fine));
  if (status("untracked") != "0" || status("crossed") != "0") {
    out.emplace_back(words(Text::label_not_counted), words(Text::not_counted, status("untracked"), status("crossed")));
  }
  return out;
}

}  // namespace

std::string summary_of(const Json& experiment, const Words& words) {
  return text_at(experiment, {"status", "summary", words.language() == Language::es ? "es" : "en"});
}

std::string counts_of(const Json& experiment, const Words& words) {
  std::string out;
  for (const Json& arm : parts_at(experiment, {"status", "arms"})) {
    out += (out.empty() ? "" : " | ") + text_at(arm, {"name"}) + " " + arm_text(arm, words);
  }
  return out;
}

View experiments_view() {
  return {.noun = "experiments",
          .path = kExperiments,
          .header = {Text::head_name, Text::head_service, Text::head_phase, Text::head_arms, Text::head_users,
                     Text::head_verdict, Text::head_ends},
          .row = experiment_row,
          .pairs = experiment_pairs};
}

}  // namespace marea::app
