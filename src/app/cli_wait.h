// Waiting for a deploy: asks for the service until its newest generation serves, failed, or the time is over, and says
// each change on stderr. A platform that does not answer for a moment (control restarts) does not end the wait.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "app/cli_client.h"
#include "app/cli_console.h"
#include "base/clock.h"

namespace marea::app {

inline constexpr std::int64_t kDefaultWaitSeconds = 600;  // startup deadline (240 s) and the unpacking of a large image

enum class DeployState { going_on, ready, failed };
// Of the generation that was sent or a newer one, by that condition.
DeployState deploy_state(const Json& service, std::int64_t generation, std::string_view condition = "Ready");

// Of a service whose newest revision failed: the cause with its place and log lines; exit code 6 when an older revision
// keeps serving, else 1.
Failure deploy_failure(const Json& service, const Words& words);

class DeployWait {
 public:
  using Pause = std::function<void(base::Duration)>;
  DeployWait(ApiClient& api, Console& console, const base::Clock& clock, Pause pause)
      : api_(api), console_(console), clock_(clock), pause_(std::move(pause)) {}

  // `service` is the platform's answer to the change; gives the service as it serves. E_TIMEOUT after `seconds`.
  Outcome<Json> until_ready(const Json& service, std::int64_t seconds) { return until(service, seconds, "Ready"); }
  // Until the router has its traffic, whether or not its newest revision is ready.
  Outcome<Json> until_routed(const Json& service, std::int64_t seconds) {
    return until(service, seconds, "RoutesReady");
  }

 private:
  Outcome<Json> until(const Json& service, std::int64_t seconds, std::string_view condition);
  void say_progress(const Json& service, base::Duration elapsed);

  ApiClient& api_;
  Console& console_;
  const base::Clock& clock_;
  Pause pause_;
};

}  // namespace marea::app
