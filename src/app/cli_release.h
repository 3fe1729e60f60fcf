// What deploy, up and apply share: send an object, wait for a service, print it.
#pragma once

#include <string>
#include <vector>

#include "app/cli_commands.h"
#include "app/cli_manifest.h"
#include "model/mixed_manifest.h"

namespace marea::app {

// Creates or replaces it, says which, and gives the platform's answer. One that was read before has its
// resourceVersion, which must still be right. `before`: the service as it is, null when there is none. The platform's
// notices are said, but not those that end with a message of `known`.
Outcome<Json> send_service(Verb& verb, const Json& service, const Json& before,
                           const std::vector<model::Fault>& known = {});

// The same of a manifest: its resourceVersion counts only when it was read from the very service that is there. What
// was exported elsewhere, or from a service deleted since, has one that says nothing about this service.
Outcome<Json> send_manifest(Verb& verb, const model::MixedDocument& manifest);

// Whether the platform would take it; it stores nothing, and nothing is said.
Outcome<void> try_manifest(Verb& verb, const model::MixedDocument& manifest);

// "services", "releasepolicies": as verbs and paths name them.
std::string_view noun_of(model::ManifestKind kind);

// Reads the service, changes what the settings say and sends it; a new one needs an image.
Outcome<Json> change_and_send(Verb& verb, const std::string& name, const ServiceSettings& settings);

// Waits as --wait, --no-wait and --wait-timeout say; gives the newest known state.
Outcome<Json> wait_as_asked(Verb& verb, const Json& service, bool unless_told);

// Of a failure before anything was changed: when an older revision of the service serves, says so and exits with 6.
Failure with_kept_revision(Verb& verb, const std::string& name, Failure failure);

// The URL for people (a table), else as -o says.
void print_deployed(Verb& verb, const Json& service);

// The name must be a DNS label; says which one would do.
Outcome<void> check_service_name(const std::string& name, const Words& words);

}  // namespace marea::app
