#include "control/deploy_check.h"

#include <algorithm>

namespace marea::control {
namespace {

using model::InstanceState;
using model::Reason;

std::string mebibytes(std::int64_t bytes) {
  constexpr std::int64_t kMebi = 1 << 20;
  return std::to_string((bytes + kMebi / 2) / kMebi) + " MiB";
}

// Twice as much, as --memory takes it: what to try next.
std::string doubled(std::int64_t bytes) {
  constexpr std::int64_t kMebi = 1 << 20;
  const std::int64_t mebi = std::max<std::int64_t>(2 * bytes / kMebi, 1);
  return mebi % 1024 == 0 ? std::to_string(mebi / 1024) + "Gi" : std::to_string(mebi) + "Mi";
}

std::string seconds(base::Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

std::string listeners(const model::InstanceReport& report) {
  std::string out;
  for (const model::ListeningSocket& socket : report.listening) {
    const bool ipv6 = socket.address.find(':') != std::string::npos;
    if (!out.empty()) out += ", ";
    out += (ipv6 ? "[" + socket.address + "]" : socket.address) + ":" + std::to_string(socket.port);
  }
  return out;
}

base::ErrorCode code_of(Reason reason) {
  switch (reason) {
    case Reason::app_exited:
    case Reason::app_killed:
    case Reason::liveness_failed: return base::ErrorCode::app_exited;
    case Reason::out_of_memory: return base::ErrorCode::out_of_memory;
    case Reason::never_listened: return base::ErrorCode::never_listened;
    case Reason::port_mismatch: return base::ErrorCode::port_mismatch;
    case Reason::startup_probe_failed: return base::ErrorCode::startup_probe_failed;
    case Reason::readiness_probe_failed: return base::ErrorCode::readiness_probe_failed;
    case Reason::secret_missing: return base::ErrorCode::secret_missing;
    case Reason::config_missing: return base::ErrorCode::config_missing;
    case Reason::image_missing: return base::ErrorCode::image_not_found;
    case Reason::superseded: return base::ErrorCode::conflict;
    case Reason::none:
    case Reason::request_waiting:
    case Reason::deploy_check:
    case Reason::min_scale:
    case Reason::max_scale:
    case Reason::machine_full:
    case Reason::backing_off:
    case Reason::grant_expired:
    case Reason::idle_timeout:
    case Reason::scaled_in:
    case Reason::revision_retired:
    case Reason::deleted:
    case Reason::platform_stopping:
    case Reason::sandbox_failed:
    case Reason::revision_missing:
    case Reason::resolving_image:
    case Reason::deploying: return base::ErrorCode::sandbox_failed;
  }
  return base::ErrorCode::sandbox_failed;
}

// The container that made it fail; the app's unless a sidecar is named.
const model::Container& culprit(const model::Revision& revision, const model::InstanceReport& report) {
  const auto& sidecars = revision.spec.sidecars;
  const auto found = std::ranges::find(sidecars, report.container, &model::Container::name);
  return report.container.empty() || found == sidecars.end() ? revision.spec.container : *found;
}

// How messages call it, and where it is in the manifest.
std::string whose(const model::InstanceReport& report) {
  return report.container.empty() ? "the app" : "the container \"" + report.container + "\"";
}

std::string manifest_place(const model::Revision& revision, const model::InstanceReport& report) {
  if (revision.spec.sidecars.empty()) return "spec.template.spec.containers[0]";
  return "spec.template.spec.containers[name=" + culprit(revision, report).name + "]";
}

// The cause with its place, and the remedy, for failures of an app that did not listen where it should.
std::string describe_silent_port(const model::Revision& revision, const model::InstanceReport& report) {
  const model::Container& container = revision.spec.container;
  const std::string port = std::to_string(container.port);
  std::string out = "nothing listened on port " + port;
  // Without a probe of its own, an app that listens elsewhere is judged before the deadline (decision 5).
  if (report.listening.empty() || container.startup.declared) {
    out += " within " + seconds(container.startup.deadline());
  }
  if (report.listening.empty()) {
    return out + ". Make the app listen on the port in $PORT (" + port +
           "), or give it more time with startupProbe.failureThreshold";
  }
  out += "; the app listens on " + listeners(report) + ". ";
  const std::string found = std::to_string(report.listening.front().port);
  if (report.listening.front().port == container.port) return out + "Make the app accept connections sooner";
  return out + "Set " + manifest_place(revision, report) + ".ports[0].containerPort: " + found + " (marea deploy " +
         revision.service.str() + " --port " + found + "), or make the app listen on the port in $PORT";
}

std::string describe_exit(const model::Revision& revision, const model::InstanceReport& report) {
  const model::Container& container = culprit(revision, report);
  const std::string who = whose(report);
  const std::string status = report.exit ? to_string(*report.exit) : std::string("unknown status");
  if (report.reason == Reason::out_of_memory || (report.exit && report.exit->out_of_memory)) {
    std::string out = who + " was killed for its memory limit of " + mebibytes(container.limits.memory_bytes);
    if (report.peak_memory_bytes > 0) out += " (it used " + mebibytes(report.peak_memory_bytes) + ")";
    out += ". Raise " + manifest_place(revision, report) + ".resources.limits.memory (";
    out += report.container.empty() ? "marea deploy " + revision.service.str() + " --memory " : std::string();
    return out + doubled(container.limits.memory_bytes) + "), or make it use less; files that it writes are memory too";
  }
  if (report.reason == Reason::app_killed) {
    return who + " was ended by " + status +
           ". Look at its last lines and at the command, arguments and files it needs";
  }
  // Such as: the program is not in the image.
  const bool says_more = !report.detail.empty() && report.detail.find(status) == std::string::npos;
  if (says_more) return who + " ended with " + status + ": " + report.detail;
  if (!report.container.empty()) {
    return who + " ended with " + status +
           ". It must keep running as long as the app; look at its last lines, and at its command and arguments";
  }
  return "the app ended with " + status +
         ". It must keep running and listen on the port in $PORT; look at its last lines, and at its command, "
         "arguments and environment (marea deploy " +
         revision.service.str() + " --env NAME=VALUE)";
}

std::string cause_of(const model::Revision& revision, const model::InstanceReport& report) {
  const std::string detail = report.detail.empty() ? std::string() : " (" + report.detail + ")";
  switch (code_of(report.reason)) {
    case base::ErrorCode::app_exited:
      if (report.reason == Reason::liveness_failed) {
        return "its liveness probe failed" + detail + ". Look at its last lines, or relax livenessProbe";
      }
      return describe_exit(revision, report);
    case base::ErrorCode::out_of_memory: return describe_exit(revision, report);
    case base::ErrorCode::never_listened:
    case base::ErrorCode::port_mismatch: return describe_silent_port(revision, report);
    case base::ErrorCode::startup_probe_failed:
      return "its startup probe failed within " + seconds(culprit(revision, report).startup.deadline()) + detail +
             ". Check " + manifest_place(revision, report) + ".startupProbe: path, port, failureThreshold";
    case base::ErrorCode::readiness_probe_failed:
      return "it started, and its readiness probe did not pass" + detail + ". Check " +
             manifest_place(revision, report) +
             ".readinessProbe: path, port, initialDelaySeconds; a "
             "startupProbe with more time gives it more time too";
    default: return "no sandbox could be made for it" + detail + ". Run: marea doctor";
  }
}

}  // namespace

bool is_machines_own(Reason reason) {
  return reason == Reason::sandbox_failed || reason == Reason::machine_full || reason == Reason::none;
}

bool is_up(InstanceState state) {
  return state == InstanceState::running || state == InstanceState::idle || state == InstanceState::frozen;
}

bool is_live(InstanceState state) {
  return state != InstanceState::failed && state != InstanceState::stopped;
}

std::optional<Verdict> judge_start(std::span<const model::InstanceReport> reports, int wanted) {
  const auto up = std::ranges::count_if(reports, [](const auto& report) { return is_up(report.state); });
  const bool full =
      std::ranges::any_of(reports, [](const auto& report) { return report.reason == Reason::machine_full; });
  if (up >= wanted || (up > 0 && full)) return Verdict{.ready = true};
  if (up > 0) return std::nullopt;
  int machine_failures = 0;
  const model::InstanceReport* newest = nullptr;
  for (const model::InstanceReport& report : reports) {
    if (report.state != InstanceState::failed) continue;
    if (!is_machines_own(report.reason)) return Verdict{.failure = &report};
    ++machine_failures;
    newest = &report;
  }
  if (machine_failures >= kMachineFailures) return Verdict{.failure = newest};
  return std::nullopt;
}

Failure describe_failure(const model::Revision& revision, const model::InstanceReport& report,
                         const std::vector<std::string>& log_lines) {
  const Reason reason = report.reason == Reason::none ? Reason::sandbox_failed : report.reason;
  Failure failure{.reason = reason, .code = code_of(reason)};
  failure.message = revision.name.str() + ", instance " + report.id.str() + ": " + cause_of(revision, report) + ".";
  if (log_lines.empty()) {
    failure.message += "\nIt wrote no output.";
    return failure;
  }
  failure.message += "\nLast lines of its output:";
  const std::size_t first = log_lines.size() > kShownLogLines ? log_lines.size() - kShownLogLines : 0;
  for (std::size_t i = first; i < log_lines.size(); ++i) failure.message += "\n  " + log_lines[i];
  return failure;
}

Failure describe_missing_image(const model::Revision& revision, const base::Error& cause) {
  Failure failure{.reason = Reason::image_missing, .code = cause.code};
  failure.message = revision.name.str() + ": " + cause.what;
  if (!cause.why.empty()) failure.message += ": " + cause.why;
  failure.message += ".";
  if (!cause.remedy.empty()) failure.message += " " + cause.remedy;
  if (!failure.message.ends_with('.')) failure.message += ".";
  return failure;
}

Failure describe_silence(const model::Revision& revision, base::Duration waited) {
  return {.reason = Reason::sandbox_failed,
          .code = base::ErrorCode::timeout,
          .message = revision.name.str() + ": no instance of it came up or failed within " + seconds(waited) +
                     ". Run: marea doctor; then apply the service again."};
}

}  // namespace marea::control
