#include "app/cli_source.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>
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
constexpr std::size_t kMostFilterSettings = 100;  // Git LFS has three; a checkout with more has no source
constexpr int kNoSuchSetting = 1;                 // git-config(1)

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

using Settings = std::vector<std::pair<std::string, std::string>>;

// HOME has safe.directory; with SUDO_UID git trusts what belongs to whoever called sudo. Missing objects of a partial
// clone are not fetched. The environment's settings come before all files, and names in it may have any character.
std::vector<std::string> git_environment(const Settings& settings) {
  std::vector<std::string> out = {"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1",
                                  "GIT_ALLOW_PROTOCOL=none", "LC_ALL=C"};
  for (const char* name : {"PATH", "HOME", "SUDO_UID", "XDG_CONFIG_HOME"}) {
    if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
  }
  std::size_t count = 0;
  for (const auto& [name, value] : settings) {
    const std::size_t number = count++;
    out.push_back(fmt::format("GIT_CONFIG_KEY_{}={}", number, name));
    out.push_back(fmt::format("GIT_CONFIG_VALUE_{}={}", number, value));
  }
  out.push_back("GIT_CONFIG_COUNT=" + std::to_string(count));
  return out;
}

// One git at a time, all before one deadline.
class Git {
 public:
  explicit Git(std::string dir) : dir_(std::move(dir)) {}

  void set(std::string name, std::string value) { settings_.emplace_back(std::move(name), std::move(value)); }

  // The exit code; nothing: it did not start, did not end, or was killed.
  std::optional<int> run(std::vector<std::string> words, std::function<void(std::string_view)> on_line) {
    std::vector<std::string> argv = {"git", "--no-pager", "-C", dir_};
    argv.insert(argv.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
    std::optional<int> status;
    const auto process = net::Process::start(
        loop_, {.argv = std::move(argv), .env = git_environment(settings_), .descriptors = {}, .directory = {}},
        {.on_line = std::move(on_line), .on_exit = [&](int wait_status) { status = wait_status; }});
    if (!process) return std::nullopt;
    while (!status && clock_.now() < end_) loop_.turn(kTurn);
    if (!status || !WIFEXITED(*status)) return std::nullopt;
    return WEXITSTATUS(*status);
  }

 private:
  std::string dir_;
  Settings settings_ = {{"core.fsmonitor", "false"},
                        {"core.hooksPath", "/dev/null"},
                        {"core.sshCommand", "false"},
                        {"safe.bareRepository", "explicit"}};
  base::SystemClock clock_;
  net::Loop loop_{clock_};
  base::Instant end_ = clock_.now() + kDeadline;
};

// Filters are programs; an empty one is none. A required one that is none is an error of git's unless it is not
// required.
bool leave_filters_out(Git& git) {
  std::vector<std::string> names;
  const std::optional<int> exit =
      git.run({"config", "--name-only", "--get-regexp", R"(^filter\..*\.(clean|smudge|process|required)$)"},
              [&](std::string_view line) {
                if (names.size() <= kMostFilterSettings) names.emplace_back(line);
              });
  if (!exit || (*exit != 0 && *exit != kNoSuchSetting) || names.size() > kMostFilterSettings) return false;
  for (std::string& name : names) {
    const bool required = name.ends_with(".required");
    git.set(std::move(name), required ? "false" : "");
  }
  return true;
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
  Git git(dir);
  if (!leave_filters_out(git)) return std::nullopt;
  GitSource source;
  const std::optional<int> exit = git.run(
      {"status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--ignore-submodules=all", "--", "."},
      [&](std::string_view line) { read_status_line(line, source); });
  if (exit != 0 || source.commit.empty()) return std::nullopt;
  return source;
}

}  // namespace marea::app
