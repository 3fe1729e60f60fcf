#include "app/cli_source.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "net/process.h"

namespace marea::app {
namespace {

constexpr base::Duration kDeadline = std::chrono::seconds(10);
constexpr base::Duration kTurn = std::chrono::milliseconds(200);
constexpr std::string_view kCommit = "# branch.oid ";
constexpr std::string_view kBranch = "# branch.head ";
constexpr std::size_t kMostBranchBytes = 200;

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// HOME has safe.directory; with SUDO_UID git trusts what belongs to whoever called sudo.
std::vector<std::string> git_environment() {
  std::vector<std::string> out = {"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"};
  for (const char* name : {"PATH", "HOME", "SUDO_UID", "XDG_CONFIG_HOME"}) {
    if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
  }
  return out;
}

}  // namespace

void read_status_line(std::string_view line, GitSource& source) {
  if (line.starts_with(kCommit)) {
    line.remove_prefix(kCommit.size());
    if (is_commit(line)) source.commit = line;
  } else if (line.starts_with(kBranch)) {
    line.remove_prefix(kBranch.size());
    const bool plain =
        std::ranges::all_of(line, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; });
    if (plain && line != "(detached)" && line.size() <= kMostBranchBytes) source.branch = line;
  } else if (line.size() > 2 && line[1] == ' ' && std::string_view("12u?").contains(line[0])) {
    source.dirty = true;
  }
}

std::optional<GitSource> source_of(const std::string& dir) {
  const base::SystemClock clock;
  net::Loop loop(clock);
  GitSource source;
  std::optional<int> status;
  const auto process = net::Process::start(
      loop,
      {.argv = {"git", "-C", dir, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "status",
                "--porcelain=v2", "--branch", "--untracked-files=normal", "--ignore-submodules=all", "--", "."},
       .env = git_environment(),
       .descriptors = {},
       .directory = {}},
      {.on_line = [&](std::string_view line) { read_status_line(line, source); },
       .on_exit = [&](int wait_status) { status = wait_status; }});
  if (!process) return std::nullopt;
  for (const base::Instant end = clock.now() + kDeadline; !status && clock.now() < end;) loop.turn(kTurn);
  if (!status || *status != 0 || source.commit.empty()) return std::nullopt;
  return source;
}

}  // namespace marea::app
