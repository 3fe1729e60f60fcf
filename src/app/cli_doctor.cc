// doctor: what is wrong with this machine and the platform on it, and the command that mends it.
#include "app/cli_verbs.h"
#include "app/cli_view.h"

namespace marea::app {
namespace {

struct Check {
  std::string name;
  bool ok = false;
  std::string detail;
  std::string remedy;
};

void check_platform(Verb& verb, std::vector<Check>& out) {
  const Outcome<Answer> answer = verb.api.send({.path = fmt::format("{}/healthz", kMarea), .timeout_seconds = 10});
  if (!answer) {
    const base::Error& error = answer.error().error;
    out.push_back({"platform", false, error.why.empty() ? error.what : error.what + ": " + error.why, error.remedy});
    return;
  }
  const Json health = answer->json();
  out.push_back({"platform", true, verb.api.endpoint().name(), {}});
  const std::string runtime = text_at(health, {"runtime"});
  if (!runtime.empty()) out.push_back({"runtime", true, runtime, {}});
  const Json* roles = find(health, {"roles"});
  if (roles == nullptr || !roles->is_array()) return;
  for (const Json& role : *roles) {
    const std::string state = text_at(role, {"state"});
    const bool ok = state == "running";
    out.push_back(
        {"role " + text_at(role, {"role"}), ok, state, ok ? std::string() : verb.words()(Text::doctor_role_remedy)});
  }
}

}  // namespace

Outcome<Exit> check_machine(Verb& verb) {
  std::vector<Check> checks;
  check_platform(verb, checks);
  Json items = Json::array();
  std::vector<std::vector<std::string>> rows;
  std::string names;
  bool good = true;
  const Words& words = verb.words();
  for (const Check& check : checks) {
    good = good && check.ok;
    items.push_back({{"check", check.name}, {"ok", check.ok}, {"detail", check.detail}, {"remedy", check.remedy}});
    rows.push_back({check.name, words(check.ok ? Text::doctor_ok : Text::doctor_bad), check.detail, check.remedy});
    if (!check.ok) names += check.name + "\n";
  }
  const Format format = verb.arguments.format();
  if (format == Format::json || format == Format::yaml) {
    verb.console.data(print_value({{"items", items}}, format));
  } else if (format == Format::name) {
    verb.console.data(names);
  } else {
    verb.console.data(print_table(
        {words(Text::head_check), words(Text::head_result), words(Text::head_detail), words(Text::head_remedy)}, rows));
  }
  return good ? Exit::ok : Exit::failure;
}

}  // namespace marea::app
