// The OCI runtime that is installed: which one, and how it is called. crun and runc share the command line that is used
// here (create and run of a bundle); everything else marea does itself.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

namespace marea::engine::local {

struct OciRuntime {
  std::string program;                 // as in PATH
  std::string version;                 // "crun 1.8.1"
  bool refuses_hybrid = false;         // crun: does not start beside an empty v2 cgroup tree
  bool takes_seccomp_program = false;  // crun, since 0.17: the annotation run.oci.seccomp_bpf_data
  base::Fd sealed;                     // once seal_program has run
};

// `wanted` is "crun", "runc" or "" for the first of them that is installed (crun starts faster).
base::Result<OciRuntime> find_runtime(const base::Clock& clock, const std::string& wanted);

// Both runtimes copy themselves into a sealed memory file at each call and start again from there, so that no container
// can write to them (CVE-2019-5736). Done once here, they find themselves sealed, which saves 3 ms a start. Where the
// kernel does not allow it, nothing changes.
void seal_program(OciRuntime& runtime);

struct RuntimeCall {
  std::string state;   // folder for the runtime's own files
  std::string bundle;  // folder with config.json
  std::string pid_file;
  std::string name;
  int descriptors = 0;  // kept from 3 on
};
std::vector<std::string> run_arguments(const OciRuntime& runtime, const RuntimeCall& call);

// Pure: "crun version 1.8.1\ncommit: …" → "crun 1.8.1".
std::string parse_runtime_version(const std::string& output);

struct ProgramEnd {
  int status = 0;      // as of waitpid(2)
  std::string output;  // both streams, bounded
};
// Runs a short program and waits for it: for the start and the end of the engine, never while apps are served.
base::Result<ProgramEnd> run_to_end(const base::Clock& clock, std::vector<std::string> argv);

}  // namespace marea::engine::local
