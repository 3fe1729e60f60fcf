// Releases as deploy, apply, traffic, rollback and the verbs of `releases` need them: found by their own name or by
// their service's, and followed to their end.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "app/cli_commands.h"
#include "app/cli_release_report.h"

namespace marea::app {

// Of a release's own name, or of a service: its newest. Failure: not found.
Outcome<Json> find_release(Verb& verb, const std::string& name);

// The newest of the service, running or not; null when there is none.
Outcome<Json> newest_release(Verb& verb, const std::string& service);

enum class FollowUntil { promoted, done };

struct FollowOptions {
  FollowUntil until = FollowUntil::promoted;
  std::optional<std::int64_t> seconds;  // at most; absent: a release ends by itself, unless it is paused without end
};

// Asks until it is promoted (done) or over, and shows each state; gives the last one. A platform that does not answer
// for a moment (control restarts) does not end it. E_TIMEOUT after `seconds`.
Outcome<Json> follow_release(Verb& verb, const std::string& name, const FollowOptions& options,
                             const std::function<void(const ReleaseReport&)>& show);

// 0 promoted or done, 7 rolled back, 1 otherwise.
Exit exit_of_release(const ReleaseReport& report);

// How it went, on stderr; of one that did not go well also what to look at next.
void say_how_it_ended(Verb& verb, const ReleaseReport& report);

// Of the release that this state of the service began, if it did: with --wait follows it to the promotion and says each
// step, else says that it goes on and which command watches it. `waited`: of --wait-timeout, already.
Outcome<Exit> follow_deployed(Verb& verb, const Json& service, base::Duration waited);

// The same, and prints the service when all went well: how deploy and up end.
Outcome<Exit> finish_deploy(Verb& verb, const Json& service, base::Duration waited);

}  // namespace marea::app
