// doctor: what is wrong with this machine and the platform on it, and the command that mends it. A platform that was
// never started is no fault of the machine; one that was named and does not answer is a fault.
#include <sys/stat.h>

#include <filesystem>

#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "app/serve.h"
#include "base/clock.h"
#include "engine/local/machine_checks.h"
#include "net/listen.h"
#include "store/repair.h"

namespace marea::app {
namespace {

struct Check {
  enum class Result { ok, absent, limited, wrong };
  std::string name;
  Result result = Result::ok;
  std::string detail;
  std::string remedy;
};

Text text_of_result(Check::Result result) {
  switch (result) {
    case Check::Result::ok: return Text::doctor_ok;
    case Check::Result::absent: return Text::doctor_absent;
    case Check::Result::limited: return Text::doctor_limited;
    case Check::Result::wrong: return Text::doctor_bad;
  }
  return Text::doctor_bad;
}

// Nobody said where the platform is, and where it would be by default is nothing.
bool never_started(const Verb& verb) {
  const Outcome<Endpoint> usual = find_endpoint({}, verb.words());
  struct stat state{};
  return usual && *usual == verb.api.endpoint() && ::lstat(usual->socket.c_str(), &state) != 0 && errno == ENOENT;
}

// The platform's data directory, or the folder that it will be made in.
std::string data_folder(const Endpoint& endpoint) {
  std::filesystem::path out = std::filesystem::path(endpoint.socket).parent_path();
  std::error_code ignored;
  while (!std::filesystem::is_directory(out, ignored) && out.has_relative_path()) out = out.parent_path();
  return out.empty() ? "." : out.string();
}

void check_this_machine(const Verb& verb, std::vector<Check>& out) {
  const base::SystemClock clock;
  for (const auto& found : engine::local::check_machine(clock, data_folder(verb.api.endpoint()), "")) {
    const Check::Result failed = found.required ? Check::Result::wrong : Check::Result::limited;
    out.push_back({found.name, found.ok ? Check::Result::ok : failed,
                   found.why.empty() ? found.what : found.what + ": " + found.why, found.remedy});
  }
}

// Why control does not start, when that is it. Its file can be read by root alone.
void check_store(const Verb& verb, std::vector<Check>& out) {
  const std::string data = std::filesystem::path(verb.api.endpoint().socket).parent_path().string();
  const std::string path = data + "/control/marea.db";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return;
  const base::Result<void> sound = store::check(path);
  const bool damaged = !sound && sound.error().code == base::ErrorCode::store_damaged;
  out.push_back({"store", sound ? Check::Result::ok : Check::Result::wrong,
                 sound ? path : sound.error().what + ": " + sound.error().why,
                 damaged ? store::repair_remedy(data) : (sound ? std::string() : sound.error().remedy)});
}

// Those whose manifests are damaged cannot be made again, and keep room that may be theirs.
void check_images(Verb& verb, const Json& disk, std::vector<Check>& out) {
  const Json* unreadable = find(disk, {"unreadable"});
  if (unreadable == nullptr || !unreadable->is_array()) return;
  for (const Json& one : *unreadable) {
    out.push_back({"image " + text_at(one, {"digest"}), Check::Result::wrong, text_at(one, {"why"}),
                   verb.words()(Text::doctor_image_remedy)});
  }
}

// Beyond its limit nothing new is taken.
void check_disk(Verb& verb, std::vector<Check>& out) {
  const Outcome<Json> disk = verb.api.get(fmt::format("{}/disk", kMarea));
  if (!disk) return;
  const bool full = text_at(*disk, {"full"}) == "true";
  out.push_back({"disk", full ? Check::Result::wrong : Check::Result::ok,
                 full ? text_at(*disk, {"why"})
                      : fmt::format("{} % (<= {} %)", text_at(*disk, {"percent"}), text_at(*disk, {"most_percent"})),
                 text_at(*disk, {"remedy"})});
  check_images(verb, *disk, out);
}

// Where `marea serve` would listen without options.
void check_addresses(std::vector<Check>& out) {
  for (const std::string& address : {ServeOptions{}.http, ServeOptions{}.api}) {
    const base::Result<net::Listening> free = net::listen_tcp(address);
    out.push_back({"address " + address, free ? Check::Result::ok : Check::Result::wrong,
                   free ? std::string() : free.error().why, free ? std::string() : free.error().remedy});
  }
}

// Whether it answers.
bool check_platform(Verb& verb, std::vector<Check>& out) {
  const Outcome<Answer> answer = verb.api.send({.path = fmt::format("{}/healthz", kMarea), .timeout_seconds = 10});
  if (!answer) {
    const base::Error& error = answer.error().error;
    out.push_back({"platform", never_started(verb) ? Check::Result::absent : Check::Result::wrong,
                   error.why.empty() ? error.what : error.what + ": " + error.why, error.remedy});
    return false;
  }
  const Json health = answer->json();
  out.push_back({"platform", Check::Result::ok, verb.api.endpoint().name(), {}});
  const std::string runtime = text_at(health, {"runtime"});
  if (!runtime.empty()) out.push_back({"runtime in use", Check::Result::ok, runtime, {}});
  const Json* roles = find(health, {"roles"});
  if (roles == nullptr || !roles->is_array()) return true;
  for (const Json& role : *roles) {
    const std::string state = text_at(role, {"state"});
    const bool ok = state == "running";
    out.push_back({"role " + text_at(role, {"role"}), ok ? Check::Result::ok : Check::Result::wrong, state,
                   ok ? std::string() : verb.words()(Text::doctor_role_remedy)});
  }
  return true;
}

void print_checks(Verb& verb, const std::vector<Check>& checks) {
  const Words& words = verb.words();
  Json items = Json::array();
  std::vector<std::vector<std::string>> rows;
  std::string names;
  for (const Check& check : checks) {
    const bool ok = check.result != Check::Result::wrong;
    items.push_back({{"check", check.name}, {"ok", ok}, {"detail", check.detail}, {"remedy", check.remedy}});
    rows.push_back({check.name, words(text_of_result(check.result)), check.detail, check.remedy});
    if (!ok) names += check.name + "\n";
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
}

}  // namespace

Outcome<Exit> run_doctor(Verb& verb) {
  std::vector<Check> checks;
  const bool answers = check_platform(verb, checks);
  if (answers) check_disk(verb, checks);
  // What is behind an http:// address may be another machine.
  if (!verb.api.endpoint().socket.empty()) {
    check_this_machine(verb, checks);
    if (!answers) check_store(verb, checks);
    if (!answers) check_addresses(checks);
  }
  print_checks(verb, checks);
  for (const Check& check : checks) {
    if (check.result == Check::Result::wrong) return Exit::failure;
  }
  return Exit::ok;
}

}  // namespace marea::app
