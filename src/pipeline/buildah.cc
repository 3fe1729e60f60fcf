#include "pipeline/buildah.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "net/process.h"
#include "pipeline/files.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kPolicy = R"({"default":[{"type":"insecureAcceptAnything"}]})";
constexpr base::Duration kLook = std::chrono::seconds(1);  // how often a silent job asks whether it should go on

base::Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return base::fail(base::os_error("cannot make " + path));
}

// Whether this kernel and this file system let us mount an overlay there.
bool overlay_works(const std::string& scratch) {
  const std::string top = scratch + "/probe";
  for (const char* part : {"", "/lower", "/upper", "/work", "/merged"}) {
    if (!make_folder(top + part)) return false;
  }
  const std::string options = "lowerdir=" + top + "/lower,upperdir=" + top + "/upper,workdir=" + top + "/work";
  const std::string merged = top + "/merged";
  if (::mount("overlay", merged.c_str(), "overlay", 0, (options + ",userxattr").c_str()) != 0) return false;
  ::umount2(merged.c_str(), MNT_DETACH);
  return true;
}

}  // namespace

std::string plain_line(std::string_view line) {
  std::string out;
  for (const char c : line) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\t') {
      out += ' ';
    } else if (code >= 0x20 && code != 0x7F) {
      out += c;
    }
  }
  return out;
}

base::Result<Buildah> Buildah::open(net::Loop& loop, const JobEvents& events, const std::string& storage,
                                    const std::string& scratch) {
  for (const char* part : {"/run", "/tmp", "/home"}) {
    if (base::Result<void> made = make_folder(scratch + part); !made) return std::unexpected(made.error());
  }
  Buildah out(loop, events);
  out.policy_ = scratch + "/policy.json";
  const std::pair<std::string, const char*> files[] = {
      {out.policy_, kPolicy}, {scratch + "/registries.conf", ""}, {scratch + "/containers.conf", ""}};
  for (const auto& [path, text] : files) {
    if (base::Result<void> put = write_file_atomically(path, text, 0600); !put) return std::unexpected(put.error());
  }
  const char* driver = overlay_works(scratch) ? "overlay" : "vfs";
  out.command_ = {"buildah", "--root", storage + "/" + driver, "--runroot", scratch + "/run", "--storage-driver",
                  driver, "--registries-conf", scratch + "/registries.conf",
                  // Else root's, /var/cache/containers, which is closed to us: then no short name is found at all.
                  "--short-name-alias-conf", scratch + "/short-name-aliases.conf"};
  out.environment_ = {kPath, "HOME=" + scratch + "/home", "TMPDIR=" + scratch + "/tmp",
                      "XDG_RUNTIME_DIR=" + scratch + "/run", "CONTAINERS_CONF=" + scratch + "/containers.conf",
                      "BUILDAH_ISOLATION=chroot",
                      // We are in the user namespace that it would make for itself.
                      "_CONTAINERS_USERNS_CONFIGURED=1", "LC_ALL=C.UTF-8"};
  return out;
}

base::Result<Buildah::Output> Buildah::run(std::vector<std::string> words, Show show) {
  Output out;
  std::optional<int> status;
  words.insert(words.begin(), command_.begin(), command_.end());
  base::Result<std::unique_ptr<net::Process>> process =
      net::Process::start(loop_, {.argv = std::move(words), .env = environment_},
                          {.on_line =
                               [&](std::string_view line) {
                                 std::string text = plain_line(line);
                                 if (show == Show::every_line) events_.say(text);
                                 if (out.lines.size() >= kMostKeptLines) out.lines.erase(out.lines.begin());
                                 out.lines.push_back(std::move(text));
                               },
                           .on_exit = [&](int wait_status) { status = wait_status; }});
  if (!process) {
    return base::fail(ErrorCode::dependency_missing, "cannot run buildah", process.error().why,
                      "Install it: apt-get install buildah");
  }
  while (!status) {
    loop_.turn(kLook);
    if (!status && events_.go_on && !events_.go_on()) {
      (*process)->signal(SIGKILL);
      return base::fail(ErrorCode::unavailable, "the build was given up", "the job was cancelled");
    }
  }
  out.status = *status;
  return out;
}

}  // namespace marea::pipeline
