// The builder: a process for one job, started by keeper in a user namespace of its own, because it reads what strangers
// made: archives, Dockerfiles, the programs that a build runs. It takes one message from control, does it, tells its
// progress, sends the result and exits. When control goes away, the job ends with nothing left behind; control asks
// again after its restart.
#pragma once

#include "base/fd.h"
#include "pipeline/skopeo.h"

namespace marea::pipeline {

// `link` is the socket to control; `files` come with a job that asks registries. Returns the exit code: 0 when a result
// was delivered, be it a failure.
int run_builder(base::Fd link, RegistryFiles files = {});

}  // namespace marea::pipeline
