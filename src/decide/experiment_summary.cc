// An experiment's report for people: no test, no interval by name; what is known, how sure it is, what is not known.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include "decide/experiment.h"

namespace marea::decide {
namespace {

enum class Language : std::uint8_t { english, spanish };

// One decimal, as the language writes it.
std::string decimal(double value, Language language) {
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), "%.1f", std::abs(value) < 0.05 ? 0.0 : value);
  std::string text = out.data();
  if (language == Language::spanish) std::ranges::replace(text, '.', ',');
  return text;
}

std::string percent(Hits hits, Language language) {
  return decimal(100.0 * static_cast<double>(hits.x) / static_cast<double>(std::max<std::uint64_t>(1, hits.n)),
                 language) +
         " %";
}

std::string whole(double value) {
  return std::isfinite(value) ? std::to_string(static_cast<long long>(std::llround(value))) : "?";
}

std::string certainty(double alpha, Language language) {
  return decimal(100 * (1 - alpha), language) + " %";
}

std::string quoted(const std::string& name, Language language) {
  return language == Language::english ? "\"" + name + "\"" : "«" + name + "»";
}

struct Names {
  std::string control;
  std::string arm;
};

std::string head_of(ArmVerdict verdict, const Names& names, bool over, Language language) {
  const bool english = language == Language::english;
  switch (verdict) {
    case ArmVerdict::too_early:
      return english ? "Nothing can be said of " + names.arm + (over ? ":" : " yet:")
                     : (over ? "No se puede decir nada de " : "Aún no se puede decir nada de ") + names.arm + ":";
    case ArmVerdict::unclear:
      return english ? "It cannot be said " + std::string(over ? "" : "yet ") + "whether " + names.arm +
                           " is better or worse than " + names.control + ":"
                     : (over ? "No se puede decir si " : "Aún no se puede decir si ") + names.arm +
                           " es mejor o peor que " + names.control + ":";
    case ArmVerdict::better:
      return english ? names.arm + " is better than " + names.control + ":"
                     : names.arm + " es mejor que " + names.control + ":";
    case ArmVerdict::worse:
      return english ? names.arm + " is worse than " + names.control + ":"
                     : names.arm + " es peor que " + names.control + ":";
  }
  return {};
}

std::string rates(const OutcomeReport& outcome, const Names& names, Language language) {
  const auto of = [&](const std::string& name, Hits hits) {
    return language == Language::english
               ? percent(hits, language) + " of the " + std::to_string(hits.n) + " users of " + name
               : percent(hits, language) + " de los " + std::to_string(hits.n) + " usuarios de " + name;
  };
  const std::string low = decimal(100 * outcome.difference.low, language);
  const std::string high = decimal(100 * outcome.difference.high, language);
  if (language == Language::english) {
    return " " + of(names.arm, outcome.arm) + " reached \"" + outcome.name + "\", against " +
           of(names.control, outcome.control) + "; the difference is between " + low + " and " + high +
           " percentage points.";
  }
  return " el " + of(names.arm, outcome.arm) + " llegó a «" + outcome.name + "», frente al " +
         of(names.control, outcome.control) + "; la diferencia está entre " + low + " y " + high +
         " puntos porcentuales.";
}

std::string values(const OutcomeReport& outcome, const Names& names, Language language) {
  const std::string low = whole(outcome.difference.low);
  const std::string high = whole(outcome.difference.high);
  const std::string counts = std::to_string(outcome.arm.n);
  const std::string others = std::to_string(outcome.control.n);
  if (language == Language::english) {
    return " its \"" + outcome.name + "\", measured with " + counts + " users, against " + others + " of " +
           names.control + ", differs by between " + low + " and " + high + ".";
  }
  return " su «" + outcome.name + "», medido con " + counts + " usuarios, frente a " + others + " de " + names.control +
         ", difiere entre " + low + " y " + high + ".";
}

std::string of_arm(const ExperimentReport& report, const ArmReport& arm, const model::ExperimentSpec& spec, bool over,
                   Language language) {
  const bool english = language == Language::english;
  const Names names{.control = quoted(spec.arms[report.control].name, language),
                    .arm = quoted(spec.arms[arm.arm].name, language)};
  const OutcomeReport& first = arm.outcomes.front();
  std::string out = head_of(first.verdict, names, over, language);
  if (first.verdict == ArmVerdict::too_early) {
    const std::string window = model::print_duration(spec.window);
    if (first.measure) return out + (english ? " nobody has been measured." : " nadie ha sido medido.");
    return out + (english ? " users count " + window + " after they came, and too few have been here for so long."
                          : " cada usuario cuenta " + window + " después de llegar, y muy pocos llevan tanto tiempo.");
  }
  out += first.measure ? values(first, names, language) : rates(first, names, language);
  out += english ? " This holds with a certainty of " + certainty(spec.alpha, language) + ", however often one looks."
                 : " Esto se sostiene con una certeza del " + certainty(spec.alpha, language) +
                       ", por muchas veces que se mire.";
  return out;
}

std::string warnings(const ExperimentReport& report, const model::ExperimentSpec& spec, Language language) {
  const bool english = language == Language::english;
  std::string out;
  for (const GuardrailReport& each : report.guardrails) {
    if (!each.breached) continue;
    const std::string arm = quoted(spec.arms[each.arm].name, language);
    const std::string control = quoted(spec.arms[report.control].name, language);
    const bool slow = each.metric == model::GuardrailMetric::slow;
    if (english) {
      out.append(arm).append(" harms users: it ");
      out.append(slow ? "lets more of them wait" : "fails for more of them").append(" than ").append(control);
    } else {
      out.append(arm).append(" perjudica a los usuarios: ");
      out.append(slow ? "hace esperar" : "falla").append(" a más de ellos que ").append(control);
    }
    out.append(". ");
  }
  return out;
}

std::string text_of(const ExperimentReport& report, const model::ExperimentSpec& spec,
                    const model::ExperimentState& state, Language language) {
  // Harm is told first: what sorts users may be the harm itself.
  std::string out = warnings(report, spec, language);
  if (report.mistrusted) {
    return out +
           (language == Language::english
                ? "These numbers cannot be trusted: users were not divided as the weights say, so something sorts them "
                  "before they are counted."
                : "Estos números no son de fiar: los usuarios no se repartieron según los pesos, así que algo los "
                  "separa antes de contarlos.");
  }
  const bool over = state.phase == model::ExperimentPhase::ended;
  for (const ArmReport& arm : report.compared) {
    if (!out.empty() && !out.ends_with(' ')) out += ' ';
    if (!arm.outcomes.empty()) out += of_arm(report, arm, spec, over, language);
  }
  return out;
}

}  // namespace

Summary summary_of(const ExperimentReport& report, const model::ExperimentSpec& spec,
                   const model::ExperimentState& state) {
  return {.english = text_of(report, spec, state, Language::english),
          .spanish = text_of(report, spec, state, Language::spanish)};
}

}  // namespace marea::decide
