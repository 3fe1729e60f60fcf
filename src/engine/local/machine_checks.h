// What marea needs of a machine to run sandboxes, each as a question with its answer: for `marea doctor`, and to tell
// at the start what is missing before a person meets it in a failed instance. Nothing is changed by asking.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"

namespace marea::engine::local {

struct MachineCheck {
  std::string name;  // stable, for scripts: "cgroups"
  bool ok = false;
  bool required = true;  // false: only a part of marea needs it
  std::string what;      // what was looked for, or found: "crun 1.8.1"
  std::string why;       // of a failure
  std::string remedy;    // of a failure: the exact command where there is one
};

// `data_dir` exists. `runtime` as in SandboxHostOptions.
std::vector<MachineCheck> check_machine(const base::Clock& clock, const std::string& data_dir,
                                        const std::string& runtime);

// Pure: which of the needed capabilities are missing in the text of /proc/self/status.
std::vector<std::string> missing_capabilities(const std::string& status);

}  // namespace marea::engine::local
