#include "engine/local/oci_runtime.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <sstream>
#include <utility>

#include "net/loop.h"
#include "net/process.h"

namespace marea::engine::local {
namespace {

constexpr base::Duration kMostProgramTime = std::chrono::seconds(10);
constexpr std::size_t kMostOutputBytes = 64U << 10;

constexpr unsigned kMfdExec = 0x10;  // MFD_EXEC of Linux 6.3; Debian 12's headers are older

// Where execvp(3) would find it.
std::string program_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return name;
}

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
    const bool crun = name == "crun";
    return OciRuntime{.program = name,
                      .version = parse_runtime_version(end->output),
                      .refuses_hybrid = crun,
                      .takes_seccomp_program = crun};
  }
  return base::fail(base::ErrorCode::dependency_missing,
                    wanted.empty() ? "no OCI runtime is installed" : "the OCI runtime '" + wanted + "' cannot be run",
                    "crun or runc must be in PATH", "apt-get install crun");
}

void seal_program(OciRuntime& runtime) {
  const base::Fd file(::open(program_path(runtime.program).c_str(), O_RDONLY | O_CLOEXEC));
  base::Fd copy(::memfd_create(runtime.program.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | kMfdExec));
  if (!copy) copy = base::Fd(::memfd_create(runtime.program.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));  // before 6.3
  struct stat state{};
  if (!file || !copy || ::fstat(file.get(), &state) != 0) return;
  for (off_t at = 0; at < state.st_size;) {
    if (::sendfile(copy.get(), file.get(), &at, static_cast<std::size_t>(state.st_size - at)) <= 0) return;
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) return;
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(copy.get());
  if (::access(path.c_str(), X_OK) != 0) return;
  runtime.program = path;
  runtime.sealed = std::move(copy);
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
