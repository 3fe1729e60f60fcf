#include "app/cli_commands.h"

#include <algorithm>

#include "app/cli_verbs.h"

namespace marea::app {
namespace {

using enum ValueKind;
using Options = std::vector<OptionSpec>;

constexpr OptionSpec kServer{"--server", '\0', word, "unix:PATH|http://HOST:PORT", Text::help_server};
constexpr OptionSpec kData{"--data", '\0', word, "DIR", Text::help_data};
constexpr OptionSpec kHelp{"--help", 'h', none, "", Text::help_help};
constexpr OptionSpec kOutput{"--output", 'o', format, "table|json|yaml|name", Text::help_output};
constexpr OptionSpec kName{"--name", '\0', word, "NAME", Text::help_name};
constexpr OptionSpec kWait{"--wait", '\0', none, "", Text::help_wait};
constexpr OptionSpec kNoWait{"--no-wait", '\0', none, "", Text::help_no_wait};
constexpr OptionSpec kWaitTimeout{"--wait-timeout", '\0', seconds, "TIME", Text::help_wait_timeout};

Options with_place(Options options) {
  options.insert(options.end(), {kServer, kData, kHelp});
  return options;
}

Options with_output(Options options) {
  options.push_back(kOutput);
  return with_place(std::move(options));
}

// What deploy and up may set of a service.
Options service_options() {
  return {
      {"--port", '\0', port, "N", Text::help_port},
      {"--env", '\0', pairs, "NAME=VALUE", Text::help_env},
      {"--concurrency", '\0', count, "N", Text::help_concurrency},
      {"--min-scale", '\0', count, "N", Text::help_min_scale},
      {"--max-scale", '\0', count, "N", Text::help_max_scale},
      {"--cpu", '\0', word, "CPU", Text::help_cpu},
      {"--memory", '\0', word, "BYTES", Text::help_memory},
      {"--timeout", '\0', seconds, "TIME", Text::help_timeout},
      {"--idle-timeout", '\0', word, "TIME", Text::help_idle_timeout},
      {"--command", '\0', any, "WORD", Text::help_command},
      {"--args", '\0', any, "WORD", Text::help_args},
  };
}

Options deploy_options() {
  Options out = {{"--image", '\0', word, "oci:DIR[:TAG]|REF", Text::help_image}};
  std::ranges::copy(service_options(), std::back_inserter(out));
  out.insert(out.end(), {kWait, kNoWait, kWaitTimeout});
  return with_output(std::move(out));
}

Options up_options() {
  Options out = {kName, {"--dockerfile", '\0', word, "FILE", Text::help_dockerfile}};
  std::ranges::copy(service_options(), std::back_inserter(out));
  out.insert(out.end(), {kWait, kNoWait, kWaitTimeout});
  return with_output(std::move(out));
}

std::vector<CommandSpec> make_commands() {
  const std::vector<PositionalSpec> name = {{"NAME"}};
  const Options of_service = {{"--service", '\0', word, "NAME", Text::help_service}};
  const Options of_revision = {of_service[0], {"--revision", '\0', word, "NAME", Text::help_revision}};
  const Options serve = {kData,
                         {"--http", '\0', word, "ADDR", Text::help_http},
                         {"--api", '\0', word, "ADDR", Text::help_api},
                         {"--runtime", '\0', word, "auto|crun|runc", Text::help_runtime},
                         {"--request-log", '\0', word, "on|off", Text::help_request_log},
                         {"--limit", '\0', any, "NAME=VALUE", Text::help_limit},
                         {"--disk-limit", '\0', count, "PERCENT", Text::help_disk_limit},
                         kHelp};
  const Options apply = {{"--filename", 'f', word, "FILE|-", Text::help_filename}, kWait, kNoWait, kWaitTimeout};
  const Options logs = {
      {"--follow", 'f', none, "", Text::help_follow},        {"--tail", 'n', count, "N", Text::help_tail},
      {"--requests", '\0', none, "", Text::help_requests},   of_revision[1],
      {"--instance", '\0', word, "ID", Text::help_instance}, {"--delete", '\0', none, "", Text::help_delete_logs}};
  const Options unused = {{"--unused", '\0', none, "", Text::help_unused}};
  return {
      {"serve", {}, serve, Text::about_serve, serve_platform},
      {"up", {{"DIR", false}}, up_options(), Text::about_up, up_directory},
      {"deploy", name, deploy_options(), Text::about_deploy, deploy_image},
      {"apply", {}, with_output(apply), Text::about_apply, apply_manifests},
      {"services list", {}, with_output({}), Text::about_services_list, list_objects},
      {"services describe", name, with_output({}), Text::about_services_describe, describe_object},
      {"services delete", name, with_output({}), Text::about_services_delete, delete_object},
      {"revisions list", {}, with_output(of_service), Text::about_revisions_list, list_objects},
      {"revisions describe", name, with_output({}), Text::about_revisions_describe, describe_object},
      {"revisions delete", name, with_output({}), Text::about_revisions_delete, delete_object},
      {"instances list", {}, with_output(of_revision), Text::about_instances_list, list_objects},
      {"instances describe", name, with_output({}), Text::about_instances_describe, describe_object},
      {"instances delete", name, with_output({}), Text::about_instances_delete, delete_object},
      {"images list", {}, with_output({}), Text::about_images_list, list_images},
      {"images import", {{"NAME"}, {"oci:DIR[:TAG]"}}, with_output({}), Text::about_images_import, import_image},
      {"images delete", {{"NAME", false}}, with_output(unused), Text::about_images_delete, delete_images},
      {"builds delete", {}, with_output({}), Text::about_builds_delete, delete_builds},
      {"backup", {{"FILE"}}, with_place({}), Text::about_backup, back_up},
      {"restore", {{"FILE"}}, {kData, kHelp}, Text::about_restore, restore_backup},
      {"repair", {}, {kData, kHelp}, Text::about_repair, repair_store},
      {"logs", name, with_output(logs), Text::about_logs, print_logs},
      {"usage", {{"NAME", false}}, with_output({}), Text::about_usage, print_usage},
      {"doctor", {}, with_output({}), Text::about_doctor, run_doctor},
      {"version", {}, with_output({}), Text::about_version, print_version},
      {"help", {{"COMMAND", false}, {"VERB", false}}, {kHelp}, Text::about_help, print_help},
  };
}

const CommandSpec* find_command(std::string_view name) {
  const auto all = commands();
  const auto found = std::ranges::find(all, name, &CommandSpec::name);
  return found == all.end() ? nullptr : &*found;
}

bool is_noun(std::string_view word) {
  return std::ranges::any_of(commands(), [&](const CommandSpec& command) {
    return command.noun() == word && command.name.size() > word.size();
  });
}

// `marea service describe web` is what many type; the table has the plural.
std::string in_plural(std::string word) {
  return !is_noun(word) && is_noun(word + "s") ? word + "s" : word;
}

// Of the options that may stand before the verb: whether the next word is its value.
bool takes_next(std::string_view word) {
  return word == "--server" || word == "--data" || word == "--output" || word == "-o";
}

std::unexpected<Failure> unknown_verb(const std::string& verb, const std::string& noun, const Words& words) {
  return give_up(usage_failure(words(Text::unknown_verb, verb), words(Text::see_help, noun)));
}

}  // namespace

std::span<const CommandSpec> commands() {
  static const std::vector<CommandSpec> kCommands = make_commands();
  return kCommands;
}

Outcome<ChosenCommand> choose_command(const std::vector<std::string>& words, const Words& language) {
  ChosenCommand out;
  std::size_t at = 0;
  for (; at < words.size() && words[at].starts_with('-'); ++at) {
    if (words[at] == "--version") return ChosenCommand{find_command("version"), {}};
    if (words[at] == "--help" || words[at] == "-h") return ChosenCommand{find_command("help"), {}};
    out.words.push_back(words[at]);
    if (takes_next(words[at]) && at + 1 < words.size()) out.words.push_back(words[++at]);
  }
  if (at == words.size()) return give_up(usage_failure(language(Text::no_verb), language(Text::see_help, "")));
  std::string verb = in_plural(words[at++]);
  if (is_noun(verb)) {
    const std::string noun = verb;
    const bool says_more = at < words.size() && !words[at].starts_with('-');
    verb += " " + (says_more ? words[at++] : std::string("list"));
    out.command = find_command(verb);
    if (out.command == nullptr) return unknown_verb(verb, " " + noun, language);
  } else {
    out.command = find_command(verb);
    if (out.command == nullptr) return unknown_verb(verb, "", language);
  }
  out.words.insert(out.words.end(), words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
  return out;
}

}  // namespace marea::app
