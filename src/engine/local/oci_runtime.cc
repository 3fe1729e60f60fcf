#include "engine/local/oci_runtime.h"

#include <optional>
#include <sstream>
#include <utility>

#include "net/loop.h"
#include "net/process.h"

namespace marea::engine::local {
namespace {

constexpr base::Duration kMostProgramTime = std::chrono::seconds(10);
constexpr std::size_t kMostOutputBytes = 64U << 10;

}  // namespace

std::string parse_runtime_version(const std::string& output) {
  std::istringstream in(output);
  std::string name;
  std::string word;
  std::string version;
  in >> name >> word >> version;
  return word == "version" ? name + " " + version : name;
}

base::Result<ProgramEnd> run_to_end(const base::Clock& clock, std::vector<std::string> argv) {
  net::Loop loop(clock);
  ProgramEnd out;
  std::optional<int> status;
  const std::string program = argv.front();
  auto process = net::Process::start(loop, {.argv = std::move(argv)},
                                     {.on_line =
                                          [&out](std::string_view line) {
                                            if (out.output.size() < kMostOutputBytes) {
                                              out.output += std::string(line) + "\n";
                                            }
                                          },
                                      .on_exit = [&status](int ended) { status = ended; }});
  if (!process) return std::unexpected(process.error());
  const base::Instant deadline = clock.now() + kMostProgramTime;
  while (!status) {
    const base::Instant now = clock.now();
    if (now >= deadline) return base::fail(base::ErrorCode::timeout, program + " does not end", "10 s have passed");
    loop.turn(deadline - now);
  }
  out.status = *status;
  return out;
}

base::Result<OciRuntime> find_runtime(const base::Clock& clock, const std::string& wanted) {
  std::vector<std::string> names = {"crun", "runc"};
  if (!wanted.empty()) names = {wanted};
  for (const std::string& name : names) {
    const base::Result<ProgramEnd> end = run_to_end(clock, {name, "--version"});
    if (!end || end->status != 0) continue;
    return OciRuntime{.program = name, .version = parse_runtime_version(end->output), .refuses_hybrid = name == "crun"};
  }
  return base::fail(base::ErrorCode::dependency_missing,
                    wanted.empty() ? "no OCI runtime is installed" : "the OCI runtime '" + wanted + "' cannot be run",
                    "crun or runc must be in PATH", "apt-get install crun");
}

std::vector<std::string> run_arguments(const OciRuntime& runtime, const RuntimeCall& call) {
  return {runtime.program,
          "--root",
          call.state,
          "run",
          "--detach",
          "--preserve-fds",
          std::to_string(call.descriptors),
          "--bundle",
          call.bundle,
          "--pid-file",
          call.pid_file,
          call.name};
}

}  // namespace marea::engine::local
