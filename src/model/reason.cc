#include "model/reason.h"

namespace marea::model {

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::none: return "";
    case Reason::request_waiting: return "RequestWaiting";
    case Reason::deploy_check: return "DeployCheck";
    case Reason::min_scale: return "MinScale";
    case Reason::max_scale: return "MaxScale";
    case Reason::machine_full: return "MachineFull";
    case Reason::backing_off: return "BackingOff";
    case Reason::grant_expired: return "GrantExpired";
    case Reason::idle_timeout: return "IdleTimeout";
    case Reason::revision_retired: return "RevisionRetired";
    case Reason::deleted: return "Deleted";
    case Reason::platform_stopping: return "PlatformStopping";
    case Reason::liveness_failed: return "LivenessFailed";
    case Reason::app_exited: return "AppExited";
    case Reason::app_killed: return "AppKilled";
    case Reason::out_of_memory: return "OutOfMemory";
    case Reason::never_listened: return "NeverListened";
    case Reason::port_mismatch: return "PortMismatch";
    case Reason::startup_probe_failed: return "StartupProbeFailed";
    case Reason::sandbox_failed: return "SandboxFailed";
    case Reason::image_missing: return "ContainerMissing";
    case Reason::revision_missing: return "RevisionMissing";
    case Reason::resolving_image: return "ResolvingDigests";
    case Reason::deploying: return "Deploying";
    case Reason::superseded: return "Superseded";
    case Reason::scaled_in: return "ScaledIn";
    case Reason::secret_missing: return "SecretMissing";
    case Reason::config_missing: return "ConfigMissing";
    case Reason::readiness_probe_failed: return "ReadinessProbeFailed";
  }
  return "";
}

}  // namespace marea::model
