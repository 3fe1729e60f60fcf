#include "app/cli_commands.h"

#include <algorithm>

#include "app/cli_verbs.h"

namespace marea::app {
namespace {

using enum ValueKind;
using Options = std::vector<OptionSpec>;

constexpr OptionSpec kServer{"--server", '\0', word, "unix:PATH|http://HOST:PORT", Text::help_server};
constexpr OptionSpec kData{"--data", '\0', word, "DIR", Text::help_data, Completes::directories};
constexpr OptionSpec kHelp{"--help", 'h', none, "", Text::help_help};
constexpr OptionSpec kOutput{"--output", 'o', choice, "table|json|yaml|name", Text::help_output};
constexpr OptionSpec kName{"--name", '\0', word, "NAME", Text::help_name, Completes::services};
constexpr OptionSpec kWait{"--wait", '\0', none, "", Text::help_wait};
constexpr OptionSpec kNoWait{"--no-wait", '\0', none, "", Text::help_no_wait};
constexpr OptionSpec kWaitTimeout{"--wait-timeout", '\0', seconds, "TIME", Text::help_wait_timeout};
constexpr OptionSpec kOfService{"--service", '\0', word, "NAME", Text::help_service, Completes::services};
constexpr OptionSpec kReason{"--reason", '\0', word, "TEXT", Text::help_reason};
constexpr OptionSpec kReleasePolicy{"--release-policy",   '\0', word, "NAME", Text::help_release_policy,
                                    Completes::strategies};
constexpr OptionSpec kOfRevision{"--revision", '\0', word, "NAME", Text::help_revision, Completes::revisions};

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
  Options out = {{"--image", '\0', word, "REF|oci:DIR[:TAG]", Text::help_image, Completes::layouts}};
  std::ranges::copy(service_options(), std::back_inserter(out));
  out.insert(out.end(), {kReleasePolicy, kWait, kNoWait, kWaitTimeout});
  return with_output(std::move(out));
}

Options up_options() {
  Options out = {kName,
                 {"--dockerfile", '\0', word, "FILE", Text::help_dockerfile, Completes::files},
                 {"--kind", '\0', choice, "static|node|python|cmake", Text::help_kind},
                 {"--base", '\0', word, "IMAGE", Text::help_base, Completes::images},
                 {"--print-dockerfile", '\0', none, "", Text::help_print_dockerfile}};
  std::ranges::copy(service_options(), std::back_inserter(out));
  out.insert(out.end(), {kReleasePolicy, kWait, kNoWait, kWaitTimeout});
  return with_output(std::move(out));
}

Options serve_options() {
  return {kData,
          {"--http", '\0', word, "ADDR", Text::help_http},
          {"--api", '\0', word, "ADDR", Text::help_api},
          {"--runtime", '\0', choice, "auto|crun|runc", Text::help_runtime},
          {"--request-log", '\0', choice, "on|off", Text::help_request_log},
          {"--limit", '\0', any, "NAME=VALUE", Text::help_limit, Completes::limits},
          {"--registry-auth", '\0', word, "FILE", Text::help_registry_auth, Completes::files},
          {"--registries", '\0', word, "FILE", Text::help_registries, Completes::files},
          {"--disk-limit", '\0', count, "PERCENT", Text::help_disk_limit},
          kHelp};
}

Options logs_options() {
  return with_output({{"--follow", 'f', none, "", Text::help_follow},
                      {"--tail", 'n', count, "N", Text::help_tail},
                      {"--requests", '\0', none, "", Text::help_requests},
                      kOfRevision,
                      {"--instance", '\0', word, "ID", Text::help_instance, Completes::instances},
                      {"--container", 'c', word, "NAME", Text::help_container},
                      {"--delete", '\0', none, "", Text::help_delete_logs}});
}

Options traffic_options() {
  return with_output({{"--to-latest", '\0', none, "", Text::help_to_latest},
                      {"--tag", '\0', pairs, "TAG=REVISION", Text::help_tag, Completes::tagged},
                      {"--remove-tag", '\0', any, "TAG", Text::help_remove_tag, Completes::tags},
                      kNoWait,
                      kWaitTimeout});
}

// services, revisions, instances: list, describe, delete.
void add_nouns(std::vector<CommandSpec>& out) {
  const std::vector<PositionalSpec> service = {{"NAME", true, Completes::services}};
  const std::vector<PositionalSpec> revision = {{"NAME", true, Completes::revisions}};
  const std::vector<PositionalSpec> instance = {{"NAME", true, Completes::instances}};
  const Options plain = with_output({});
  const std::vector<CommandSpec> rows = {
      {"services list", {}, plain, Text::about_services_list, list_objects},
      {"services describe", service, plain, Text::about_services_describe, describe_object},
      {"services delete", service, plain, Text::about_services_delete, delete_object},
      {"revisions list", {}, with_output({kOfService}), Text::about_revisions_list, list_objects},
      {"revisions describe", revision, plain, Text::about_revisions_describe, describe_object},
      {"revisions delete", revision, plain, Text::about_revisions_delete, delete_object},
      {"instances list", {}, with_output({kOfService, kOfRevision}), Text::about_instances_list, list_objects},
      {"instances describe", instance, plain, Text::about_instances_describe, describe_object},
      {"instances delete", instance, plain, Text::about_instances_delete, delete_object},
  };
  out.insert(out.end(), rows.begin(), rows.end());
}

// releases: what a person may tell one; their policies.
void add_releases(std::vector<CommandSpec>& out) {
  const std::vector<PositionalSpec> release = {{"NAME", true, Completes::releases}};
  const std::vector<PositionalSpec> policy = {{"NAME", true, Completes::policies}};
  const Options plain = with_output({});
  const Options reason = with_output({kReason});
  const Options watch = with_output({{"--until", '\0', choice, "promoted|done", Text::help_until},
                                     {"--timeout", '\0', seconds, "TIME", Text::help_timeout_watch}});
  const Options pause = with_output({kReason,
                                     {"--for", '\0', word, "TIME", Text::help_pause_for},
                                     {"--endless", '\0', none, "", Text::help_endless}});
  const Options advance = with_output({kReason, {"--gate", '\0', word, "NAME", Text::help_gate}});
  const Text named = Text::more_releases_name;
  const std::vector<CommandSpec> rows = {
      {"releases list", {}, with_output({kOfService}), Text::about_releases_list, list_objects},
      {"releases describe", release, plain, Text::about_releases_describe, describe_release, named},
      {"releases watch", release, watch, Text::about_releases_watch, watch_release, Text::more_releases_watch},
      {"releases pause", release, pause, Text::about_releases_pause, move_release, named},
      {"releases resume", release, reason, Text::about_releases_resume, move_release, named},
      {"releases advance", release, advance, Text::about_releases_advance, move_release, named},
      {"releases promote", release, reason, Text::about_releases_promote, move_release, named},
      {"releases abort", release, reason, Text::about_releases_abort, move_release, named},
      {"releases retry", release, reason, Text::about_releases_retry, move_release, named},
      {"releasepolicies list", {}, plain, Text::about_releasepolicies_list, list_objects, Text::more_releasepolicies},
      {"releasepolicies describe", policy, plain, Text::about_releasepolicies_describe, describe_object},
      {"releasepolicies delete", policy, plain, Text::about_releasepolicies_delete, delete_object},
  };
  out.insert(out.end(), rows.begin(), rows.end());
}

// experiments; they are begun with apply.
void add_experiments(std::vector<CommandSpec>& out) {
  const std::vector<PositionalSpec> one = {{"NAME", true, Completes::experiments}};
  const Options plain = with_output({});
  const Options end = with_output({{"--promote", '\0', word, "ARM", Text::help_experiment_promote},
                                   {"--reason", '\0', word, "TEXT", Text::help_experiment_reason}});
  const std::vector<CommandSpec> rows = {
      {"experiments list",
       {},
       with_output({kOfService}),
       Text::about_experiments_list,
       list_objects,
       Text::more_experiments},
      {"experiments describe", one, plain, Text::about_experiments_describe, describe_object},
      {"experiments watch", one, plain, Text::about_experiments_watch, watch_experiment, Text::more_experiments_watch},
      {"experiments end", one, end, Text::about_experiments_end, end_experiment, Text::more_experiments_end},
      {"experiments delete", one, plain, Text::about_experiments_delete, delete_object},
  };
  out.insert(out.end(), rows.begin(), rows.end());
}

// What is kept on the platform's disk.
void add_storage(std::vector<CommandSpec>& out) {
  const Options plain = with_output({});
  const Options unused = with_output({{"--unused", '\0', none, "", Text::help_unused}});
  const std::vector<PositionalSpec> import_words = {{"NAME"}, {"oci:DIR[:TAG]", true, Completes::layouts}};
  const std::vector<PositionalSpec> image = {{"NAME", false, Completes::images}};
  const std::vector<PositionalSpec> file = {{"FILE", true, Completes::files}};
  const std::vector<CommandSpec> rows = {
      {"images list", {}, plain, Text::about_images_list, list_images},
      {"images import", import_words, plain, Text::about_images_import, import_image, Text::more_images_import},
      {"images delete", image, unused, Text::about_images_delete, delete_images, Text::more_images_delete},
      {"disk", {}, plain, Text::about_disk, show_disk, Text::more_disk},
      {"builds delete", {}, plain, Text::about_builds_delete, delete_builds},
      {"backup", file, with_place({}), Text::about_backup, back_up, Text::more_backup},
      {"restore", file, {kData, kHelp}, Text::about_restore, restore_backup, Text::more_restore},
      {"repair", {}, {kData, kHelp}, Text::about_repair, repair_store, Text::more_repair},
  };
  out.insert(out.end(), rows.begin(), rows.end());
}

// What the program says of itself.
void add_own(std::vector<CommandSpec>& out) {
  const OptionSpec form{"--output", 'o', choice, "table|json|yaml|name", Text::help_output};
  const Options kubeconfig = {{"--file", '\0', word, "FILE", Text::help_kubeconfig_file, Completes::files}};
  const std::vector<PositionalSpec> topic = {{"COMMAND", false, Completes::verbs}, {"VERB", false}};
  const std::vector<PositionalSpec> shell = {{"bash|zsh|fish", true, Completes::itself}};
  const std::vector<PositionalSpec> line = {{"WORD", false, Completes::nothing, true}};
  const std::vector<CommandSpec> rows = {
      {"kubeconfig", {}, with_output(kubeconfig), Text::about_kubeconfig, give_kubeconfig, Text::more_kubeconfig},
      {"doctor", {}, with_output({}), Text::about_doctor, run_doctor, Text::more_doctor},
      {"version", {}, {form, kHelp}, Text::about_version, print_version},
      {"help", topic, {kHelp}, Text::about_help, print_help, Text::more_help},
      {"completion", shell, {kHelp}, Text::about_completion, print_completion, Text::more_completion},
      {"man", {}, {kHelp}, Text::about_man, print_manual, Text::more_man},
      {"commands", {}, {form, kHelp}, Text::about_commands, print_commands, Text::more_commands},
      {"complete", line, with_place({}), Text::about_complete, print_candidates, std::nullopt, true},
  };
  out.insert(out.end(), rows.begin(), rows.end());
}

std::vector<CommandSpec> make_commands() {
  const std::vector<PositionalSpec> service = {{"NAME", true, Completes::services}};
  const std::vector<PositionalSpec> some_service = {{"NAME", false, Completes::services}};
  const std::vector<PositionalSpec> dir = {{"DIR", false, Completes::directories}};
  const Options apply = {
      {"--filename", 'f', word, "FILE|-", Text::help_filename, Completes::files}, kWait, kNoWait, kWaitTimeout};
  const std::vector<PositionalSpec> traffic = {service[0], {"REVISION=PERCENT", false, Completes::shares, true}};
  const std::vector<PositionalSpec> rollback = {service[0], {"REVISION", false, Completes::revisions}};
  const std::vector<PositionalSpec> two = {{"NAME", true, Completes::revisions},
                                           {"REVISION", false, Completes::revisions},
                                           {"REVISION", false, Completes::revisions}};
  const Options history = {{"--at", '\0', word, "TIME", Text::help_at},
                           {"--since", '\0', word, "TIME", Text::help_history_since}};
  const Options changes = {{"--since", '\0', word, "TIME", Text::help_changes_since}};
  const Options what_ran = {{"--request", '\0', word, "ID", Text::help_request_id},
                            {"--around", '\0', word, "TIME", Text::help_around}};
  const Options diff = {{"--filename", 'f', word, "FILE|-", Text::help_diff_file, Completes::files}};
  std::vector<CommandSpec> out = {
      {"serve", {}, serve_options(), Text::about_serve, serve_platform, Text::more_serve},
      {"up", dir, up_options(), Text::about_up, up_directory, Text::more_up},
      {"deploy", service, deploy_options(), Text::about_deploy, deploy_image, Text::more_deploy},
      {"apply", {}, with_output(apply), Text::about_apply, apply_manifests, Text::more_apply},
      {"traffic", traffic, traffic_options(), Text::about_traffic, show_traffic, Text::more_traffic},
      {"rollback", rollback, with_output({kReason}), Text::about_rollback, roll_back, Text::more_rollback},
      {"history", service, with_output(history), Text::about_history, show_history, Text::more_history},
      {"changes", service, with_output(changes), Text::about_changes, show_changes, Text::more_changes},
      {"whatran", {}, with_output(what_ran), Text::about_whatran, show_what_ran, Text::more_whatran},
      {"diff", two, with_output(diff), Text::about_diff, show_diff, Text::more_diff},
      {"logs", service, logs_options(), Text::about_logs, print_logs, Text::more_logs},
      {"top", {}, with_output({}), Text::about_top, show_top, Text::more_top},
      {"usage", some_service, with_output({}), Text::about_usage, print_usage, Text::more_usage},
  };
  add_nouns(out);
  add_releases(out);
  add_experiments(out);
  add_storage(out);
  add_own(out);
  return out;
}

const CommandSpec* find_command(std::string_view name) {
  const auto all = commands();
  const auto found = std::ranges::find(all, name, &CommandSpec::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

bool is_noun(std::string_view word) {
  return std::ranges::any_of(commands(), [&](const CommandSpec& command) {
    return command.noun() == word && command.name.size() > word.size();
  });
}

std::string in_plural(std::string word) {
  if (is_noun(word)) return word;
  if (word.ends_with('y') && is_noun(word.substr(0, word.size() - 1) + "ies")) {
    return word.substr(0, word.size() - 1) + "ies";
  }
  return is_noun(word + "s") ? word + "s" : word;
}

std::span<const OptionSpec> common_options() {
  static const Options kCommon = with_output({});
  return kCommon;
}

std::size_t words_before_verb(std::span<const std::string> words) {
  std::size_t at = 0;
  while (at < words.size() && words[at].starts_with('-')) at += takes_next(common_options(), words[at]) ? 2 : 1;
  return at;
}

namespace {

std::unexpected<Failure> unknown_verb(const std::string& verb, const std::string& noun, const Words& words) {
  Failure out = usage_failure(words(Text::unknown_verb, verb), words(Text::see_help, noun));
  std::vector<std::string_view> known;
  for (const CommandSpec& command : commands()) {
    if (!command.hidden) known.push_back(noun.empty() ? command.noun() : command.name);
  }
  if (const std::string_view meant = nearest(verb, known); !meant.empty()) out.error.why = words(Text::meant, meant);
  return give_up(std::move(out));
}

}  // namespace

bool CommandSpec::asks_platform() const {
  return std::ranges::find(options, kServer.name, &OptionSpec::name) != options.end();
}

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
    if (takes_next(common_options(), words[at]) && at + 1 < words.size()) out.words.push_back(words[++at]);
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
