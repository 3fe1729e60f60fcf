// kubeconfig.
#include "app/cli_verbs.h"

namespace marea::app {

// YAML, which is what kubectl's own files are; JSON when asked.
Outcome<Exit> give_kubeconfig(Verb& verb) {
  const Outcome<Json> config = verb.api.get(fmt::format("{}/kubeconfig", kMarea));
  if (!config) return std::unexpected(config.error());
  const bool json = verb.arguments.format() == Format::json;
  verb.console.data(print_value(*config, json ? Format::json : Format::yaml));
  return Exit::ok;
}

}  // namespace marea::app
