// Why something is as it is. One closed list that decisions return and that CLI, log, status conditions and audit all
// print, so that a cause reads the same everywhere.
#pragma once

#include <string_view>

namespace marea::model {

enum class Reason {
  none,
  // why an instance was started
  request_waiting,  // RequestWaiting: a request waits and no slot is free
  deploy_check,     // DeployCheck: a new revision proves that it starts
  min_scale,        // MinScale
  // why it was not
  max_scale,      // MaxScale: the revision's maximum is reached
  machine_full,   // MachineFull: no memory or no sandbox slot left on the machine
  backing_off,    // BackingOff: the last starts failed; the next attempt comes later
  grant_expired,  // GrantExpired: control, which says what may run, has been away for too long
  // why it was stopped
  idle_timeout,       // IdleTimeout: nobody asked for long enough; also scaled_in, below
  revision_retired,   // RevisionRetired: no traffic and not wanted
  deleted,            // Deleted: a person or the API deleted it
  platform_stopping,  // PlatformStopping
  liveness_failed,    // LivenessFailed
  // why it failed
  app_exited,            // AppExited: exit code in ExitStatus
  app_killed,            // AppKilled: signal in ExitStatus
  out_of_memory,         // OutOfMemory
  never_listened,        // NeverListened: no listener before the startup deadline
  port_mismatch,         // PortMismatch: it listens, but not where expected
  startup_probe_failed,  // StartupProbeFailed
  sandbox_failed,        // SandboxFailed: the OCI runtime or the kernel refused
  image_missing,         // ContainerMissing (Knative's word): the image cannot be found or unpacked
  revision_missing,      // RevisionMissing (Knative's word): traffic names a revision that is absent or not ready
  // progress
  resolving_image,  // ResolvingDigests (Knative's word)
  deploying,        // Deploying
  superseded,       // Superseded: a newer deploy took its place
  // Engine's files hold the numbers: a newer reason comes at the end, where an earlier marea reads it as no word.
  scaled_in,               // ScaledIn: why it was stopped: fewer are needed, others of the revision stay
  secret_missing,          // SecretMissing: a value that it needs is to come from a secret that is not there
  config_missing,          // ConfigMissing: the same of a config map
  readiness_probe_failed,  // ReadinessProbeFailed: it gets no new request until its readiness probe passes again
};

std::string_view to_string(Reason reason);

}  // namespace marea::model
